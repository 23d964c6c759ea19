import { sql } from 'kysely';
import { column, computed, constant } from '../../../cloud/query/fields.ts';
import { defineInventory } from '../../../cloud/query/inventory.ts';

/** An image's bytes in the storage of a host, over which the disks of its servers are layers. */
export const imageCache = defineInventory<'cached_images'>({
  name: 'ImageCacheInventory',
  className: 'org.zstack.header.storage.primary.ImageCacheInventory',
  table: 'cached_images',
  fields: {
    primaryStorageUuid: column('host_id', 'string', 'The primary storage.'),
    imageUuid: column('image_id', 'string', 'The image.'),
    installUrl: computed('string', 'Where it is.', (row) => {
      return sql`('local://' || (select h.name from hosts as h where h.id = ${row.column('host_id')})
        || '/' || ${row.column('image_id')})`;
    }),
    mediaType: computed('string', 'RootVolumeTemplate, DataVolumeTemplate or ISO.', (row) => {
      return sql`coalesce((select case i.media_type when 'data' then 'DataVolumeTemplate' when 'iso' then 'ISO'
        else 'RootVolumeTemplate' end from images as i where i.id = ${row.column('image_id')}), 'RootVolumeTemplate')`;
    }),
    size: column('size', 'long', 'Bytes that it takes.'),
    md5sum: computed('string', 'md5 of the image.', (row) => {
      return sql`(select i.checksum from images as i where i.id = ${row.column('image_id')})`;
    }),
    state: constant('ready', 'string', 'Always ready.'),
    lastOpDate: column('last_used_at', 'time', 'When a disk was last made of it.'),
  },
  relations: {
    image: { to: 'ImageInventory', local: 'imageUuid' },
    primaryStorage: { to: 'PrimaryStorageInventory', local: 'primaryStorageUuid' },
  },
  visible: () => sql`1 = 0`,
});
