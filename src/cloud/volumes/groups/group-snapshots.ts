import type { Tx } from '../../../database/database.ts';
import type { VolumeGroupSnapshotsTable } from '../../../database/schema.ts';
import { newId } from '../../../env/env.ts';
import type { Cloud } from '../../cloud.ts';
import { ownsOrAdmin, projectOf, requireAdmin, type Subject } from '../../identity/subject.ts';
import { createSnapshotIn, deleteSnapshotIn } from '../transitions/snapshot.ts';
import { lockGroup, snapshotsOfGroupSnapshots, volumesOfGroups } from './membership.ts';
import {
  type GroupSnapshot,
  type GroupStatus,
  groupSnapshotFromRow,
  groupSnapshotNotFound,
  invalidGroup,
  invalidGroupSnapshot,
} from './model.ts';

/** Snapshots of whole groups. Each volume is copied as it is when its turn comes: they are not of one moment. */
export class GroupSnapshots {
  readonly #cloud: Cloud;

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  /** The newest first. */
  async list(subject: Subject, filter: { allProjects?: boolean } = {}): Promise<GroupSnapshot[]> {
    const { read } = this.#cloud.db;
    let query = read.selectFrom('volume_group_snapshots').selectAll().where('deleted_at', 'is', null);
    if (!(filter.allProjects && subject.isAdmin)) query = query.where('project_id', '=', projectOf(subject));
    const rows = await query.orderBy('created_at', 'desc').orderBy('id').execute();
    const ids = rows.map(({ id }) => id);
    const parts = await snapshotsOfGroupSnapshots(read, ids);
    return rows.map((row) => groupSnapshotFromRow(row, parts.get(row.id) ?? []));
  }

  async get(subject: Subject, id: string): Promise<GroupSnapshot> {
    const { read } = this.#cloud.db;
    const row = await read
      .selectFrom('volume_group_snapshots')
      .selectAll()
      .where('id', '=', id)
      .where('deleted_at', 'is', null)
      .executeTakeFirst();
    if (!row || !ownsOrAdmin(subject, row.project_id)) throw groupSnapshotNotFound(id);
    return groupSnapshotFromRow(row, (await snapshotsOfGroupSnapshots(read, [id])).get(id) ?? []);
  }

  /** The group snapshot of each snapshot that belongs to one. */
  async bySnapshot(): Promise<Map<string, string>> {
    const rows = await this.#cloud.db.read.selectFrom('volume_group_snapshot_members').selectAll().execute();
    return new Map(rows.map(({ snapshot_id, group_snapshot_id }) => [snapshot_id, group_snapshot_id]));
  }

  /** Makes a snapshot of each volume of a group, also of those that servers have: all of them, or none. */
  async create(
    subject: Subject,
    wanted: { groupId: string; name?: string | null; description?: string | null },
  ): Promise<GroupSnapshot> {
    const { db, env } = this.#cloud;
    const id = newId(env);
    await db.write(async (tx) => {
      const group = await lockGroup(tx, subject, wanted.groupId);
      if (group.status !== null && group.status !== 'available') {
        throw invalidGroup(`its status must be available, but is ${group.status}.`);
      }
      const volumes = (await volumesOfGroups(tx, [group.id])).get(group.id) ?? [];
      if (volumes.length === 0) throw invalidGroup('a group without volumes has nothing to make a snapshot of.');
      const row: VolumeGroupSnapshotsTable = {
        id,
        project_id: group.project_id,
        user_id: subject.userId,
        group_id: group.id,
        group_type_id: group.group_type_id,
        name: wanted.name ?? null,
        description: wanted.description ?? null,
        status: null,
        created_at: env.now(),
        deleted_at: null,
      };
      await tx.insertInto('volume_group_snapshots').values(row).execute();
      for (const volume of volumes) {
        const { name, description } = wanted;
        const asked = { volumeId: volume.id, name, description, force: true };
        const { snapshot } = await createSnapshotIn(this.#cloud, tx, subject, asked);
        const member = { snapshot_id: snapshot.id, group_snapshot_id: id };
        await tx.insertInto('volume_group_snapshot_members').values(member).execute();
      }
    });
    return await this.get(subject, id);
  }

  /** Deletes it with its snapshots. */
  async delete(subject: Subject, id: string): Promise<void> {
    const { db, env } = this.#cloud;
    await db.write(async (tx) => {
      const row = await lockGroupSnapshot(tx, subject, id);
      const snapshots = (await snapshotsOfGroupSnapshots(tx, [id])).get(id) ?? [];
      const { status } = groupSnapshotFromRow(row, snapshots);
      if (status === 'creating') throw invalidGroupSnapshot('its status must be available or error.');
      for (const snapshot of snapshots) await deleteSnapshotIn(this.#cloud, tx, subject, snapshot.id);
      await tx.deleteFrom('volume_group_snapshot_members').where('group_snapshot_id', '=', id).execute();
      await tx.updateTable('volume_group_snapshots').set({ deleted_at: env.now() }).where('id', '=', id).execute();
    });
  }

  /** For administrators: says in what state a group snapshot is, where the cloud has it wrong. */
  async resetStatus(subject: Subject, id: string, status: GroupStatus): Promise<void> {
    requireAdmin(subject, 'group:reset_group_snapshot_status');
    await this.#cloud.db.write(async (tx) => {
      await lockGroupSnapshot(tx, subject, id);
      await tx.updateTable('volume_group_snapshots').set({ status }).where('id', '=', id).execute();
    });
  }
}

/** A group snapshot as this transaction may change it: its row is locked. */
export async function lockGroupSnapshot(tx: Tx, subject: Subject, id: string): Promise<VolumeGroupSnapshotsTable> {
  const query = tx.selectFrom('volume_group_snapshots').selectAll().where('id', '=', id);
  const found = query.where('deleted_at', 'is', null);
  const row = await found.forUpdate().executeTakeFirst();
  if (!row || !ownsOrAdmin(subject, row.project_id)) throw groupSnapshotNotFound(id);
  return row;
}
