import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Storage } from '../../../cloud/storages/model.ts';
import type { NewStorage } from '../../../cloud/storages/storages.ts';
import { primaryStorage } from '../inventories/places.ts';
import { descriptionField, nameField, oneOfField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { systemTagValues } from '../protocol/system-tags.ts';
import { invalidArgument, operationFailed, resourceNotFound, ZStackError } from '../protocol/zstack-error.ts';
import { hostExample } from './place-changes.ts';
import { isOwnDisk, requireStorage } from './primary-storage-words.ts';
import { creationExample, deletion } from './simple-operations.ts';

const shared = { group: 'Primary Storage', package: 'header.storage.primary', since: '0.6', allow: 'admin' } as const;
const clusterUuid = hostExample.clusterUuid;
/** A storage that was added, as the examples show it. */
const added = {
  uuid: '7a1b2c3d4e5f60718293a4b5c6d7e8f9',
  name: 'big',
  zoneUuid: hostExample.zoneUuid,
  url: '/data2',
  mountPath: '/data2',
  totalCapacity: 0,
  availableCapacity: 0,
  type: 'LocalStorage',
  state: 'Enabled',
  status: 'Connecting',
  attachedClusterUuids: [] as string[],
  createDate: hostExample.createDate,
  lastOpDate: hostExample.lastOpDate,
};
const attached = { ...added, status: 'Connected', attachedClusterUuids: [clusterUuid] };
const place = T.Object({
  clusterUuid: T.String({ maxLength: 64, description: 'The cluster.' }),
  primaryStorageUuid: T.String({ maxLength: 64, description: 'The primary storage.' }),
});
const here = { clusterUuid, primaryStorageUuid: added.uuid };

const fields = (url: string, type: string) => ({
  name: nameField,
  description: descriptionField,
  url: T.String({ minLength: 1, maxLength: 2048, description: url }),
  zoneUuid: T.String({ maxLength: 64, description: 'The zone.' }),
  type: oneOfField([type], `${type}.`),
});

async function add(
  cloud: Cloud,
  input: { resourceUuid?: string; name: string; description?: string; zoneUuid: string },
  place: Pick<NewStorage, 'path' | 'kind' | 'nfs'>,
): Promise<{ uuid: string }> {
  const { resourceUuid: id, name, description, zoneUuid } = input;
  if (!(await cloud.zones.names()).has(zoneUuid)) throw resourceNotFound('zoneUuid', zoneUuid, 'ZoneVO');
  const wanted = { id, name, description: description ?? null, zoneId: zoneUuid, ...place };
  return { uuid: (await naming('url', () => cloud.storages.add(wanted))).id };
}

const addLocal = jobOperation({
  ...shared,
  package: 'storage.primary.local',
  id: 'AddLocalPrimaryStorage',
  creates: 'untagged',
  dryRun: false,
  method: 'POST',
  path: '/primary-storage/local-storage',
  body: T.Object(
    fields('A folder of the hosts, perhaps a mounted one: absolute, and empty or not there yet.', 'LocalStorage'),
  ),
  result: primaryStorage,
  title: 'Add a local primary storage',
  summary:
    'Takes a further folder of the hosts into the cloud, in which disks and their snapshots can lie. Hosts use it once a cluster has it.',
  examples: [
    creationExample('A mounted folder', { name: 'big', url: '/data2', zoneUuid: hostExample.zoneUuid }, added),
  ],
  handle: ({ cloud, input }) => add(cloud, input, { path: input.url, kind: 'local' }),
});

const addSharedMountPoint = jobOperation({
  ...shared,
  package: 'storage.primary.smp',
  id: 'AddSharedMountPointPrimaryStorage',
  creates: 'untagged',
  dryRun: false,
  method: 'POST',
  path: '/primary-storage/smp',
  body: T.Object(
    fields(
      'The folder at which the hosts have mounted what they share: absolute, the same on all of them, and empty.',
      'SharedMountPoint',
    ),
  ),
  result: primaryStorage,
  title: 'Add a shared mount point',
  summary:
    'Takes a folder that all hosts of its clusters have, of a cluster file system for example, into the cloud: servers change hosts without their disks in it being copied.',
  examples: [
    creationExample(
      'A cluster file system',
      { name: 'common', url: '/mnt/common', zoneUuid: hostExample.zoneUuid },
      { ...added, name: 'common', url: '/mnt/common', mountPath: '/mnt/common', type: 'SharedMountPoint' },
    ),
  ],
  handle: ({ cloud, input }) => add(cloud, input, { path: input.url, kind: 'shared' }),
});

const mountOptions = 'mount::options';
const nfsExample = { name: 'nfs', url: '192.168.0.25:/share/nfs', type: 'NFS' };

const addNfs = jobOperation({
  ...shared,
  package: 'storage.primary.nfs',
  id: 'AddNfsPrimaryStorage',
  creates: 'untagged',
  dryRun: false,
  method: 'POST',
  path: '/primary-storage/nfs',
  body: T.Object(
    fields('The folder of an NFS server, as `host:/folder`, with the address of an IPv6 host in brackets.', 'NFS'),
  ),
  result: primaryStorage,
  title: 'Add an NFS primary storage',
  summary:
    'Takes a folder of an NFS server into the cloud, which each host of its clusters mounts by itself: servers change hosts without their disks in it being copied. The system tag nfs::mount::options::{options} says how it is mounted.',
  examples: [
    creationExample(
      'A folder of a server',
      { name: nfsExample.name, url: nfsExample.url, zoneUuid: hostExample.zoneUuid },
      { ...added, ...nfsExample, mountPath: `mounts/${added.uuid}` },
    ),
  ],
  handle: ({ cloud, input }) => {
    const { url, systemTags } = input;
    const options = systemTagValues(systemTags, 'nfs').map((tag) => {
      if (tag.startsWith(`${mountOptions}::`)) return tag.slice(mountOptions.length + 2);
      throw invalidArgument(`no system tag matches[nfs::${tag}]`);
    });
    if (options.length > 1) throw invalidArgument('field[systemTags]: found multiple nfs::mount::options');
    return add(cloud, input, { nfs: { url, options: options[0] } });
  },
});

const attach = jobOperation({
  ...shared,
  id: 'AttachPrimaryStorageToCluster',
  dryRun: false,
  method: 'POST',
  path: '/clusters/{clusterUuid}/primary-storage/{primaryStorageUuid}',
  params: place,
  result: primaryStorage,
  title: 'Attach a primary storage to a cluster',
  summary:
    'Has the hosts of the cluster make their parts of the folder, which they mount first where it is an NFS server’s. Refused where none of them can, or the zone is another one.',
  examples: [
    {
      title: 'Attach',
      params: here,
      body: { params: {} },
      status: 200,
      response: { inventory: attached, success: true },
    },
  ],
  handle: async ({ cloud, input: { clusterUuid: cluster, primaryStorageUuid: uuid } }) => {
    await requireAdded(cloud, 'primaryStorageUuid', uuid, 'belongs to the cluster of its host');
    await requireCluster(cloud, cluster);
    await naming('primaryStorageUuid', () => cloud.storages.attach(uuid, cluster));
    return { uuid };
  },
});

const detach = jobOperation({
  ...shared,
  id: 'DetachPrimaryStorageFromCluster',
  dryRun: false,
  method: 'DELETE',
  path: '/clusters/{clusterUuid}/primary-storage/{primaryStorageUuid}',
  params: place,
  result: primaryStorage,
  title: 'Detach a primary storage from a cluster',
  summary:
    'Refused while volumes or snapshots lie in it on hosts of the cluster: nothing is stopped or removed for it.',
  examples: [{ title: 'Detach', params: here, status: 200, response: { inventory: added, success: true } }],
  handle: async ({ cloud, input: { clusterUuid: cluster, primaryStorageUuid: uuid } }) => {
    await requireAdded(cloud, 'primaryStorageUuid', uuid, 'goes with its host: DeleteHost');
    await requireCluster(cloud, cluster);
    await naming('primaryStorageUuid', () => cloud.storages.detach(uuid, cluster));
    return { uuid };
  },
});

const changeState = jobOperation({
  ...shared,
  id: 'ChangePrimaryStorageState',
  method: 'PUT',
  path: '/primary-storage/{uuid}/actions',
  params: uuidIn('uuid', 'The primary storage.'),
  body: T.Object({
    stateEvent: T.Unsafe<'enable' | 'disable' | 'maintain'>({
      type: 'string',
      enum: ['enable', 'disable', 'maintain'],
      description: 'enable, disable or maintain.',
    }),
  }),
  result: primaryStorage,
  title: 'Enable, disable or maintain a primary storage',
  summary:
    'New disks come to enabled ones only; what is there stays in use. Of the own disk of a host, it is the host that is enabled or disabled.',
  examples: [
    {
      title: 'Disable',
      params: { uuid: added.uuid },
      body: { changePrimaryStorageState: { stateEvent: 'disable' } },
      status: 200,
      response: { inventory: { ...attached, state: 'Disabled' }, success: true },
    },
  ],
  handle: async ({ cloud, input: { uuid, stateEvent } }) => {
    const states = { enable: 'enabled', disable: 'disabled', maintain: 'maintenance' } as const;
    const storage = await requireStorage(cloud, 'uuid', uuid);
    if (isOwnDisk(storage)) await cloud.hosts.setState(uuid, states[stateEvent]);
    else await cloud.storages.setState(uuid, states[stateEvent]);
    return { uuid };
  },
});

/** Throws for one that is not there, and, with what to do instead, for the own disk of a host. */
async function requireAdded(cloud: Cloud, field: string, uuid: string, instead: string): Promise<Storage> {
  const storage = await requireStorage(cloud, field, uuid);
  if (!isOwnDisk(storage)) return storage;
  throw new ZStackError('SYS.1014', `primary storage[uuid:${uuid}] is the own disk of a host, and ${instead}`);
}

async function requireCluster(cloud: Cloud, uuid: string): Promise<void> {
  const known = (await cloud.zones.clusters()).some(({ id }) => id === uuid);
  if (!known) throw resourceNotFound('clusterUuid', uuid, 'ClusterVO');
}

/** Says in the dialect's words what can't be. */
async function naming<Result>(field: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    if (error.details.reason === 'no_storage_place') throw invalidArgument(`field[${field}]: ${error.message}`);
    if (error.details.reason === 'no_storage_options') throw invalidArgument(`field[systemTags]: ${error.message}`);
    if (error.code === 'conflict' || error.code === 'duplicate') throw operationFailed(error.message);
    throw error;
  }
}

/** Primary storages that come and go while the cloud runs. */
export const addedPrimaryStorageOperations = [
  addLocal,
  addSharedMountPoint,
  addNfs,
  attach,
  detach,
  changeState,
  deletion({
    ...shared,
    id: 'DeletePrimaryStorage',
    path: '/primary-storage/{uuid}',
    title: 'Delete a primary storage',
    summary: 'Takes it out of the cloud. Refused while a cluster has it, or anything lies in it; the folder stays.',
    example: added,
    remove: async ({ cloud, input: { uuid } }) => {
      await requireAdded(cloud, 'uuid', uuid, 'goes with its host: DeleteHost');
      await naming('uuid', () => cloud.storages.remove(uuid));
      return undefined;
    },
  }),
];

/** As `UpdatePrimaryStorage`, of one that was added. */
export async function updateAdded(
  cloud: Cloud,
  uuid: string,
  { name, description, url }: { name?: string; description?: string | null; url?: string },
): Promise<void> {
  const { nfsUrl } = (await cloud.storages.find(uuid)) ?? {};
  const place = nfsUrl ? { nfsUrl: url || undefined } : { path: url || undefined };
  await naming('url', () => cloud.storages.update(uuid, { name, description, ...place }));
}
