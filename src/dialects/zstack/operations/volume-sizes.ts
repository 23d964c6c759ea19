import { Type as T } from 'typebox';
import type { Volume } from '../../../cloud/volumes/model.ts';
import { mebibyte } from '../inventories/common.ts';
import { volume } from '../inventories/volume.ts';
import { uuidField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { invalidArgument } from '../protocol/zstack-error.ts';
import { inAllowedState } from './vm-words.ts';
import { vmInstanceUuid, volumeExample } from './volume-examples.ts';
import { dataVolume, onVolume, volumeNamed } from './volume-words.ts';

const shared = { group: 'Volume', package: 'header.volume', since: '0.6', allow: 'member', method: 'PUT' } as const;
const rootExample = { ...volumeExample, name: 'ROOT-for-web', type: 'Root', vmInstanceUuid, deviceId: 0 };

/** Volumes grow by whole ones of these, and by one of them at least. */
const unit = 4 * mebibyte;
const sizeField = T.Integer({ minimum: 512, description: 'The new size, bytes: more than it has.' });

/** The size that the volume gets where this one is asked for. */
function largerSize({ id, kind, size }: Volume, asked: number): number {
  const type = kind === 'root' ? 'Root' : 'Data';
  if (asked < size) throw invalidArgument(`Cannot shrink [${type}] volume[uuid:${id}]'s size`);
  if (asked - size < unit) throw invalidArgument('Minimum increase size should be larger than 4MB');
  return Math.ceil(asked / unit) * unit;
}

const resizeDataVolume = jobOperation({
  ...shared,
  id: 'ResizeDataVolume',
  path: '/volumes/data/resize/{uuid}/actions',
  params: uuidIn('uuid', 'The volume.'),
  body: T.Object({ size: sizeField }),
  result: volume,
  title: 'Make a data volume larger',
  summary: 'Makes a volume larger, attached or not. Its content stays. The size is rounded up to whole 4 MiB.',
  examples: [
    {
      title: 'Two gibibytes',
      params: { uuid: volumeExample.uuid },
      body: { resizeDataVolume: { size: 2147483648 } },
      status: 200,
      response: { inventory: { ...volumeExample, size: 2147483648 }, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { uuid, size } }) => {
    const found = await dataVolume(cloud, subject, 'uuid', uuid);
    const newSize = largerSize(found, size);
    if (!found.enabled) throw invalidArgument(`can not resize volume[${uuid}], because volume state is Disabled`);
    return { actionId: (await onVolume(uuid, () => cloud.blockStorage.extend(subject, uuid, newSize))).actionId, uuid };
  },
});

const resizeRootVolume = jobOperation({
  ...shared,
  id: 'ResizeRootVolume',
  path: '/volumes/resize/{uuid}/actions',
  params: uuidIn('uuid', 'The root volume.'),
  body: T.Object({ vmInstanceUuid: uuidField('The server whose root volume it is.'), size: sizeField }),
  result: volume,
  title: 'Make a root volume larger',
  summary:
    'Makes the disk that a server boots from larger, whether it runs or is stopped. Its content stays, and so do its ' +
    'partitions: the server’s system makes use of the new room. The size is rounded up to whole 4 MiB.',
  examples: [
    {
      title: 'Two gibibytes',
      params: { uuid: rootExample.uuid },
      body: { resizeRootVolume: { size: 2147483648 } },
      status: 200,
      response: { inventory: { ...rootExample, size: 2147483648 }, success: true },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const { uuid, vmInstanceUuid: vmUuid, size } = input;
    const found = await volumeNamed(cloud, subject, 'uuid', uuid);
    if (vmUuid !== undefined && found.serverId !== vmUuid)
      throw invalidArgument(`no volume[uuid:${uuid}, vmInstanceUuid:${vmUuid}] can be found`);
    if (found.kind !== 'root' || found.serverId === null)
      throw invalidArgument(`volume[uuid:${uuid}] is not root volume`);
    const newSize = largerSize(found, size);
    const { id, serverId, origin } = found;
    const message = 'org.zstack.header.volume.APIResizeRootVolumeMsg';
    const rule = { message, allowed: ['Running', 'Stopped'], code: 'SYS.1006' } as const;
    const extend = (): Promise<{ actionId: string }> =>
      origin === 'volume'
        ? cloud.blockStorage.extend(subject, id, newSize)
        : cloud.servers.extendRoot(subject, serverId, newSize);
    const begun = await inAllowedState(cloud, subject, serverId, rule, () => onVolume(id, extend));
    return { actionId: begun.actionId, uuid: id };
  },
});

/** Making volumes larger. */
export const volumeSizeOperations = [resizeDataVolume, resizeRootVolume];
