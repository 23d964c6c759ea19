import type { Queryable, Tx } from '../../database/database.ts';
import type { VolumeSharesTable, VolumesTable } from '../../database/schema.ts';
import { updateRow } from '../../database/statement.ts';
import { newId, withDashes } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import { invalidVolume } from './rules.ts';

/*
 * Of the servers that have a volume, its own row names the one that has had it longest; each other one has a row in
 * `volume_shares`. When that first one lets go of it, the next one takes its place. So a volume without a server in its row
 * is nobody's, and its state is of all of them together: `attaching` and `detaching` while one comes or goes, so that they
 * come and go one after the other.
 */

/** Where in a server a volume is. */
export interface VolumePlace {
  serverId: string;
  device: { index: number; name: string };
  tag?: string;
  deleteOnTermination: boolean;
  byVolumeApi?: boolean;
}

/** The further servers that have the volume, in the order in which they got it. */
export function sharesOf(db: Queryable, volumeId: string): Promise<VolumeSharesTable[]> {
  return sharesOfAll(db, [volumeId]);
}

/** As `sharesOf`, of one volume or more. */
export async function sharesOfAll(db: Queryable, volumeIds: readonly string[]): Promise<VolumeSharesTable[]> {
  return await db
    .selectFrom('volume_shares')
    .selectAll()
    .where('volume_id', 'in', volumeIds)
    .orderBy('created_at')
    .orderBy('id')
    .execute();
}

/** Whether one more server may have the volume, which another one has. */
export function takesOneMore(row: VolumesTable): boolean {
  return row.multiattach === 1 && row.status === 'in-use' && row.server_id !== null;
}

/** Nova's refusal of a volume that several servers may have, to who asks by an older microversion. */
export function multiattachTooOld(): CloudError {
  const words = 'Multiattach volumes are only supported starting with compute API version 2.60.';
  return new CloudError('invalid', words, { reason: 'multiattach' });
}

/** Gives a volume that a server has to one more. Throws `invalid` for one that has it, and while a copy is being made of it. */
export async function shareVolume(
  core: Pick<CloudCore, 'db' | 'env'>,
  tx: Tx,
  row: VolumesTable,
  { serverId, device, tag, deleteOnTermination, byVolumeApi }: VolumePlace,
): Promise<VolumesTable> {
  const others = await sharesOf(tx, row.id);
  if (row.server_id === serverId || others.some(({ server_id }) => server_id === serverId)) {
    throw invalidVolume(`volume ${withDashes(row.id)} already attached`);
  }
  await refuseCopied(tx, row.id, 'no other server gets it meanwhile');
  const share: VolumeSharesTable = {
    id: newId(core.env),
    volume_id: row.id,
    server_id: serverId,
    status: 'attaching',
    device: device.name,
    device_index: device.index,
    device_tag: tag ?? null,
    delete_on_termination: deleteOnTermination ? 1 : 0,
    attached_by_volume_api: byVolumeApi ? 1 : 0,
    created_at: core.env.now(),
    attached_at: null,
  };
  await tx.insertInto('volume_shares').values(share).execute();
  await updateRow(tx, 'volumes', row.id, { status: 'attaching', last_error: null, updated_at: core.env.now() });
  return { ...row, status: 'attaching', ...columnsOf(share) };
}

/**
 * Refuses a volume of which a copy is being made. That is of one guest's moment: another one that wrote meanwhile would spoil
 * it.
 */
export async function refuseCopied(tx: Tx, volumeId: string, consequence: string): Promise<void> {
  const snapshot = await tx
    .selectFrom('volume_snapshots')
    .select('id')
    .where('volume_id', '=', volumeId)
    .where('status', '=', 'creating')
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  const copy = await tx
    .selectFrom('volumes')
    .select('id')
    .where('source_volume_id', '=', volumeId)
    .where('status', 'in', ['creating', 'downloading'])
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  const image = await tx
    .selectFrom('servers')
    .select('id')
    .where('root_volume_id', '=', volumeId)
    .where('task_state', 'like', 'image_%')
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  if (!snapshot && !copy && !image) return;
  throw invalidVolume(`Volume ${withDashes(volumeId)} is being copied: ${consequence}.`);
}

/** Refuses what can't be done while several servers have the volume. */
export async function refuseShared(db: Queryable, row: Pick<VolumesTable, 'id' | 'multiattach'>, toDo: string) {
  if (row.multiattach === 0 || (await sharesOf(db, row.id)).length === 0) return;
  throw invalidVolume(
    `Volume ${withDashes(row.id)} is attached to several servers, and must be to one at most to ${toDo}.`,
  );
}

/** Changes what is kept of the server's share, where it has one; says whether it has. */
export async function noteShare(
  tx: Tx,
  { volumeId, serverId }: { volumeId: string; serverId: string },
  changes: Partial<Pick<VolumeSharesTable, 'status' | 'attached_at' | 'delete_on_termination'>>,
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('volume_shares')
    .set(changes)
    .where('volume_id', '=', volumeId)
    .where('server_id', '=', serverId)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/**
 * The server has the volume no more, and where it had it longest, the next one takes its place in the volume's row.
 * @returns whether another server still has it; else the volume is the caller's to free
 */
export async function leaveShared(
  core: Pick<CloudCore, 'env'>,
  tx: Tx,
  { volumeId, serverId }: { volumeId: string; serverId: string },
): Promise<boolean> {
  const shares = await sharesOf(tx, volumeId);
  const own = shares.find(({ server_id }) => server_id === serverId);
  const next = own ?? shares[0];
  if (!next) return false;
  await tx.deleteFrom('volume_shares').where('id', '=', next.id).execute();
  const updated_at = core.env.now();
  if (!own) {
    const passing = shares.find(({ status }) => status !== 'attached');
    await updateRow(tx, 'volumes', volumeId, { status: passing?.status ?? 'in-use', ...columnsOf(next), updated_at });
  } else if (own.status !== 'attached') await updateRow(tx, 'volumes', volumeId, { status: 'in-use', updated_at });
  return true;
}

function columnsOf(share: VolumeSharesTable) {
  return {
    kind: 'data',
    server_id: share.server_id,
    last_server_id: share.server_id,
    attachment_id: share.id,
    device: share.device,
    device_index: share.device_index,
    device_tag: share.device_tag,
    delete_on_termination: share.delete_on_termination,
    attached_by_volume_api: share.attached_by_volume_api,
    attached_at: share.attached_at,
  } as const;
}

/** A volume's row as the server of the share sees it. */
export function asShared(row: VolumesTable, share: VolumeSharesTable): VolumesTable {
  return { ...row, ...columnsOf(share) };
}
