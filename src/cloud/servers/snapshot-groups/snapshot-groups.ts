import type { Queryable, Tx } from '../../../database/database.ts';
import type { SnapshotGroupsTable, VolumesTable } from '../../../database/schema.ts';
import { newId, withDashes } from '../../../env/env.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError, notFound } from '../../errors.ts';
import { ownsOrAdmin, type Subject } from '../../identity/subject.ts';
import { invalidVolume, lockVolume } from '../../volumes/rules.ts';
import { deleteSnapshotIn, registerSnapshot } from '../../volumes/transitions/snapshot.ts';
import { lockServer } from '../transition.ts';
import { aboutDisks, beginRevert, cannot, requestRevertDisk, requireOff } from './begin-revert.ts';
import { forgetSnapshotGroup, snapshotDisks } from './make.ts';

export interface NewSnapshotGroup {
  id?: string;
  serverId: string;
  name: string;
  description?: string | null;
}

/** A snapshot of a group, and how it and its volume are now. */
interface Member {
  snapshot_id: string;
  volume_id: string;
  volume_name: string | null;
  volume_kind: 'root' | 'data';
  /** Null where it is deleted. */
  status: string | null;
  disk_id: string | null;
  host_id: string | null;
}

/**
 * Snapshots of all disks of a server, the one that it boots from too, of one moment. Cinder's group snapshots are something
 * else: of volumes that their user has put together, which different servers may have, and one after the other.
 */
export class SnapshotGroups {
  readonly #cloud: Cloud;

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  async create(subject: Subject, wanted: NewSnapshotGroup): Promise<{ id: string; actionId: string }> {
    const { db, env, runner } = this.#cloud;
    const id = wanted.id ?? newId(env);
    const now = env.now();
    const actionId = await db.write(async (tx) => {
      const server = await lockServer(tx, subject, wanted.serverId);
      if (server.hostId === null || server.taskState !== null || !snapshotable.includes(server.vmState)) {
        throw cannot('snapshot the disks of', server);
      }
      const { name, description = null } = wanted;
      const group = { id, project_id: server.projectId, user_id: subject.userId, server_id: server.id };
      await tx
        .insertInto('snapshot_groups')
        .values({ ...group, name, description, created_at: now, updated_at: now })
        .execute();
      const disks: SnapshotInput[] = [];
      for (const volume of await this.#lockVolumesOf(tx, subject, server.id)) {
        if (volume.host_id !== server.hostId) throw invalidVolume('it is on another host than its server.');
        const words = { name: `${name}-${volume.name ?? volume.id}`, description, force: true };
        const row = await registerSnapshot(this.#cloud, tx, subject, volume, words);
        const member = {
          ...{ snapshot_id: row.id, group_id: id, volume_id: volume.id, volume_name: volume.name },
          volume_kind: volume.kind === 'root' ? ('root' as const) : ('data' as const),
          ...{ device_index: volume.device_index ?? 0, snapshot_name: row.name, created_at: now },
        };
        await tx.insertInto('snapshot_group_members').values(member).execute();
        const { size, disk_id } = volume;
        disks.push({ snapshotId: row.id, sourceDiskId: disk_id!, newDiskId: newId(env), size });
      }
      return await runner.submit(tx, snapshotDisks, {
        input: { serverId: server.id, groupId: id, hostId: server.hostId, disks },
        ...aboutDisks(server, 'snapshot_disks', subject),
      });
    });
    return { id, actionId };
  }

  async update(subject: Subject, id: string, changes: { name?: string; description?: string }): Promise<void> {
    await this.#cloud.db.write(async (tx) => {
      await this.#lock(tx, subject, id);
      const changed = { ...changes, updated_at: this.#cloud.env.now() };
      await tx.updateTable('snapshot_groups').set(changed).where('id', '=', id).execute();
    });
  }

