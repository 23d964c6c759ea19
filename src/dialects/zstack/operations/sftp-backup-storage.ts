import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { ImageStoreInfo } from '../../../cloud/image-stores/model.ts';
import { type FarPlace, farStoreUrl, whyNoFarPlace } from '../../../cloud/image-stores/store-logins.ts';
import { gibibyte } from '../inventories/common.ts';
import { sftpBackupStorage } from '../inventories/storage.ts';
import { descriptionField, optionalName, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { invalidArgument, resourceNotFound } from '../protocol/zstack-error.ts';
import { queryOperations } from '../query/query-operations.ts';
import { added, connecting, storeFields } from './added-backup-storage.ts';
import { backupStorageExample, naming } from './backup-storage.ts';
import { creationExample } from './simple-operations.ts';

const group = 'Backup Storage';
const shared = {
  group,
  package: 'storage.backup.sftp',
  since: '0.6',
  allow: 'admin',
  dryRun: false,
  result: sftpBackupStorage,
} as const;
const { createDate, lastOpDate, state, status } = backupStorageExample;
const example = {
  uuid: '4b7d2f90c1e84a36b5d8e7f6a5948372',
  name: 'sftp-1',
  url: '/srv/images',
  hostname: 'images.example.com',
  username: 'images',
  sshPort: 22,
  type: 'SftpBackupStorage',
  state,
  status,
  totalCapacity: 200 * gibibyte,
  availableCapacity: 180 * gibibyte,
  attachedZoneUuids: [],
  createDate,
  lastOpDate,
};
const byUuid = uuidIn('uuid', 'The backup storage.');
const here = { uuid: example.uuid };
const sshPort = T.Optional(T.Integer({ minimum: 1, maximum: 65535, description: 'The port of its SSH server: 22.' }));
const text = (description: string) => T.String({ minLength: 1, maxLength: 255, description });

const addSftp = jobOperation({
  ...shared,
  id: 'AddSftpBackupStorage',
  creates: 'image_store',
  method: 'POST',
  path: '/backup-storage/sftp',
  body: T.Object({
    ...storeFields,
    hostname: text('The name or address of its machine. Its host key is trusted now, and no other one later.'),
    username: text('As whom it is logged in to.'),
    password: text('The password of that user.'),
    sshPort,
    url: T.String({
      minLength: 1,
      maxLength: 1024,
      description: 'A folder of that machine: empty, not there yet, or one that has been an image store.',
    }),
    type: T.Optional(T.String({ maxLength: 255, description: 'SftpBackupStorage.' })),
  }),
  title: 'Add an SFTP backup storage',
  summary:
    'Takes a folder of another machine, reached by SFTP, into the cloud as a place for images, if it can be used now. It belongs to no zone until it is attached to one.',
  examples: [
    creationExample(
      'A folder of another machine',
      {
        name: 'sftp-1',
        hostname: 'images.example.com',
        username: 'images',
        password: 'password',
        sshPort: 22,
        url: '/srv/images',
      },
      example,
    ),
  ],
  handle: async ({ cloud, input }) => {
    const { name, description, resourceUuid, hostname, username, password, url, importImages } = input;
    const place = { host: hostname, port: input.sshPort ?? 22, user: username, path: url };
    checkPlace(place);
    const store = { name, description, resourceUuid, kind: 'sftp', url: farStoreUrl(place), password } as const;
    return await added(cloud, store, importImages);
  },
});

function checkPlace(place: Partial<FarPlace>): void {
  const why = whyNoFarPlace(place);
  if (why !== undefined) throw invalidArgument(why);
}

const update = jobOperation({
  ...shared,
  id: 'UpdateSftpBackupStorage',
  method: 'PUT',
  path: '/backup-storage/sftp/{uuid}/actions',
  params: byUuid,
  body: T.Object({
    name: optionalName,
    description: descriptionField,
    username: T.Optional(text('As whom it is logged in to.')),
    password: T.Optional(text('The password of that user.')),
    hostname: T.Optional(text('The name or address of its machine, whose host key is trusted anew.')),
    sshPort,
  }),
  title: 'Change an SFTP backup storage',
  summary:
    'Changes its name or description, or how its machine is reached: refused where that fails now, or where its images are not there. Naming the machine again also accepts its new host key.',
  examples: [
    {
      title: 'Describe',
      params: here,
      body: { updateSftpBackupStorage: { description: 'In the other building' } },
      status: 200,
      response: { inventory: { ...example, description: 'In the other building' }, success: true },
    },
  ],
  handle: async ({ cloud, input }) => {
    const { uuid, name, description, hostname: host, sshPort: port, username: user, password } = input;
    const { url } = sftpStore(cloud, uuid);
    checkPlace({ ...(host === undefined ? {} : { host }), ...(user === undefined ? {} : { user }) });
    const given = Object.entries({ host, port, user, password }).filter(([, value]) => value !== undefined);
    if (given.length > 0) {
      await cloud.imageStores.relogin(uuid, Object.fromEntries(given)).catch((error) => {
        throw connecting(url, error);
      });
    }
    await naming(uuid, () => cloud.imageStores.update(uuid, { name, description }));
    return { uuid };
  },
});

const reconnect = jobOperation({
  ...shared,
  id: 'ReconnectSftpBackupStorage',
  method: 'PUT',
  path: '/backup-storage/sftp/{uuid}/actions',
  params: byUuid,
  title: 'Reconnect an SFTP backup storage',
  summary: 'Connects again where need be, and finds out whether it can be used.',
  examples: [
    {
      title: 'Reconnect',
      params: here,
      body: { reconnectSftpBackupStorage: {} },
      status: 200,
      response: { inventory: example, success: true },
    },
  ],
  handle: async ({ cloud, input: { uuid } }) => {
    sftpStore(cloud, uuid);
    await naming(uuid, () => cloud.imageStores.reconnect(uuid));
    return { uuid };
  },
});

function sftpStore(cloud: Cloud, uuid: string): ImageStoreInfo {
  const store = cloud.imageStores.find(uuid);
  if (store?.kind !== 'sftp') throw resourceNotFound('uuid', uuid, 'SftpBackupStorageVO');
  return store;
}

/** Backup storages on other machines, reached by SFTP. */
export const sftpBackupStorageOperations = [
  addSftp,
  update,
  reconnect,
  ...queryOperations(sftpBackupStorage, {
    id: 'QuerySftpBackupStorage',
    group,
    package: 'storage.backup.sftp',
    path: '/backup-storage/sftp',
    since: '0.6',
    allow: 'admin',
    title: 'Query SFTP backup storage',
    example,
  }),
];
