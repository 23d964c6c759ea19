import type { Tx } from '../../../database/database.ts';
import type { VolumeGroupsTable } from '../../../database/schema.ts';
import { newId, withDashes } from '../../../env/env.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError } from '../../errors.ts';
import { ownsOrAdmin, projectOf, requireAdmin, type Subject } from '../../identity/subject.ts';
import { invalidVolume, lockVolume } from '../rules.ts';
import { deleteVolumeIn } from '../transitions/delete.ts';
import { copyGroup, type GroupSource } from './copy-group.ts';
import { GroupSnapshots } from './group-snapshots.ts';
import { GroupTypes } from './group-types.ts';
import { isGrouped, joinGroup, lockGroup, volumesOfGroups } from './membership.ts';
import {
  type GroupStatus,
  type GroupType,
  groupFromRow,
  groupNotFound,
  invalidGroup,
  type VolumeGroup,
} from './model.ts';

export interface NewGroup {
  name?: string | null;
  description?: string | null;
  /** Names or ids. */
  groupType: string;
  volumeTypes: readonly string[];
  zone?: string;
}

/** Groups of volumes: what is known of them, and what may be asked of them. */
export class VolumeGroups {
  readonly types: GroupTypes;
  readonly snapshots: GroupSnapshots;
  readonly #cloud: Cloud;

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
    this.types = new GroupTypes(cloud);
    this.snapshots = new GroupSnapshots(cloud);
  }

  /** The newest first. */
  async list(subject: Subject, filter: { allProjects?: boolean } = {}): Promise<VolumeGroup[]> {
    const { read } = this.#cloud.db;
    let query = read.selectFrom('volume_groups').selectAll().where('deleted_at', 'is', null);
    if (!(filter.allProjects && subject.isAdmin)) query = query.where('project_id', '=', projectOf(subject));
    const rows = await query.orderBy('created_at', 'desc').orderBy('id').execute();
    const ids = rows.map(({ id }) => id);
    const parts = await volumesOfGroups(read, ids);
    return rows.map((row) => groupFromRow(row, parts.get(row.id) ?? []));
  }

  async get(subject: Subject, id: string): Promise<VolumeGroup> {
    const { read } = this.#cloud.db;
    const row = await read
      .selectFrom('volume_groups')
      .selectAll()
      .where('id', '=', id)
      .where('deleted_at', 'is', null)
      .executeTakeFirst();
    if (!row || !ownsOrAdmin(subject, row.project_id)) throw groupNotFound(id);
    return groupFromRow(row, (await volumesOfGroups(read, [id])).get(id) ?? []);
  }

  /** The group of each volume that is in one. */
  async byVolume(): Promise<Map<string, string>> {
    const rows = await this.#cloud.db.read.selectFrom('volume_group_members').selectAll().execute();
    return new Map(rows.map(({ volume_id, group_id }) => [volume_id, group_id]));
  }

  /** Makes a group that has no volumes yet. */
  async create(subject: Subject, wanted: NewGroup): Promise<VolumeGroup> {
    const projectId = projectOf(subject);
    const type = await this.types.find(subject, wanted.groupType);
    refuseConsistency(type);
    if (wanted.volumeTypes.length === 0) throw badInput('volume_types must be provided to create group.');
    const { types } = this.#cloud.blockStorage;
    const volumeTypes = await Promise.all(wanted.volumeTypes.map((one) => types.find(subject, one)));
    const { zones, env, db, quotas } = this.#cloud;
    const zone = wanted.zone === undefined ? await zones.default(subject.domainId) : await zones.byName(wanted.zone);
    if (!zone) throw badInput(`Availability zone '${wanted.zone}' is invalid.`);
    const row: VolumeGroupsTable = {
      id: newId(env),
      project_id: projectId,
      user_id: subject.userId,
      name: wanted.name ?? null,
      description: wanted.description ?? null,
      group_type_id: type.id,
      zone_id: zone.id,
      volume_types: JSON.stringify([...new Set(volumeTypes.map(({ id }) => id))]),
      group_snapshot_id: null,
      source_group_id: null,
      status: null,
      created_at: env.now(),
      deleted_at: null,
    };
    await db.write(async (tx) => {
      await quotas.check(tx, projectId, { volume_groups: 1 });
      await tx.insertInto('volume_groups').values(row).execute();
    });
    return groupFromRow(row, []);
  }

  /** Makes a group with a copy of each volume of another one, or of each snapshot of a group snapshot. */
  async createFrom(
    subject: Subject,
    wanted: { name?: string | null; description?: string | null; source: GroupSource },
  ): Promise<VolumeGroup> {
    return await this.get(subject, await copyGroup(this.#cloud, subject, wanted));
  }

  /** Changes words about the group, and which volumes are in it. Nothing happens to the volumes. */
  async update(
    subject: Subject,
    id: string,
    changes: { name?: string | null; description?: string | null; add: readonly string[]; remove: readonly string[] },
  ): Promise<void> {
    const { add, remove, name, description } = changes;
    const both = add.find((one) => remove.includes(one));
    if (both) throw invalidGroup(`volume ${withDashes(both)} is to be added and removed.`);
    await this.#cloud.db.write(async (tx) => {
      const group = await lockGroup(tx, subject, id);
      if (group.status !== null && group.status !== 'available') {
        throw invalidGroup(`its status must be available, but is ${group.status}.`);
      }
      const words = { ...(name === undefined ? {} : { name }), ...(description === undefined ? {} : { description }) };
      if (Object.keys(words).length > 0) {
        await tx.updateTable('volume_groups').set(words).where('id', '=', id).execute();
      }
      for (const one of remove) await this.#leave(tx, subject, id, one);
      for (const one of add) {
        const volume = await lockVolume(tx, subject, one);
        if (!['available', 'in-use'].includes(volume.status)) {
          throw invalidVolume(`Cannot add volume ${withDashes(one)} to a group: it is ${volume.status}.`);
        }
        await joinGroup(tx, subject, id, volume);
      }
    });
  }

  /** Deletes a group, with its volumes where `withVolumes` says so: else it must have none. */
  async delete(subject: Subject, id: string, { withVolumes }: { withVolumes: boolean }): Promise<void> {
    const { db, env } = this.#cloud;
    await db.write(async (tx) => {
      await lockGroup(tx, subject, id);
      const snapshot = await tx
        .selectFrom('volume_group_snapshots')
        .select('id')
        .where('group_id', '=', id)
        .where('deleted_at', 'is', null)
        .executeTakeFirst();
      if (snapshot) throw invalidGroup(`Group ${withDashes(id)} still has group snapshots.`);
      const volumes = (await volumesOfGroups(tx, [id])).get(id) ?? [];
      if (volumes.length > 0 && !withVolumes) {
        throw invalidGroup(`Group ${withDashes(id)} still contains volumes. The delete-volumes flag is required.`);
      }
      for (const volume of volumes) await deleteVolumeIn(this.#cloud, tx, subject, volume.id);
      await tx.deleteFrom('volume_group_members').where('group_id', '=', id).execute();
      await tx.updateTable('volume_groups').set({ deleted_at: env.now() }).where('id', '=', id).execute();
    });
  }

  /** For administrators: says in what state a group is, where the cloud has it wrong. */
  async resetStatus(subject: Subject, id: string, status: GroupStatus): Promise<void> {
    requireAdmin(subject, 'group:reset_status');
    await this.#cloud.db.write(async (tx) => {
      await lockGroup(tx, subject, id);
      await tx.updateTable('volume_groups').set({ status }).where('id', '=', id).execute();
    });
  }

  async #leave(tx: Tx, subject: Subject, groupId: string, volumeId: string): Promise<void> {
    await lockVolume(tx, subject, volumeId);
    if (!(await isGrouped(tx, volumeId))) throw invalidGroup(`volume ${withDashes(volumeId)} is not in it.`);
    const { numDeletedRows } = await tx
      .deleteFrom('volume_group_members')
      .where('volume_id', '=', volumeId)
      .where('group_id', '=', groupId)
      .executeTakeFirstOrThrow();
    if (numDeletedRows === 0n) throw invalidGroup(`volume ${withDashes(volumeId)} is not in it.`);
  }
}

/** Disks are copied one after the other: their content is not of one moment, and nobody shall believe so. */
function refuseConsistency({ name, specs }: GroupType): void {
  const odd = [
    'consistent_group_snapshot_enabled',
    'consistent_group_replication_enabled',
    'group_replication_enabled',
  ];
  const wanted = odd.find((key) => /^<is>\s+true$/i.test(specs[key] ?? ''));
  if (wanted) throw badInput(`no storage can do what the group type ${name} asks for: ${wanted}.`);
}

function badInput(why: string): CloudError {
  return new CloudError('invalid', `Invalid input received: ${why}`, { reason: 'invalid_input' });
}