  /** Its snapshots are from then on like any others. */
  async ungroup(subject: Subject, id: string): Promise<void> {
    await this.#cloud.db.write(async (tx) => {
      await this.#lock(tx, subject, id);
      await forgetSnapshotGroup(tx, id);
    });
  }

  /** Deletes it with its snapshots: by one action for each. */
  async delete(subject: Subject, id: string): Promise<Array<{ snapshotId: string; actionId?: string }>> {
    return await this.#cloud.db.write(async (tx) => {
      await this.#lock(tx, subject, id);
      const deleted: Array<{ snapshotId: string; actionId?: string }> = [];
      for (const { snapshot_id: snapshotId, status } of await this.#membersOf(tx, id)) {
        if (status === null) continue;
        deleted.push({ snapshotId, ...(await deleteSnapshotIn(this.#cloud, tx, subject, snapshotId)) });
      }
      await forgetSnapshotGroup(tx, id);
      return deleted;
    });
  }

  /** The server whose disks they are of. */
  async serverOf(subject: Subject, id: string): Promise<string> {
    const group = await this.#rowOf(this.#cloud.db.read, subject, id);
    if (!group) throw groupNotFound(id);
    return group.server_id;
  }

  /** Its snapshots, that of the disk which the server boots from first. */
  async members(subject: Subject, id: string): Promise<Member[]> {
    const { read } = this.#cloud.db;
    if (!(await this.#rowOf(read, subject, id))) throw groupNotFound(id);
    return await this.#membersOf(read, id);
  }

  /** Why a server can't be reverted to the group now; undefined where it can, whatever state it is in. */
  async obstacle(subject: Subject, id: string): Promise<string | undefined> {
    const { read } = this.#cloud.db;
    const group = await this.#rowOf(read, subject, id);
    if (!group) throw groupNotFound(id);
    return await this.#obstacleIn(read, group);
  }

  /** Gives the disks of the server, which has to be off, what they held then. Throws `conflict` where that can't be. */
  async revert(subject: Subject, id: string): Promise<{ actionId: string; members: Member[] }> {
    return await this.#cloud.db.write(async (tx) => {
      const group = await this.#lock(tx, subject, id);
      const server = await lockServer(tx, subject, group.server_id);
      requireOff(server);
      const obstacle = await this.#obstacleIn(tx, group);
      if (obstacle !== undefined) throw new CloudError('conflict', obstacle, { reason: 'group_unavailable' });
      const members = await this.#membersOf(tx, id);
      const disks = (await this.#lockVolumesOf(tx, subject, server.id)).map((volume) => {
        const { snapshot_id: snapshotId, disk_id } = members.find(({ volume_id }) => volume_id === volume.id)!;
        return { volume, snapshotId, snapshotDiskId: disk_id! };
      });
      const actionId = await beginRevert(this.#cloud, tx, subject, server, disks);
      return { actionId, members };
    });
  }

  /** As `requestRevertDisk`. */
  revertDisk = (subject: Subject, serverId: string, snapshotId: string) =>
    requestRevertDisk(this.#cloud, subject, serverId, snapshotId);

  /** The disks of the server that have snapshots: all but ephemeral and swap disks. Throws `invalid` for busy ones. */
  async #lockVolumesOf(tx: Tx, subject: Subject, serverId: string): Promise<VolumesTable[]> {
    const shared = tx.selectFrom('volume_shares').select('volume_id').where('server_id', '=', serverId);
    if (await shared.executeTakeFirst()) throw invalidVolume('several servers have one of the volumes.');
    const rows = await disksOf(tx, serverId);
    const locked: VolumesTable[] = [];
    for (const { id } of rows) {
      const row = await lockVolume(tx, subject, id, { rootDisks: true });
      if (row.status !== 'in-use' || !row.disk_id)
        throw invalidVolume(`Volume ${withDashes(id)} status must be in-use, but is ${row.status}.`);
      locked.push(row);
    }
    return locked;
  }

  async #obstacleIn(db: Queryable, group: SnapshotGroupsTable): Promise<string | undefined> {
    const members = await this.#membersOf(db, group.id);
    const named = (what: readonly string[]) => `[${what.join(', ')}]`;
    const deleted = members.filter(({ status }) => status !== 'available');
    if (deleted.length > 0) {
      const ids = named(deleted.map(({ snapshot_id }) => snapshot_id));
      return `snapshot(s) ${ids} in the group have been deleted, can only revert one by one.`;
    }
    const attached = await disksOf(db, group.server_id);
    const missing = members.filter(({ volume_id }) => !attached.some(({ id }) => id === volume_id));
    if (missing.length > 0) {
      const ids = named(missing.map(({ volume_id }) => volume_id));
      return `volume(s) ${ids} is no longer attached, can only revert one by one. If you need to group revert, please re-attach it.`;
    }
    const others = attached.filter(({ id }) => !members.some(({ volume_id }) => volume_id === id));
    if (others.length > 0) {
      const ids = named(others.map(({ id }) => id));
      return `new volume(s) ${ids} attached after snapshot point, can only revert one by one. If you need to group revert, please detach it.`;
    }
    const moved = attached.some(({ id, host_id }) => members.find((one) => one.volume_id === id)!.host_id !== host_id);
    return moved ? 'the server is on another host than its snapshots.' : undefined;
  }

  async #membersOf(db: Queryable, groupId: string): Promise<Member[]> {
    return await db
      .selectFrom('snapshot_group_members')
      .leftJoin('volume_snapshots', (join) =>
        join
          .onRef('volume_snapshots.id', '=', 'snapshot_group_members.snapshot_id')
          .on('volume_snapshots.deleted_at', 'is', null),
      )
      .select(['snapshot_id', 'snapshot_group_members.volume_id', 'volume_name', 'volume_kind'])
      .select(['status', 'disk_id', 'host_id'])
      .where('group_id', '=', groupId)
      .orderBy('device_index')
      .execute();
  }

  async #lock(tx: Tx, subject: Subject, id: string): Promise<SnapshotGroupsTable> {
    const query = tx.selectFrom('snapshot_groups').selectAll().where('id', '=', id);
    const row = await query.forUpdate().executeTakeFirst();
    if (!row || !ownsOrAdmin(subject, row.project_id)) throw groupNotFound(id);
    return row;
  }

  async #rowOf(db: Queryable, subject: Subject, id: string): Promise<SnapshotGroupsTable | undefined> {
    const row = await db.selectFrom('snapshot_groups').selectAll().where('id', '=', id).executeTakeFirst();
    return row && ownsOrAdmin(subject, row.project_id) ? row : undefined;
  }
}

interface SnapshotInput {
  snapshotId: string;
  sourceDiskId: string;
  newDiskId: string;
  size: number;
}

/** Where nothing is under way on the server. */
const snapshotable: readonly string[] = ['active', 'paused', 'stopped'];

async function disksOf(db: Queryable, serverId: string) {
  return await db
    .selectFrom('volumes')
    .select(['id', 'host_id'])
    .where('server_id', '=', serverId)
    .where('local_disk', 'is', null)
    .where('deleted_at', 'is', null)
    .orderBy('device_index')
    .execute();
}

function groupNotFound(id: string): CloudError {
  return notFound('snapshot_group', id, `Snapshot group ${id} could not be found.`);
}
