import { sql } from 'kysely';
import { column, computed, constant, words } from '../../../cloud/query/fields.ts';
import { defineInventory, type InventoryDefinition } from '../../../cloud/query/inventory.ts';
import { commonFields, stateField } from './common.ts';

const storeZone = defineInventory<'image_store_zones'>({
  name: 'BackupStorageZoneRefInventory',
  className: 'org.zstack.header.storage.backup.BackupStorageZoneRefInventory',
  table: 'image_store_zones',
  fields: {
    backupStorageUuid: column('store_id', 'string', ''),
    zoneUuid: column('zone_id', 'string', ''),
  },
});

/** Whether it can be used, how much room it has, and the zones that it is for. */
const shared = {
  fields: {
    state: stateField,
    status: words(
      'status',
      { connecting: 'Connecting', connected: 'Connected', disconnected: 'Disconnected' },
      'Disconnected',
      'Whether it can be used now: Connecting, Connected or Disconnected.',
    ),
  },
  live: {
    fields: {
      totalCapacity: { type: 'long', description: 'Bytes there are.' },
      availableCapacity: { type: 'long', description: 'Bytes that are free.' },
    },
    async read(cloud, uuid) {
      const { total, free } = await cloud.imageStores.capacity(uuid);
      return { totalCapacity: total, availableCapacity: free };
    },
  },
  lists: {
    attachedZoneUuids: {
      of: storeZone,
      local: 'uuid',
      foreign: 'backupStorageUuid',
      pluck: 'zoneUuid',
      description: 'The zones whose servers can be made from its images.',
    },
  },
  relations: {
    zone: { to: 'ZoneInventory', through: { table: 'image_store_zones', near: 'store_id', far: 'zone_id' } },
  },
} satisfies Pick<InventoryDefinition<'image_stores'>, 'fields' | 'live' | 'lists' | 'relations'>;

/** Where image bytes live: the engine's image stores. */
export const backupStorage = defineInventory<'image_stores'>({
  ...shared,
  name: 'ImageStoreBackupStorageInventory',
  className: 'org.zstack.header.storage.backup.BackupStorageInventory',
  table: 'image_stores',
  fields: {
    ...commonFields,
    // A folder's path is the administrator's business.
    url: computed('string', 'Where it is.', (row) => {
      return sql`(case when ${row.column('url')} like 'http%' then ${row.column('url')} else 'dir://' || ${row.column('name')} end)`;
    }),
    hostname: computed('string', 'The name by which it is known.', (row) => row.column('name')),
    type: words(
      'kind',
      { ceph: 'Ceph', sftp: 'SftpBackupStorage' },
      'ImageStoreBackupStorage',
      'Ceph, SftpBackupStorage or ImageStoreBackupStorage.',
    ),
    ...shared.fields,
  },
});

/** Image stores that are pools of a Ceph cluster, whose monitors are the business of the machines that are its clients. */
export const cephBackupStorage = defineInventory<'image_stores'>({
  ...shared,
  name: 'CephBackupStorageInventory',
  className: 'org.zstack.storage.ceph.backup.CephBackupStorageInventory',
  table: 'image_stores',
  fields: {
    ...commonFields,
    type: constant('Ceph', 'string', 'Ceph.'),
    poolName: computed('string', 'The pool.', (row) => {
      const pool = sql`substr(${row.column('url')}, ${sql.lit('ceph://'.length + 1)})`;
      const length =
        row.db.kind === 'sqlite' ? sql`instr(${pool} || '?', '?') - 1` : sql`strpos(${pool} || '?', '?') - 1`;
      return sql`substr(${pool}, 1, ${length})`;
    }),
    ...shared.fields,
  },
  scope: (row) => sql`${row.column('kind')} = 'ceph'`,
});

const ofLogin = (type: 'string' | 'int', name: 'hostname' | 'path' | 'port' | 'username', description: string) =>
  computed<'image_stores'>(type, description, (row) => {
    return sql`(select login.${sql.ref(name)} from image_store_logins as login where login.store_id = ${row.column('id')})`;
  });

/** Image stores on other machines, with how they are reached: for administrators. */
export const sftpBackupStorage = defineInventory<'image_stores'>({
  ...shared,
  name: 'SftpBackupStorageInventory',
  className: 'org.zstack.storage.backup.sftp.SftpBackupStorageInventory',
  table: 'image_stores',
  fields: {
    ...commonFields,
    url: ofLogin('string', 'path', 'The folder on its machine.'),
    hostname: ofLogin('string', 'hostname', 'The name or address of its machine.'),
    username: ofLogin('string', 'username', 'As whom it is logged in to.'),
    sshPort: ofLogin('int', 'port', 'The port of its SSH server.'),
    type: constant('SftpBackupStorage', 'string', 'SftpBackupStorage.'),
    ...shared.fields,
  },
  scope: (row) => sql`${row.column('kind')} = 'sftp'`,
  visible: () => sql`1 = 0`,
});
