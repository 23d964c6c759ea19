import { sql } from 'kysely';
import { column, computed, words } from '../../../cloud/query/fields.ts';
import { defineInventory } from '../../../cloud/query/inventory.ts';
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

/** Where image bytes live: the engine's image stores. */
export const backupStorage = defineInventory<'image_stores'>({
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
    type: words('kind', { ceph: 'Ceph' }, 'ImageStoreBackupStorage', 'Ceph, or ImageStoreBackupStorage.'),
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
});
