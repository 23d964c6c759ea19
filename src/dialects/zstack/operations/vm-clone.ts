import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import { vmInstance } from '../inventories/vm-instance.ts';
import type { ErrorBody } from '../protocol/error-codes.ts';
import { booleanField, errorSchema, oneOfField, uuidField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { buildFailureOf } from '../protocol/server-builds.ts';
import { operationFailed, ZStackError } from '../protocol/zstack-error.ts';
import { inventorySchema } from '../query/inventory-schema.ts';
import { ofClass } from '../query/java-classes.ts';
import { readInventory } from '../query/query.ts';
import { volumePlace } from './primary-storage-words.ts';
import { vmExample } from './vm-examples.ts';
import { checkVolumeTags, tagVolumesOf, volumeTagFields } from './vm-volume-tags.ts';
import { inAllowedState } from './vm-words.ts';

const clone = { ...vmExample, uuid: '4c0d2d1f3b7e4f8f9a6b2e3d4c5f6a71', name: 'web-2' };

export const cloneVmInstance = jobOperation({
  id: 'CloneVmInstance',
  group: 'VM Instance',
  package: 'header.vm',
  method: 'PUT',
  path: '/vm-instances/{vmInstanceUuid}/actions',
  since: '2.0',
  allow: 'member',
  timeoutSeconds: 72 * 3600,
  params: uuidIn('vmInstanceUuid', 'The server that is to be cloned.'),
  body: T.Object({
    names: T.Array(T.String({ minLength: 1, maxLength: 255 }), {
      minItems: 1,
      maxItems: 24,
      description: 'The names of the clones: one clone for each.',
    }),
    strategy: oneOfField(
      ['InstantStart', 'JustCreate', 'CreateStopped'],
      'Whether the clones are started (InstantStart), made without being started (CreateStopped), or built by their first start (JustCreate).',
    ),
    full: booleanField('Whether its data volumes are cloned too.'),
    primaryStorageUuidForRootVolume: uuidField(
      'Where their root volumes shall lie: a primary storage, or, by the host’s uuid, the own disk of a host. Wherever there is most room if none is said.',
    ),
    primaryStorageUuidForDataVolume: uuidField(
      'Where the copies of data volumes shall lie: a storage of the host that these are on. Beside them if none is said.',
    ),
    clusterUuid: uuidField('Accepted: the host is chosen by this cloud.'),
    hostUuid: uuidField('Accepted: the host is chosen by this cloud.'),
    ...volumeTagFields,
  }),
  response: T.Object({
    result: T.Object(
      {
        numberOfClonedVm: T.Integer(),
        inventories: T.Array(
          T.Object(
            { inventory: T.Optional(inventorySchema(vmInstance)), error: T.Optional(errorSchema) },
            ofClass('org.zstack.header.vm.CloneVmInstanceInventory'),
          ),
        ),
      },
      ofClass('org.zstack.header.vm.CloneVmInstanceResults'),
    ),
  }),
  answer: clonesOf,
  title: 'Clone a server',
  summary:
    'Makes servers like it: of its size, in its networks with addresses of their own, and with a copy of its root volume as that is at one moment. It may run meanwhile.',
  examples: [
    {
      title: 'Once',
      params: { vmInstanceUuid: vmExample.uuid },
      body: { cloneVmInstance: { names: ['web-2'] } },
      status: 200,
      response: { result: { numberOfClonedVm: 1, inventories: [{ inventory: clone }] } },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const { vmInstanceUuid: uuid, names, strategy = 'InstantStart', full } = input;
    await checkVolumeTags(cloud, subject, input);
    const ofRoot = 'primaryStorageUuidForRootVolume';
    const ofData = 'primaryStorageUuidForDataVolume';
    const root = await volumePlace(cloud, input[ofRoot], ofRoot);
    const data = await volumePlace(cloud, input[ofData], ofData);
    const rule = {
      message: 'org.zstack.header.vm.APICloneVmInstanceMsg',
      allowed: ['Running', 'Stopped', 'Paused'],
      code: 'SYS.1006',
    } as const;
    return await inAllowedState(cloud, subject, uuid, rule, async () => {
      const origin = await cloud.servers.get(subject, uuid);
      if (origin.imageId === null) {
        throw new ZStackError('SYS.1014', `vm[uuid:${uuid}] boots from a volume, and can't be cloned in this cloud`);
      }
      const leaveUnbuilt = strategy === 'JustCreate';
      if (leaveUnbuilt && full && (await cloud.volumes.ofServer(uuid)).some(({ kind }) => kind === 'data')) {
        // They would be copies of what the volumes hold when the clone is started, and not of what they hold now.
        throw new ZStackError('SYS.1014', 'data volumes are not cloned with the strategy[JustCreate] by this cloud');
      }
      const { actionId, cloneIds } = await cloud.servers.clone(subject, uuid, {
        names,
        withVolumes: full,
        leaveStopped: strategy === 'CreateStopped',
        leaveUnbuilt,
        rootPlace: { storageId: root.place?.storageId },
        onHostId: root.place?.hostId ?? data.place?.hostId,
        dataStorageId: data.place?.storageId,
      });
      const tagged = await tagVolumesOf(cloud, subject, cloneIds, input);
      return { actionId, uuid: cloneIds.join(), builds: cloneIds, ...(actionId ? tagged : {}) };
    });
  },
});

/**
 * Each clone, or why it could not be built. The job fails when none was.
 * @param uuids of the clones, parted by commas
 */
async function clonesOf(cloud: Cloud, uuids: string): Promise<Record<string, unknown>> {
  const inventories: Array<{ inventory?: unknown; error?: ErrorBody }> = [];
  for (const uuid of uuids.split(',')) {
    const failure = await buildFailureOf(cloud, uuid);
    const inventory = failure ? undefined : await readInventory(cloud, vmInstance, uuid);
    if (inventory) inventories.push({ inventory });
    else if (failure) inventories.push({ error: failure });
  }
  const made = inventories.filter(({ inventory }) => inventory !== undefined);
  if (made.length === 0) throw operationFailed(inventories[0]?.error?.details ?? 'the clones are gone already');
  return { result: { numberOfClonedVm: made.length, inventories } };
}
