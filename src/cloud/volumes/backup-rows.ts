import type { Queryable, Tx } from '../../database/database.ts';
import type { VolumeBackupsTable } from '../../database/schema.ts';
import type { CloudCore } from '../core.ts';
import { ownsOrAdmin, type Subject } from '../identity/subject.ts';
import { backupFromRow, backupNotFound, type VolumeBackup } from './backup-model.ts';

/** A backup as this transaction may change it: its row is locked. */
export async function lockBackup(tx: Tx, subject: Subject, backupId: string): Promise<VolumeBackup> {
  const query = tx.selectFrom('volume_backups').selectAll().where('id', '=', backupId).where('deleted_at', 'is', null);
  const row = await query.forUpdate().executeTakeFirst();
  if (!row || !ownsOrAdmin(subject, row.project_id)) throw backupNotFound(backupId);
  return backupFromRow(row, await hasDependents(tx, backupId));
}

export async function hasDependents(db: Queryable, backupId: string): Promise<boolean> {
  const row = await db
    .selectFrom('volume_backups')
    .select('id')
    .where('parent_id', '=', backupId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  return row !== undefined;
}

/** Whether another record that was imported needs the bytes too. */
export async function isDataShared(db: Queryable, dataId: string, exceptId: string): Promise<boolean> {
  const rows = await db
    .selectFrom('volume_backups')
    .select('id')
    .where((e) => e.or([e('data_id', '=', dataId), e('id', '=', dataId)]))
    .where('id', '!=', exceptId)
    .where('deleted_at', 'is', null)
    .execute();
  return rows.length > 0;
}

export async function updateBackup(
  core: Pick<CloudCore, 'env'>,
  tx: Tx,
  backupId: string,
  changes: Partial<VolumeBackupsTable>,
  from?: readonly VolumeBackupsTable['status'][],
): Promise<void> {
  const update = tx
    .updateTable('volume_backups')
    .set({ ...changes, updated_at: core.env.now() })
    .where('id', '=', backupId);
  await (from ? update.where('status', 'in', from) : update).execute();
}
