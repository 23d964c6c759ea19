import { hostname } from 'node:os';
import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { NewImageStore } from '../../../cloud/image-stores/image-stores.ts';
import { gibibyte } from '../inventories/common.ts';
import { backupStorage } from '../inventories/storage.ts';
import {
  booleanField,
  descriptionField,
  nameField,
  optionalName,
  textField,
  uuidIn,
} from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import type { AsyncOutcome } from '../protocol/run-job.ts';
import { invalidArgument, operationFailed, ZStackError } from '../protocol/zstack-error.ts';
import { backupStorageExample, naming } from './backup-storage.ts';
import { creationExample, deletion } from './simple-operations.ts';

const shared = { group: 'Backup Storage', package: 'header.storage.backup', since: '0.6', allow: 'admin' } as const;
const imageStores = { ...shared, package: 'storage.backup.imagestore', result: backupStorage } as const;
const byUuid = uuidIn('uuid', 'The backup storage.');
const here = { uuid: backupStorageExample.uuid };
const success = { inventory: backupStorageExample, success: true };
const second = {
  ...backupStorageExample,
  uuid: '9c4d5e6f708142a3b4c5d6e7f8091a2b',
  name: 'second',
  url: 'dir://second',
  hostname: 'second',
  totalCapacity: 200 * gibibyte,
  attachedZoneUuids: [],
};
const notUsed = 'Taken and not kept: nothing is logged in to.';

/** What every kind of backup storage is added with. */
export const storeFields = {
  name: nameField,
  description: descriptionField,
  importImages: booleanField('Must be false: a new store begins empty.'),
};

const addImageStore = jobOperation({
  ...imageStores,
  id: 'AddImageStoreBackupStorage',
  creates: 'image_store',
  dryRun: false,
  method: 'POST',
  path: '/backup-storage/image-store',
  body: T.Object({
    ...storeFields,
    hostname: T.String({ maxLength: 255, description: 'This machine, for a folder; any text for S3.' }),
    username: T.String({ maxLength: 255, description: notUsed }),
    password: T.String({ maxLength: 255, description: notUsed }),
    sshPort: T.Optional(T.Integer({ minimum: 1, maximum: 65535, description: notUsed })),
    url: T.String({
      minLength: 1,
      maxLength: 2048,
      description:
        'A folder of this machine (perhaps a mounted one), empty or not there yet; or s3://bucket/prefix?endpoint=http://host:port.',
    }),
    type: textField('ImageStoreBackupStorage.'),
  }),
  title: 'Add an image store',
  summary:
    'Takes a folder or an S3 bucket into the cloud as a place for images, if it can be used now, and for good. It belongs to no zone until it is attached to one.',
  examples: [
    creationExample(
      'A mounted folder',
      { name: 'second', hostname: '127.0.0.1', username: 'root', password: 'password', url: '/mnt/images' },
      second,
    ),
  ],
  handle: async ({ cloud, input }) => {
    const { url, importImages } = input;
    const isS3 = url.startsWith('s3://');
    if (!isS3 && !url.startsWith('/')) {
      throw invalidArgument(`url[${url}] must be an absolute path, or s3://bucket/prefix?endpoint=…`);
    }
    if (!isS3 && !isThisMachine(input.hostname)) {
      throw new ZStackError(
        'SYS.1014',
        `a folder of another machine[${input.hostname}] is no image store of this cloud: mount it here, use s3://, or AddSftpBackupStorage`,
      );
    }
    const { name, description, resourceUuid } = input;
    return await added(cloud, { name, description, resourceUuid, kind: isS3 ? 's3' : 'directory', url }, importImages);
  },
});

const addCeph = jobOperation({
  ...shared,
  id: 'AddCephBackupStorage',
  creates: 'image_store',
  dryRun: false,
  method: 'POST',
  path: '/backup-storage/ceph',
  body: T.Object({
    ...storeFields,
    monUrls: T.Array(T.String({ maxLength: 2048 }), {
      minItems: 1,
      maxItems: 100,
      description: 'Accepted; /etc/ceph/ceph.conf of this machine says where the monitors are.',
    }),
    poolName: T.String({ minLength: 1, maxLength: 64, description: 'The pool, which must be there.' }),
    url: textField('Not used.', 2048),
    type: textField('Ceph.'),
  }),
  result: backupStorage,
  title: 'Add a Ceph backup storage',
  summary: 'Takes a pool of the Ceph cluster that this machine is a client of into the cloud as a place for images.',
  examples: [
    creationExample(
      'A pool',
      { name: 'pool-1', monUrls: ['root:password@192.0.2.5'], poolName: 'images' },
      { ...second, name: 'pool-1', url: 'dir://pool-1', hostname: 'pool-1', type: 'Ceph' },
    ),
  ],
  handle: async ({ cloud, input: { name, description, resourceUuid, poolName, importImages } }) =>
    await added(cloud, { name, description, resourceUuid, kind: 'ceph', url: `ceph://${poolName}` }, importImages),
});

