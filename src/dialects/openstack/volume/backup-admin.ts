import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { LinkSchema } from '../common/links.ts';
import { backupParams, exampleBackupId, summaryOf } from './backups.ts';
import { idOf, textOrNull } from './wire.ts';

const common = { dialect: 'volume', group: 'backups', since: '3.0', allow: 'admin' } as const;
const example = { params: { backup_id: exampleBackupId } };

/** By this name a record says what wrote the bytes; Cinder's names begin in the same way. */
const service = 'cinder.backup.drivers.unkai.BackupFolder';
const Record = Type.Object({ backup_service: Type.String(), backup_url: Type.String() });
const exampleUrl = Buffer.from(JSON.stringify({ version: 1, id: exampleBackupId })).toString('base64');

export const backupAdminOperations = [
  operation({
    ...common,
    id: 'ResetBackupStatus',
    method: 'POST',
    path: '/backups/{backup_id}/action',
    bodyKey: 'os-reset_status',
    mode: 'sync',
    params: backupParams,
    body: Type.Object({ status: Type.Union([Type.Literal('available'), Type.Literal('error')]) }),
    responses: { 202: null },
    errors: [400, 401, 403, 404],
    title: 'Reset the status of a backup',
    summary: 'Says whether it can be used, where the cloud has it wrong.',
    examples: [{ title: 'In error', ...example, body: { 'os-reset_status': { status: 'error' } }, status: 202 }],
    handle: async ({ cloud, subject, params, body }) => {
      await cloud.blockStorage.backups.resetStatus(subject, idOf('backup', params.backup_id), body.status);
      return { status: 202 };
    },
  }),
  operation({
    ...common,
    id: 'ForceDeleteBackup',
    method: 'POST',
    path: '/backups/{backup_id}/action',
    bodyKey: 'os-force_delete',
    mode: 'async',
    params: backupParams,
    body: Type.Unsafe<unknown>({}),
    responses: { 202: null },
    errors: [400, 401, 403, 404],
    title: 'Delete a backup in whatever state',
    summary: 'Ends what is under way on it.',
    examples: [{ title: 'By id', ...example, body: { 'os-force_delete': {} }, status: 202 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.blockStorage.backups.delete(subject, idOf('backup', params.backup_id), { force: true });
      return { status: 202 };
    },
  }),
  operation({
    ...common,
    id: 'ExportBackupRecord',
    method: 'GET',
    path: '/backups/{backup_id}/export_record',
    mode: 'sync',
    params: backupParams,
    responses: { 200: Type.Object({ 'backup-record': Record }) },
    errors: [400, 401, 403, 404],
    title: 'Export the record of a backup',
    summary:
      'With it the backup is found again after the database was lost, as long as the backup store has its bytes.',
    examples: [{ title: 'By id', ...example, status: 200 }],
    handle: async ({ cloud, subject, params }) => {
      const record = await cloud.blockStorage.backups.exportRecord(subject, idOf('backup', params.backup_id));
      const backup_url = Buffer.from(JSON.stringify({ ...record, id: withDashes(record.id) })).toString('base64');
      return { body: { 'backup-record': { backup_service: service, backup_url } } };
    },
  }),
  operation({
    ...common,
    id: 'ImportBackupRecord',
    method: 'POST',
    path: '/backups/import_record',
    mode: 'sync',
    body: Type.Object({ 'backup-record': Record }),
    responses: {
      201: Type.Object({
        backup: Type.Object({ id: Type.String(), name: textOrNull(), links: Type.Array(LinkSchema) }),
      }),
    },
    errors: [400, 401, 403],
    title: 'Import the record of a backup',
    summary: 'The bytes must be in the backup store.',
    examples: [
      {
        title: 'A record',
        body: { 'backup-record': { backup_service: service, backup_url: exampleUrl } },
        status: 201,
      },
    ],
    handle: async ({ cloud, subject, body, base }) => {
      const { backup_service, backup_url } = body['backup-record'];
      if (backup_service !== service) throw badRecord(`it is for ${backup_service}`);
      const backup = await cloud.blockStorage.backups.importRecord(subject, recordIn(backup_url));
      return { status: 201, body: { backup: summaryOf(backup, base) } };
    },
  }),
];

const texts = [
  'volume_id',
  'snapshot_id',
  'parent_id',
  'data_id',
  'name',
  'description',
  'container',
  'zone_id',
  'metadata',
  'volume_metadata',
] as const;
const numbers = ['size', 'object_count', 'data_timestamp', 'created_at'] as const;
const ids: readonly string[] = ['volume_id', 'snapshot_id', 'parent_id', 'data_id'];

/** Only members that are known, and only of their kind: what is imported was somewhere else. */
function recordIn(url: string) {
  let given: { [name: string]: unknown };
  try {
    given = JSON.parse(Buffer.from(url, 'base64').toString()) as { [name: string]: unknown };
  } catch {
    throw badRecord('it can not be read');
  }
  const id = parseId(String(given['id']));
  if (given['version'] !== 1 || !id) throw badRecord('it is of another kind');
  const kept: { [name: string]: unknown } = {};
  for (const name of texts) if (typeof given[name] === 'string') kept[name] = textOf(name, given[name]);
  for (const name of numbers) if (Number.isSafeInteger(given[name])) kept[name] = given[name];
  return { ...kept, id };
}

function textOf(name: string, value: string): string {
  if (ids.includes(name)) {
    const id = parseId(value);
    if (id) return id;
    throw badRecord(`its ${name} is no id`);
  }
  if (name !== 'metadata' && name !== 'volume_metadata') return value.slice(0, 255);
  try {
    JSON.parse(value);
    return value;
  } catch {
    throw badRecord(`its ${name} can not be read`);
  }
}

function badRecord(why: string): CloudError {
  return new CloudError('invalid', `Invalid input received: Can't parse backup record: ${why}.`);
}
