import { Type as T } from 'typebox';
import type { Server } from '../../../cloud/servers/model.ts';
import { image } from '../inventories/image.ts';
import { vmInstance } from '../inventories/vm-instance.ts';
import { uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { invalidArgument, operationFailed } from '../protocol/zstack-error.ts';
import { inventorySchema } from '../query/inventory-schema.ts';
import { inventoriesWith } from '../query/query.ts';
import { imageExample } from './image-examples.ts';
import { vmExample } from './vm-examples.ts';
import { usableImage } from './vm-placement.ts';
import { inAllowedState, stateOf } from './vm-words.ts';

const shared = { group: 'VM Instance', package: 'header.vm', since: '3.0' } as const;
const params = uuidIn('vmInstanceUuid', 'The server.');
const here = { vmInstanceUuid: vmExample.uuid };

/** The root disk of one that boots from a volume of its own is no layer that could be made anew of another image. */
function requireImage({ id, imageId }: Server): void {
  if (imageId === null) throw operationFailed(`vm[uuid:${id}] boots from a volume, and has no image to change`);
}

const getCandidates = syncOperation({
  ...shared,
  id: 'GetImageCandidatesForVmToChange',
  method: 'GET',
  path: '/vm-instances/{vmInstanceUuid}/image-candidates',
  allow: 'reader',
  params,
  response: T.Object({ inventories: T.Array(inventorySchema(image)) }),
  title: 'Get images that a server could change to',
  summary: 'The images that are ready, for its processors, and no larger than its root volume.',
  examples: [{ title: 'Get', params: here, status: 200, response: { inventories: [imageExample] } }],
  handle: async ({ cloud, subject, input: { vmInstanceUuid: uuid } }) => {
    await stateOf(cloud, subject, uuid, 'vmInstanceUuid');
    const server = await cloud.servers.get(subject, uuid);
    requireImage(server);
    const { size } = await cloud.volumes.get(subject, server.rootVolumeId!);
    const q = ['mediaType=RootVolumeTemplate', 'state=Enabled', 'status=Ready', 'system=false', `size<=${size}`];
    const inventories = await inventoriesWith(cloud, image, subject, q);
    const { architecture = 'x86_64' } = server.hardware;
    return { inventories: inventories.filter((one) => one['architecture'] === architecture) };
  },
});

const changeVmImage = jobOperation({
  ...shared,
  id: 'ChangeVmImage',
  method: 'PUT',
  path: '/vm-instances/{vmInstanceUuid}/actions',
  allow: 'member',
  params,
  body: T.Object({ imageUuid: T.String({ maxLength: 64, description: 'The image.' }) }),
  result: vmInstance,
  title: 'Change the image of a server',
  summary: 'Gives a stopped server a fresh root volume, made from another image. Its data volumes and addresses stay.',
  examples: [
    {
      title: 'Change',
      params: here,
      body: { changeVmImage: { imageUuid: imageExample.uuid } },
      status: 200,
      response: { inventory: { ...vmExample, state: 'Stopped' }, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { vmInstanceUuid: uuid, imageUuid } }) => {
    const message = 'org.zstack.header.vm.APIChangeVmImageMsg';
    return await inAllowedState(cloud, subject, uuid, { message, allowed: ['Stopped'], code: 'SYS.1006' }, async () => {
      requireImage(await cloud.servers.get(subject, uuid));
      const { id, mediaType } = await usableImage(cloud, subject, imageUuid);
      if (mediaType === 'iso') throw invalidArgument(`image[uuid:${id}] is an ISO, a root volume can't be made of it`);
      return { uuid, actionId: (await cloud.servers.rebuild(subject, uuid, { imageId: id })).actionId };
    });
  },
});

/** Servers that get another image. */
export const vmImageChangeOperations = [getCandidates, changeVmImage];
