import type { BackupFolder } from '../../backup-stores/backup-folder.ts';
import type { VolumeBackupsTable } from '../../database/schema.ts';
import { withDashes } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError } from '../errors.ts';
import { ownsOrAdmin, projectOf, requireAdmin, type Subject } from '../identity/subject.ts';
import { backupFromRow, backupNotFound, type VolumeBackup } from './backup-model.ts';
import { hasDependents, lockBackup, updateBackup } from './backup-rows.ts';
import { invalidBackup, type NewBackup, requestCreateBackup, requestDeleteBackup } from './transitions/backup.ts';
import { requestRestoreBackup } from './transitions/restore.ts';

export interface BackupFilter {
  allProjects?: boolean;
  projectId?: string;
  name?: string;
  status?: string;
  volumeId?: string;
}

/** The record of a backup, as it can be kept apart from the cloud and brought back. */
type BackupRecord = Omit<VolumeBackupsTable, 'status' | 'last_error' | 'deleted_at' | 'updated_at'>;

/** Backups of volumes: what is known of them, and what may be asked of them. */
export class Backups {
  readonly #cloud: Cloud;
  readonly #store: BackupFolder;

  constructor(cloud: Cloud, store: BackupFolder) {
    this.#cloud = cloud;
    this.#store = store;
  }

  async get(subject: Subject, id: string): Promise<VolumeBackup> {
    const { read } = this.#cloud.db;
    const row = await read.selectFrom('volume_backups').selectAll().where('id', '=', id).executeTakeFirst();
    if (!row || row.deleted_at !== null || !ownsOrAdmin(subject, row.project_id)) throw backupNotFound(id);
    return backupFromRow(row, await hasDependents(read, id));
  }

  /** All backups that the subject may see, the newest first. */
  async list(subject: Subject, filter: BackupFilter = {}): Promise<VolumeBackup[]> {
    const { read } = this.#cloud.db;
    let query = read.selectFrom('volume_backups').selectAll().where('deleted_at', 'is', null);
    const all = filter.allProjects && subject.isAdmin;
    if (!all) query = query.where('project_id', '=', projectOf(subject));
    else if (filter.projectId) query = query.where('project_id', '=', filter.projectId);
    if (filter.name !== undefined) query = query.where('name', '=', filter.name);
    if (filter.status !== undefined) query = query.where('status', '=', filter.status as VolumeBackupsTable['status']);
    if (filter.volumeId !== undefined) query = query.where('volume_id', '=', filter.volumeId);
    const rows = await query.orderBy('created_at', 'desc').orderBy('id').execute();
    const children = await read
      .selectFrom('volume_backups')
      .select('parent_id')
      .where('parent_id', 'is not', null)
      .where('deleted_at', 'is', null)
      .execute();
    const parents = new Set(children.map(({ parent_id }) => parent_id));
    return rows.map((row) => backupFromRow(row, parents.has(row.id)));
  }

  create = (subject: Subject, wanted: NewBackup) => requestCreateBackup(this.#cloud, subject, wanted);
  restore = (subject: Subject, id: string, target?: { volumeId?: string; name?: string | null }) =>
    requestRestoreBackup(this.#cloud, subject, id, target);

  /** `force` is for administrators: it takes a backup in any state, and ends what is under way on it. */
  delete(subject: Subject, id: string, options: { force?: boolean } = {}) {
    if (options.force) requireAdmin(subject, 'volume_extension:backup_admin_actions:force_delete');
    return requestDeleteBackup(this.#cloud, subject, id, options);
  }

  async update(
    subject: Subject,
    id: string,
    changes: { name?: string | null; description?: string | null; metadata?: Record<string, string> },
  ): Promise<VolumeBackup> {
    const { metadata, ...words } = changes;
    const given = Object.fromEntries(Object.entries(words).filter(([, value]) => value !== undefined));
    await this.#cloud.db.write(async (tx) => {
      await lockBackup(tx, subject, id);
      const columns = { ...given, ...(metadata ? { metadata: JSON.stringify(metadata) } : {}) };
      await updateBackup(this.#cloud, tx, id, columns);
    });
    return this.get(subject, id);
  }

  /** For administrators: says whether a backup can be used, where the cloud has it wrong. */
  async resetStatus(subject: Subject, id: string, status: 'available' | 'error'): Promise<void> {
    requireAdmin(subject, 'volume_extension:backup_admin_actions:reset_status');
    const backup = await this.get(subject, id);
    if (status === 'available' && !(await this.#store.exists(backup.dataId))) {
      throw invalidBackup('There is nothing in the backup store.');
    }
    await this.#cloud.db.write(async (tx) => {
      const { status: now } = await lockBackup(tx, subject, id);
      if (now === 'deleting') throw invalidBackup('The backup is being deleted.');
      await updateBackup(this.#cloud, tx, id, { status });
    });
  }

  /** What has to be kept elsewhere to find the backup again after the cloud's database was lost. */
  async exportRecord(subject: Subject, id: string): Promise<BackupRecord & { version: 1 }> {
    requireAdmin(subject, 'backup:export-import');
    const { status } = await this.get(subject, id);
    if (status !== 'available') throw invalidBackup(`Backup status must be available and not ${status}.`);
    const { read } = this.#cloud.db;
    const row = await read.selectFrom('volume_backups').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
    const { status: _, last_error: __, deleted_at: ___, updated_at: ____, ...record } = row;
    return { version: 1, ...record, data_id: row.data_id ?? row.id };
  }

  /** Takes a record in whose bytes are in the backup store. Throws `duplicate` where there is such a backup. */
  async importRecord(subject: Subject, record: Partial<BackupRecord> & { id: string }): Promise<VolumeBackup> {
    requireAdmin(subject, 'backup:export-import');
    const dataId = record.data_id ?? record.id;
    if (!(await this.#store.exists(dataId))) {
      throw invalidBackup('There is no such backup in the backup store.');
    }
    const { env, db } = this.#cloud;
    const now = env.now();
    const row: VolumeBackupsTable = {
      id: record.id,
      project_id: projectOf(subject),
      user_id: subject.userId,
      volume_id: record.volume_id ?? record.id,
      snapshot_id: record.snapshot_id ?? null,
      parent_id: record.parent_id ?? null,
      data_id: dataId,
      name: record.name ?? null,
      description: record.description ?? null,
      status: 'available',
      size: record.size ?? 0,
      object_count: record.object_count ?? 0,
      container: record.container ?? 'volumebackups',
      zone_id: record.zone_id ?? '',
      metadata: record.metadata ?? '{}',
      volume_metadata: record.volume_metadata ?? '{"bootable":false,"metadata":{},"imageMetadata":{}}',
      last_error: null,
      data_timestamp: record.data_timestamp ?? now,
      created_at: record.created_at ?? now,
      updated_at: now,
      deleted_at: null,
    };
    await db.write(async (tx) => {
      const taken = await tx
        .selectFrom('volume_backups')
        .select('deleted_at')
        .where('id', '=', row.id)
        .executeTakeFirst();
      if (taken && taken.deleted_at === null) {
        throw new CloudError('invalid', `Invalid backup: Backup ${withDashes(row.id)} already exists in database.`);
      }
      if (taken) await tx.deleteFrom('volume_backups').where('id', '=', row.id).execute();
      await tx.insertInto('volume_backups').values(row).execute();
    });
    return this.get(subject, row.id);
  }
}