/** Takes a store into the cloud, if it can be used now. */
export async function added(
  cloud: Cloud,
  store: Pick<NewImageStore, 'name' | 'description' | 'kind' | 'url' | 'password'> & { resourceUuid?: string },
  importImages: boolean | undefined,
): Promise<AsyncOutcome> {
  if (importImages) throw new ZStackError('SYS.1014', 'importImages is not offered by this cloud');
  const { resourceUuid: id, ...facts } = store;
  const { name, url } = facts;
  // Install paths begin with it.
  if (!/^[\w.-]{1,64}$/.test(name)) {
    throw invalidArgument(
      `field[name] must have letters, digits, dots, dashes and 64 characters at most, but was [${name}]`,
    );
  }
  try {
    return { uuid: (await cloud.imageStores.addConnected({ ...facts, id })).id };
  } catch (error) {
    throw connecting(url, error);
  }
}

/** What a client is told where a store can't be used. */
export function connecting(url: string, error: unknown): unknown {
  if (!(error instanceof CloudError) || error.details.reason !== 'not_connected') return error;
  return operationFailed(`unable to connect to backup storage[${url}], ${error.message}`);
}

/** Names of this machine. */
function isThisMachine(name: string): boolean {
  return ['localhost', '127.0.0.1', '::1', hostname()].includes(name);
}

const updateImageStore = jobOperation({
  ...imageStores,
  id: 'UpdateImageStoreBackupStorage',
  method: 'PUT',
  path: '/backup-storage/image-store/{uuid}/actions',
  params: byUuid,
  body: T.Object({
    name: optionalName,
    description: descriptionField,
    username: textField(notUsed),
    password: textField(notUsed),
    hostname: textField('Can not be changed.'),
    sshPort: T.Optional(T.Integer({ minimum: 1, maximum: 65535, description: notUsed })),
  }),
  title: 'Change an image store',
  summary: 'Changes its name or description. Where it is stays: add another one instead.',
  examples: [
    {
      title: 'Describe',
      params: here,
      body: { updateImageStoreBackupStorage: { description: 'The first one' } },
      status: 200,
      response: { inventory: { ...backupStorageExample, description: 'The first one' }, success: true },
    },
  ],
  handle: async ({ cloud, input }) => {
    const { uuid, name, description } = input;
    const store = cloud.imageStores.find(uuid);
    if (store && input.hostname && input.hostname !== store.name) {
      throw new ZStackError('SYS.1014', "the hostname of a backup storage can't be changed in this cloud");
    }
    await naming(uuid, () => cloud.imageStores.update(uuid, { name, description }));
    return { uuid };
  },
});

const reconnectImageStore = jobOperation({
  ...imageStores,
  id: 'ReconnectImageStoreBackupStorage',
  method: 'PUT',
  path: '/backup-storage/image-store/{uuid}/actions',
  params: byUuid,
  title: 'Reconnect an image store',
  summary: 'Opens it again, and finds out whether it can be used.',
  examples: [
    {
      title: 'Reconnect',
      params: here,
      body: { reconnectImageStoreBackupStorage: {} },
      status: 200,
      response: success,
    },
  ],
  handle: async ({ cloud, input: { uuid } }) => {
    await naming(uuid, () => cloud.imageStores.reconnect(uuid));
    return { uuid };
  },
});

/** Backup storages that come and go while the cloud runs. */
export const addedBackupStorageOperations = [
  addImageStore,
  addCeph,
  updateImageStore,
  reconnectImageStore,
  deletion({
    ...shared,
    id: 'DeleteBackupStorage',
    path: '/backup-storage/{uuid}',
    title: 'Delete a backup storage',
    summary: 'Takes it out of the cloud. Refused while it holds images; its folder, bucket or pool stays.',
    example: second,
    remove: async ({ cloud, input: { uuid } }) => {
      if (cloud.imageStores.find(uuid)) await cloud.imageStores.remove(uuid);
      return undefined;
    },
  }),
];
