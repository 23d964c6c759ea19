import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { VolumeBackup } from '../../../cloud/volumes/backup-model.ts';
import { withDashes } from '../../../env/env.ts';
import { LinkSchema, resourceLinks } from '../common/links.ts';
import { atLeast } from '../common/microversion.ts';
import { queryFlag } from '../common/query.ts';
import { isoMicros } from '../common/time.ts';
import { exampleVolumeId } from './example.ts';
import { ListQuery, listed } from './plain-list.ts';
import { booleanOf, flag, idOf, inGib, Metadata, namedId, optionalText, textOrNull } from './wire.ts';

const summary = { id: Type.String(), name: textOrNull(), links: Type.Array(LinkSchema) };
const BackupSummary = Type.Object({ ...summary, metadata: Type.Optional(Metadata) });
const BackupSchema = Type.Object({
  ...summary,
  status: Type.String(),
  description: textOrNull(),
  size: Type.Integer({ description: 'GiB.' }),
  object_count: Type.Integer(),
  container: textOrNull(),
  availability_zone: textOrNull(),
  created_at: Type.String(),
  updated_at: textOrNull(),
  volume_id: Type.String(),
  snapshot_id: textOrNull(),
  data_timestamp: textOrNull(),
  fail_reason: textOrNull(),
  is_incremental: Type.Boolean(),
  has_dependent_backups: Type.Boolean(),
  'os-backup-project-attr:project_id': Type.Optional(Type.String()),
  metadata: Type.Optional(Metadata),
  user_id: Type.Optional(Type.String()),
});
const BackupDocument = Type.Object({ backup: BackupSummary });
const more = { backups_links: Type.Optional(Type.Array(LinkSchema)), count: Type.Optional(Type.Integer()) };

export const exampleBackupId = '2ef47aee-8844-490c-804d-2a8efe561c65';
export const backupParams = Type.Object({ backup_id: Type.String() });
const example = { params: { backup_id: exampleBackupId } };
const common = { dialect: 'volume', group: 'backups', since: '3.0' } as const;

export function summaryOf(backup: Pick<VolumeBackup, 'id' | 'name'>, base: string) {
  const id = withDashes(backup.id);
  return { id, name: backup.name, links: resourceLinks(base, `backups/${id}`) };
}

function detailOf(backup: VolumeBackup, zones: ReadonlyMap<string, string>, call: Pick<Call, 'base' | 'context'>) {
  return {
    ...summaryOf(backup, call.base),
    status: backup.status,
    description: backup.description,
    size: inGib(backup.size),
    object_count: backup.objectCount,
    container: backup.container,
    availability_zone: zones.get(backup.zoneId) ?? null,
    created_at: isoMicros(backup.createdAt),
    updated_at: isoMicros(backup.updatedAt),
    volume_id: withDashes(backup.volumeId),
    snapshot_id: backup.snapshotId === null ? null : withDashes(backup.snapshotId),
    data_timestamp: backup.dataTimestamp === null ? null : isoMicros(backup.dataTimestamp),
    fail_reason: backup.lastError,
    is_incremental: backup.parentId !== null,
    has_dependent_backups: backup.hasDependents,
    ...(atLeast(call.context, 3, 18) ? { 'os-backup-project-attr:project_id': backup.projectId } : {}),
    ...(atLeast(call.context, 3, 43) ? { metadata: backup.metadata } : {}),
    ...(atLeast(call.context, 3, 56) ? { user_id: backup.userId } : {}),
  };
}

async function page(call: Call<unknown, Record<string, string | undefined>>) {
  const { cloud, subject, query, context } = call;
  const all = await cloud.blockStorage.backups.list(subject, {
    allProjects: queryFlag(query['all_tenants']),
    projectId: namedId('project', query['project_id']),
    name: query['name'],
    status: query['status'],
    volumeId: namedId('volume', query['volume_id']),
  });
  const isCounted = atLeast(context, 3, 45) && queryFlag(query['with_count']);
  const { items, links } = listed('backups', all, call);
  return { items, more: { ...links, ...(isCounted ? { count: all.length } : {}) } };
}

