import type { Queryable, Tx } from '../../../database/database.ts';
import type { VolumeGroupsTable, VolumesTable } from '../../../database/schema.ts';
import { withDashes } from '../../../env/env.ts';
import { CloudError } from '../../errors.ts';
import { ownsOrAdmin, type Subject } from '../../identity/subject.ts';
import { groupNotFound, invalidGroup, type Part } from './model.ts';

/** A group as this transaction may change it: its row is locked. */
export async function lockGroup(tx: Tx, subject: Subject, id: string): Promise<VolumeGroupsTable> {
  const query = tx.selectFrom('volume_groups').selectAll().where('id', '=', id).where('deleted_at', 'is', null);
  const row = await query.forUpdate().executeTakeFirst();
  if (!row || !ownsOrAdmin(subject, row.project_id)) throw groupNotFound(id);
  return row;
}

/** Puts a volume into a group. Throws where its project or type is another one's, or it is in a group already. */
export async function joinGroup(
  tx: Tx,
  subject: Subject,
  groupId: string,
  volume: Pick<VolumesTable, 'id' | 'project_id' | 'volume_type'>,
): Promise<void> {
  const group = await lockGroup(tx, subject, groupId);
  const name = `volume ${withDashes(volume.id)}`;
  if (group.project_id !== volume.project_id) throw invalidGroup(`${name} belongs to another project.`);
  if (!(JSON.parse(group.volume_types) as string[]).includes(volume.volume_type)) {
    throw invalidGroup(`the type of ${name} is not among those of group ${withDashes(groupId)}.`);
  }
  if (await isGrouped(tx, volume.id)) throw invalidGroup(`${name} is in a group already.`);
  await tx.insertInto('volume_group_members').values({ volume_id: volume.id, group_id: groupId }).execute();
}

export async function isGrouped(tx: Tx, volumeId: string): Promise<boolean> {
  const row = tx.selectFrom('volume_group_members').select('group_id').where('volume_id', '=', volumeId);
  return (await row.executeTakeFirst()) !== undefined;
}

/** A snapshot that was made with others goes with them. */
export async function refuseGroupedSnapshot(tx: Tx, snapshotId: string): Promise<void> {
  const found = await tx
    .selectFrom('volume_group_snapshot_members')
    .select('group_snapshot_id')
    .where('snapshot_id', '=', snapshotId)
    .executeTakeFirst();
  if (!found) return;
  const words = `it belongs to the group snapshot ${withDashes(found.group_snapshot_id)}, and is deleted with it.`;
  throw new CloudError('invalid', `Invalid snapshot: ${words}`, { reason: 'invalid_snapshot' });
}

/** The volumes of each of these groups that there still are. */
export async function volumesOfGroups(read: Queryable, groupIds: readonly string[]): Promise<Map<string, Part[]>> {
  if (groupIds.length === 0) return new Map();
  const rows = await read
    .selectFrom('volume_group_members')
    .innerJoin('volumes', 'volumes.id', 'volume_group_members.volume_id')
    .select(['volume_group_members.group_id as owner', 'volumes.id', 'volumes.status'])
    .where('volume_group_members.group_id', 'in', [...groupIds])
    .where('volumes.deleted_at', 'is', null)
    .orderBy('volumes.created_at')
    .orderBy('volumes.id')
    .execute();
  return byOwner(rows);
}

/** The snapshots of each of these group snapshots that there still are. */
export async function snapshotsOfGroupSnapshots(read: Queryable, ids: readonly string[]): Promise<Map<string, Part[]>> {
  if (ids.length === 0) return new Map();
  const rows = await read
    .selectFrom('volume_group_snapshot_members as members')
    .innerJoin('volume_snapshots', 'volume_snapshots.id', 'members.snapshot_id')
    .select(['members.group_snapshot_id as owner', 'volume_snapshots.id', 'volume_snapshots.status'])
    .where('members.group_snapshot_id', 'in', [...ids])
    .where('volume_snapshots.deleted_at', 'is', null)
    .orderBy('volume_snapshots.created_at')
    .orderBy('volume_snapshots.id')
    .execute();
  return byOwner(rows);
}

function byOwner(rows: ReadonlyArray<Part & { owner: string }>): Map<string, Part[]> {
  const found = new Map<string, Part[]>();
  for (const { owner, id, status } of rows) {
    const list = found.get(owner);
    if (list) list.push({ id, status });
    else found.set(owner, [{ id, status }]);
  }
  return found;
}
