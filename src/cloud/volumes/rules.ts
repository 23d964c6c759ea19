import type { Tx } from '../../database/database.ts';
import type { VolumeSnapshotsTable, VolumesTable } from '../../database/schema.ts';
import { withDashes } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import { ownsOrAdmin, type Subject } from '../identity/subject.ts';
import type { Image } from '../images/model.ts';
import { volumeNotFound } from './model.ts';
import { type Snapshot, snapshotFromRow, snapshotNotFound } from './snapshot-model.ts';

/** Cinder's words for the states of a volume that this cloud has. */
export const volumeStatuses = [
  'creating',
  'downloading',
  'available',
  'reserved',
  'attaching',
  'in-use',
  'detaching',
  'extending',
  'uploading',
  'reverting',
  'retyping',
  'backing-up',
  'restoring-backup',
  'awaiting-transfer',
  'maintenance',
  'deleting',
  'error',
  'error_deleting',
  'error_extending',
  'error_restoring',
] as const;
export type VolumeStatus = (typeof volumeStatuses)[number];

/** Cinder's refusal: valid, but not for a volume in that state. */
export function invalidVolume(why: string): CloudError {
  return new CloudError('invalid', `Invalid volume: ${why}`, { reason: 'invalid_volume' });
}

/**
 * A block storage volume as this transaction may change it: its row is locked. With `rootDisks` also the
 * disk of a server that boots from an image.
 */
export async function lockVolume(
  tx: Tx,
  subject: Subject,
  volumeId: string,
  { rootDisks = false }: { rootDisks?: boolean } = {},
): Promise<VolumesTable> {
  const origins = rootDisks ? (['volume', 'server'] as const) : (['volume'] as const);
  const query = tx
    .selectFrom('volumes')
    .selectAll()
    .where('id', '=', volumeId)
    .where('deleted_at', 'is', null)
    .where('origin', 'in', [...origins])
    .where('local_disk', 'is', null);
  const row = await query.forUpdate().executeTakeFirst();
  if (!row || !ownsOrAdmin(subject, row.project_id)) throw volumeNotFound(volumeId);
  return row;
}

/** As `lockVolume`, for snapshots. */
export async function lockSnapshot(tx: Tx, subject: Subject, snapshotId: string): Promise<Snapshot> {
  const query = tx
    .selectFrom('volume_snapshots')
    .selectAll()
    .where('id', '=', snapshotId)
    .where('deleted_at', 'is', null);
  const row = await query.forUpdate().executeTakeFirst();
  if (!row || !ownsOrAdmin(subject, row.project_id)) throw snapshotNotFound(snapshotId);
  return snapshotFromRow(row);
}

/** Refuses a volume that is in another state than these, naming what was to be done. */
export function requireStatus(row: VolumesTable, statuses: readonly VolumeStatus[], toDo: string): void {
  if ((statuses as readonly string[]).includes(row.status)) return;
  throw invalidVolume(
    `Volume ${withDashes(row.id)} status must be ${statuses.join(' or ')} to ${toDo}, but the current status is ${row.status}.`,
  );
}

/** Refuses a volume that its owner has disabled. */
export function requireEnabled(row: VolumesTable, toDo: string): void {
  if (row.enabled === 1) return;
  throw invalidVolume(`Volume ${withDashes(row.id)} is disabled, and must be enabled to ${toDo}.`);
}

/** Throws `invalid` for a volume of too few bytes for the image that it is to get. */
export function requireRoom(image: Pick<Image, 'virtualSize' | 'size' | 'minDiskGb'>, size: number): void {
  const needed = Math.max(image.virtualSize ?? image.size ?? 0, image.minDiskGb * 2 ** 30);
  if (needed <= size) return;
  const [has, needs] = [size, needed].map((bytes) => Math.ceil(bytes / 2 ** 30));
  throw invalidVolume(`the image needs ${needs}GB, and the volume has ${has}GB.`);
}

/** Changes a volume at the end of an action, if the action's own state is still what it is in. */
export async function settleVolume(
  core: Pick<CloudCore, 'env'>,
  tx: Tx,
  volumeId: string,
  from: VolumeStatus | readonly VolumeStatus[],
  changes: Partial<VolumesTable>,
): Promise<void> {
  await tx
    .updateTable('volumes')
    .set({ ...changes, updated_at: core.env.now() })
    .where('id', '=', volumeId)
    .where('deleted_at', 'is', null)
    .where('status', 'in', [from].flat())
    .execute();
}

/** The state to which a volume goes back when what was done with it is over. */
export async function steadyStatus(
  tx: Tx,
  volumeId: string,
): Promise<'available' | 'in-use' | 'reserved' | 'attaching'> {
  const row = await tx.selectFrom('volumes').select('server_id').where('id', '=', volumeId).executeTakeFirst();
  if (row?.server_id) return 'in-use';
  const other = await tx
    .selectFrom('volume_attachments')
    .select('status')
    .where('volume_id', '=', volumeId)
    .executeTakeFirst();
  if (!other) return 'available';
  return other.status === 'attached' ? 'in-use' : other.status;
}

export async function updateSnapshot(
  core: Pick<CloudCore, 'env'>,
  tx: Tx,
  snapshotId: string,
  changes: Partial<VolumeSnapshotsTable>,
): Promise<void> {
  await tx
    .updateTable('volume_snapshots')
    .set({ ...changes, updated_at: core.env.now() })
    .where('id', '=', snapshotId)
    .execute();
}
