import { sql } from 'kysely';
import { column, computed, constant, jsonMemberText, words } from '../../../cloud/query/fields.ts';
import { defineInventory, seenWith } from '../../../cloud/query/inventory.ts';
import { commonFields } from './common.ts';
import { systemTag } from './tags.ts';

const imageBackupStorageRef = defineInventory<'image_replicas'>({
  name: 'ImageBackupStorageRefInventory',
  className: 'org.zstack.header.image.ImageBackupStorageRefInventory',
  table: 'image_replicas',
  fields: {
    // Copies have no number of their own; the moment at which one was begun is as good.
    id: column('created_at', 'long', 'A number that stays the same.'),
    imageUuid: column('image_id', 'string', 'The image.'),
    backupStorageUuid: column('store_id', 'string', 'The backup storage.'),
    installPath: computed('string', 'Where the copy is; empty until it is there.', (row) => {
      return sql`coalesce(${row.column('install_path')}, '')`;
    }),
    exportUrl: column('export_url', 'string', 'Where an export of it can be fetched.'),
    exportMd5Sum: column('export_checksum', 'string', 'md5 of the export.'),
    status: words(
      'state',
      { pending: 'Downloading', copying: 'Downloading', active: 'Ready', error: 'Error', deleted: 'Deleted' },
      'Error',
      'How far the copy is: Downloading, Ready, Error or Deleted.',
    ),
    createDate: commonFields.createDate,
    lastOpDate: commonFields.lastOpDate,
  },
  relations: {
    image: { to: 'ImageInventory', local: 'imageUuid' },
    backupStorage: { to: 'ImageStoreBackupStorageInventory', local: 'backupStorageUuid' },
  },
  visible: seenWith('ImageInventory', 'image_id'),
});

const stillBeingMade = sql`'saving', 'uploading', 'importing', 'queued'`;

export const image = defineInventory<'images'>({
  name: 'ImageInventory',
  className: 'org.zstack.header.image.ImageInventory',
  table: 'images',
  fields: {
    ...commonFields,
    state: computed('string', 'Whether it may be used for new servers: Enabled or Disabled.', (row) => {
      const disabledBefore = sql`${row.column('status')} = 'deleted'
        and ${jsonMemberText(row, 'properties', 'os_glance_deactivated')} is not null`;
      return sql`(case when ${row.column('status')} = 'deactivated' or (${disabledBefore})
        then 'Disabled' else 'Enabled' end)`;
    }),
    status: computed('string', 'How far it is: Creating, Downloading, Ready, Error or Deleted.', (row) => {
      const status = row.column('status');
      return sql`(case when ${status} in ('active', 'deactivated') then 'Ready'
        when ${status} = 'deleted' then 'Deleted'
        when ${status} = 'error' then 'Error'
        when ${status} in (${stillBeingMade}) and (${row.column('source_url')} like 'http%'
          or ${row.column('source_url')} like 'upload://%') then 'Downloading'
        else 'Creating' end)`;
    }),
    size: computed('long', 'Size of the disk that a guest sees, bytes.', (row) => {
      return sql`coalesce(${row.column('virtual_size')}, ${row.column('size')})`;
    }),
    actualSize: column('size', 'long', 'Size of the stored file, bytes.'),
    md5Sum: column('checksum', 'string', 'md5 of the stored file.'),
    url: column('source_url', 'string', 'Where it came from.'),
    mediaType: words(
      'media_type',
      { root: 'RootVolumeTemplate', data: 'DataVolumeTemplate', iso: 'ISO' },
      'RootVolumeTemplate',
      'RootVolumeTemplate, DataVolumeTemplate or ISO.',
    ),
    guestOsType: column('guest_os', 'string', 'The operating system in it.'),
    type: constant('zstack', 'string', 'Always zstack.'),
    platform: column('platform', 'string', 'Linux, Windows, Other, Paravirtualization or WindowsVirtio.'),
    architecture: computed('string', 'The processors it is for.', (row) => {
      return sql`coalesce(${jsonMemberText(row, 'properties', 'architecture')}, 'x86_64')`;
    }),
    format: computed('string', 'The format of the file: qcow2, raw, iso, vmdk …', (row) => row.column('disk_format')),
    system: column('is_system', 'bool', 'Whether it is for the cloud’s own servers only.'),
    virtio: computed('bool', 'Whether its guest has virtio drivers.', (row) => {
      const bus = jsonMemberText(row, 'properties', 'hw_disk_bus');
      return sql`(case when coalesce(${bus}, 'virtio') in ('virtio', 'scsi') then 1 else 0 end)`;
    }),
  },
  lists: {
    backupStorageRefs: {
      of: imageBackupStorageRef,
      local: 'uuid',
      foreign: 'imageUuid',
      description: 'Its copies, one for each backup storage.',
    },
    systemTags: {
      of: systemTag,
      local: 'uuid',
      foreign: 'resourceUuid',
      pluck: 'tag',
      description: 'Its system tags.',
    },
  },
  relations: {
    backupStorage: {
      to: 'ImageStoreBackupStorageInventory',
      through: { table: 'image_replicas', near: 'image_id', far: 'store_id' },
    },
  },
  scope: (row) => sql`${row.column('status')} <> 'expunged'`,
  visible: (row, { projectId = '' }) =>
    sql`(${row.column('project_id')} = ${projectId} or ${row.column('visibility')} in ('public', 'community')
      or exists (select 1 from image_members as m where m.image_id = ${row.column('id')}
        and m.project_id = ${projectId} and m.status <> 'rejected'))`,
});
