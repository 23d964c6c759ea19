import { Type as T } from 'typebox';
import { uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { imageExample } from './image-examples.ts';
import { imageNamed } from './image-words.ts';

const shared = { group: 'Image', package: 'header.image', since: '3.0' } as const;
const byUuid = uuidIn('uuid', 'The image.');
const here = { uuid: imageExample.uuid };

/** Glance's property for it. */
const property = 'hw_qemu_guest_agent';

/** Whether the system in an image is said to run QEMU's guest agent. Servers have its channel in any case. */
export const imageQgaOperations = [
  jobOperation({
    ...shared,
    id: 'SetImageQga',
    method: 'PUT',
    path: '/images/{uuid}/actions',
    allow: 'member',
    params: byUuid,
    body: T.Object({ enable: T.Boolean({ description: 'Whether the agent runs in it.' }) }),
    title: 'Say whether an image has the guest agent',
    summary:
      'Notes whether QEMU’s guest agent runs in the system of an image, as Glance’s property hw_qemu_guest_agent. Servers have its channel in any case, and what it can do is done where it answers.',
    examples: [
      {
        title: 'It has',
        params: here,
        body: { setImageQga: { enable: true } },
        status: 200,
        response: {},
      },
    ],
    handle: async ({ cloud, subject, input: { uuid, enable } }) => {
      await imageNamed(cloud, subject, 'uuid', uuid);
      await cloud.images.update(subject, uuid, ({ properties }) => ({
        properties: { ...properties, [property]: enable ? 'yes' : 'no' },
      }));
      return {};
    },
  }),
  syncOperation({
    ...shared,
    id: 'GetImageQga',
    method: 'GET',
    path: '/images/{uuid}/qga',
    allow: 'reader',
    params: byUuid,
    response: T.Object({ enable: T.Boolean() }),
    title: 'Get whether an image has the guest agent',
    summary: 'As it was noted; false where nothing was.',
    examples: [{ title: 'Get', params: here, status: 200, response: { enable: false } }],
    handle: async ({ cloud, subject, input: { uuid } }) => {
      const { properties } = await imageNamed(cloud, subject, 'uuid', uuid);
      return { enable: /^(yes|true|1|on)$/i.test(properties[property] ?? '') };
    },
  }),
];