export const backupOperations = [
  operation({
    ...common,
    id: 'ListBackups',
    method: 'GET',
    path: '/backups',
    mode: 'sync',
    allow: 'reader',
    query: ListQuery,
    responses: { 200: Type.Object({ backups: Type.Array(BackupSummary), ...more }) },
    errors: [400, 401],
    title: 'List backups',
    summary: 'Ids, names and links of the backups of the project, newest first.',
    examples: [{ title: 'Of one volume', query: { volume_id: exampleVolumeId }, status: 200 }],
    handle: async (call) => {
      const { items, more } = await page(call as never);
      return { body: { backups: items.map((backup) => summaryOf(backup, call.base)), ...more } };
    },
  }),
  operation({
    ...common,
    id: 'ListBackupsDetails',
    method: 'GET',
    path: '/backups/detail',
    mode: 'sync',
    allow: 'reader',
    query: ListQuery,
    responses: { 200: Type.Object({ backups: Type.Array(BackupSchema), ...more }) },
    errors: [400, 401],
    title: 'List backups with details',
    summary: 'Everything about the backups of the project.',
    examples: [{ title: 'All', status: 200 }],
    handle: async (call) => {
      const { items, more } = await page(call as never);
      const zones = await call.cloud.zones.names();
      return { body: { backups: items.map((backup) => detailOf(backup, zones, call)), ...more } };
    },
  }),
  operation({
    ...common,
    id: 'CreateBackup',
    method: 'POST',
    path: '/backups',
    mode: 'async',
    allow: 'member',
    body: Type.Object({
      backup: Type.Object({
        volume_id: Type.String(),
        snapshot_id: optionalText('A snapshot of the volume, of which the backup is made instead.'),
        name: optionalText('What people call it.'),
        description: optionalText('For people.'),
        container: optionalText('A name for people: all backups are in one store.'),
        incremental: Type.Optional(flag({ description: "Stores only what differs from the volume's latest backup." })),
        force: Type.Optional(flag({ description: 'Also of a volume that a server has.' })),
        metadata: Type.Optional(Type.Unsafe<Record<string, string> | null>({ anyOf: [{ type: 'null' }, Metadata] })),
        availability_zone: optionalText('Heeded by nobody: there is one store.'),
      }),
    }),
    responses: { 202: BackupDocument },
    errors: [400, 401, 404, 413],
    title: 'Create a backup',
    summary:
      'Copies a volume as it is at one moment into the backup store, compressed. It needs nothing of the volume any more.',
    examples: [
      { title: 'Full', body: { backup: { volume_id: exampleVolumeId, name: 'monday' } }, status: 202 },
      { title: 'What changed', body: { backup: { volume_id: exampleVolumeId, incremental: true } }, status: 202 },
    ],
    handle: async ({ cloud, subject, body, base, context }) => {
      const wanted = body.backup;
      const { backup } = await cloud.blockStorage.backups.create(subject, {
        volumeId: idOf('volume', wanted.volume_id),
        snapshotId: namedId('snapshot', wanted.snapshot_id),
        name: wanted.name,
        description: wanted.description,
        container: wanted.container,
        metadata: wanted.metadata ?? undefined,
        incremental: wanted.incremental !== undefined && booleanOf(wanted.incremental, 'incremental'),
        force: wanted.force !== undefined && booleanOf(wanted.force, 'force'),
      });
      const metadata = atLeast(context, 3, 43) ? { metadata: backup.metadata } : {};
      return { status: 202, body: { backup: { ...summaryOf(backup, base), ...metadata } } };
    },
  }),
  operation({
    ...common,
    id: 'ShowBackup',
    method: 'GET',
    path: '/backups/{backup_id}',
    mode: 'sync',
    allow: 'reader',
    params: backupParams,
    responses: { 200: Type.Object({ backup: BackupSchema }) },
    errors: [401, 404],
    title: 'Show a backup',
    summary: 'Everything about one backup.',
    examples: [{ title: 'By id', ...example, status: 200 }],
    handle: async (call) => {
      const backup = await call.cloud.blockStorage.backups.get(call.subject, idOf('backup', call.params.backup_id));
      return { body: { backup: detailOf(backup, await call.cloud.zones.names(), call) } };
    },
  }),
  operation({
    ...common,
    id: 'UpdateBackup',
    method: 'PUT',
    path: '/backups/{backup_id}',
    since: '3.9',
    mode: 'sync',
    allow: 'member',
    params: backupParams,
    body: Type.Object({
      backup: Type.Object({
        name: optionalText('What people call it.'),
        description: optionalText('For people.'),
        metadata: Type.Optional(Metadata),
      }),
    }),
    responses: { 200: BackupDocument },
    errors: [400, 401, 404],
    title: 'Update a backup',
    summary: 'Changes what is words about the backup.',
    examples: [{ title: 'Another name', ...example, body: { backup: { name: 'tuesday' } }, status: 200 }],
    handle: async ({ cloud, subject, params, body, base, context }) => {
      const { name, description, metadata } = body.backup;
      if (name === undefined && description === undefined && metadata === undefined) {
        throw new CloudError('invalid', 'Must specify name, description or metadata.');
      }
      const changes = { name, description, metadata };
      const backup = await cloud.blockStorage.backups.update(subject, idOf('backup', params.backup_id), changes);
      const told = atLeast(context, 3, 43) ? { metadata: backup.metadata } : {};
      return { body: { backup: { ...summaryOf(backup, base), ...told } } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteBackup',
    method: 'DELETE',
    path: '/backups/{backup_id}',
    mode: 'async',
    allow: 'member',
    params: backupParams,
    responses: { 202: null },
    errors: [400, 401, 404],
    title: 'Delete a backup',
    summary: 'Refused while incremental backups are the difference to it.',
    examples: [{ title: 'By id', ...example, status: 202 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.blockStorage.backups.delete(subject, idOf('backup', params.backup_id));
      return { status: 202 };
    },
  }),
  operation({
    ...common,
    id: 'RestoreBackup',
    method: 'POST',
    path: '/backups/{backup_id}/restore',
    mode: 'async',
    allow: 'member',
    params: backupParams,
    body: Type.Object({
      restore: Type.Object({
        volume_id: optionalText('A free volume, which loses what it has; a new one if none is said.'),
        name: optionalText('Of the new volume.'),
      }),
    }),
    responses: {
      202: Type.Object({
        restore: Type.Object({ backup_id: Type.String(), volume_id: Type.String(), volume_name: Type.String() }),
      }),
    },
    errors: [400, 401, 404, 413],
    title: 'Restore a backup',
    summary: 'Gives a volume the content that the backup has.',
    examples: [{ title: 'To a new volume', ...example, body: { restore: { name: 'back again' } }, status: 202 }],
    handle: async ({ cloud, subject, params, body }) => {
      const target = { volumeId: namedId('volume', body.restore.volume_id), name: body.restore.name };
      const id = idOf('backup', params.backup_id);
      const { backup, volume } = await cloud.blockStorage.backups.restore(subject, id, target);
      const ids = { backup_id: withDashes(backup.id), volume_id: withDashes(volume.id) };
      return { status: 202, body: { restore: { ...ids, volume_name: volume.name ?? '' } } };
    },
  }),
];
