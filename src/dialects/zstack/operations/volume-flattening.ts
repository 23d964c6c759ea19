import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import { vmInstance } from '../inventories/vm-instance.ts';
import { volume } from '../inventories/volume.ts';
import { booleanField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { operationFailed } from '../protocol/zstack-error.ts';
import { ended } from './vm-data-volumes.ts';
import { vmExample } from './vm-examples.ts';
import { inAllowedState } from './vm-words.ts';
import { volumeExample } from './volume-examples.ts';
import { onVolume, volumeNamed } from './volume-words.ts';

const shared = { since: '4.7.0', allow: 'member', method: 'PUT', timeoutSeconds: 72 * 3600 } as const;
const dryRun = booleanField('Only says whether it could be done now.');
/** Where nothing else is under way on the server. */
const allowed = ['Running', 'Stopped', 'Paused'];

/** Begins it; undefined where the volume needs no image already. */
async function flatten(cloud: Cloud, subject: Subject, uuid: string): Promise<string | undefined> {
  return (await onVolume(uuid, () => cloud.blockStorage.flatten(subject, uuid))).actionId;
}

const flattenVolume = jobOperation({
  ...shared,
  id: 'FlattenVolume',
  group: 'Volume',
  package: 'header.volume',
  path: '/volumes/{uuid}/actions',
  params: uuidIn('uuid', 'The volume, root or data.'),
  body: T.Object({ dryRun }),
  result: volume,
  title: 'Flatten a volume',
  summary:
    'Makes the disk of a volume one that is a layer over no image, also while a server has it and runs. One that is so already stays as it is.',
  examples: [
    {
      title: 'Flatten',
      params: { uuid: volumeExample.uuid },
      body: { flattenVolume: {} },
      status: 200,
      response: { inventory: volumeExample, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { uuid, dryRun: isTry } }) => {
    const { serverId, diskId, status } = await volumeNamed(cloud, subject, 'uuid', uuid);
    if (diskId === null || !['available', 'in-use'].includes(status)) {
      throw operationFailed(`volume[uuid:${uuid}] is not Ready, can't flatten it`);
    }
    const begin = async () => ({ uuid, actionId: isTry ? undefined : await flatten(cloud, subject, uuid) });
    if (serverId === null) return await begin();
    const rule = { message: 'org.zstack.header.volume.APIFlattenVolumeMsg', allowed, code: 'SYS.1006' } as const;
    return await inAllowedState(cloud, subject, serverId, rule, begin);
  },
});

const flattenVmInstance = jobOperation({
  ...shared,
  id: 'FlattenVmInstance',
  group: 'VM Instance',
  package: 'header.vm',
  path: '/vm-instances/{uuid}/actions',
  params: uuidIn('uuid', 'The server.'),
  body: T.Object({ full: booleanField('Its data volumes too.'), dryRun }),
  result: vmInstance,
  title: 'Flatten the volumes of a server',
  summary:
    'Makes its root volume, and with `full` its data volumes, layers over no image, one after the other. The server may run meanwhile.',
  examples: [
    {
      title: 'Its root volume',
      params: { uuid: vmExample.uuid },
      body: { flattenVmInstance: {} },
      status: 200,
      response: { inventory: vmExample, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { uuid, full, dryRun: isTry } }) => {
    const rule = { message: 'org.zstack.header.vm.APIFlattenVmInstanceMsg', allowed, code: 'SYS.1006' } as const;
    return await inAllowedState(cloud, subject, uuid, rule, async () => {
      if (isTry) return { uuid };
      const kinds = full ? ['root', 'data'] : ['root'];
      const volumes = (await cloud.volumes.ofServer(uuid)).filter(({ kind }) => kinds.includes(kind));
      const rest = volumes.map(({ id }) => id);
      for (let id = rest.shift(); id !== undefined; id = rest.shift()) {
        const actionId = await flatten(cloud, subject, id);
        if (actionId === undefined) continue;
        const afterwards = async () => {
          for (const other of rest) {
            const next = await flatten(cloud, subject, other);
            if (next !== undefined) await ended(cloud, next);
          }
        };
        return { uuid, actionId, afterwards };
      }
      return { uuid };
    });
  },
});

/** Volumes that need no image any more. */
export const volumeFlatteningOperations = [flattenVolume, flattenVmInstance];
