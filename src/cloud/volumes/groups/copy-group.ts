import type { Tx } from '../../../database/database.ts';
import type { VolumeGroupsTable } from '../../../database/schema.ts';
import { newId, withDashes } from '../../../env/env.ts';
import type { Cloud } from '../../cloud.ts';
import { projectOf, type Subject } from '../../identity/subject.ts';
import { createVolumeIn, prepareVolume } from '../creation.ts';
import { lockGroupSnapshot } from './group-snapshots.ts';
import { lockGroup, snapshotsOfGroupSnapshots, volumesOfGroups } from './membership.ts';
import { invalidGroup, invalidGroupSnapshot } from './model.ts';

/** What a group is made of. */
export type GroupSource = { groupId: string } | { groupSnapshotId: string };

interface Copied {
  group: VolumeGroupsTable;
  volumes: Array<{ sourceVolumeId: string } | { snapshotId: string }>;
}

/** Registers the group with all its volumes, and submits what makes them, in one transaction. The id of the group. */
export async function copyGroup(
  cloud: Cloud,
  subject: Subject,
  wanted: { name?: string | null; description?: string | null; source: GroupSource },
): Promise<string> {
  const projectId = projectOf(subject);
  const prepared = await prepareVolume(cloud, subject, {});
  return await cloud.db.write(async (tx) => {
    const { group, volumes } = await copied(tx, subject, wanted.source);
    if (volumes.length === 0) throw invalidGroup('what the group is to be made of has no volumes.');
    const row: VolumeGroupsTable = {
      ...group,
      id: newId(cloud.env),
      project_id: projectId,
      user_id: subject.userId,
      name: wanted.name ?? null,
      description: wanted.description ?? null,
      group_snapshot_id: 'groupSnapshotId' in wanted.source ? wanted.source.groupSnapshotId : null,
      source_group_id: 'groupId' in wanted.source ? wanted.source.groupId : null,
      status: null,
      created_at: cloud.env.now(),
      deleted_at: null,
    };
    await cloud.quotas.check(tx, projectId, { volume_groups: 1 });
    await tx.insertInto('volume_groups').values(row).execute();
    for (const source of volumes) {
      await createVolumeIn(cloud, tx, subject, { ...source, groupId: row.id }, prepared);
    }
    return row.id;
  });
}

async function copied(tx: Tx, subject: Subject, source: GroupSource): Promise<Copied> {
  if ('groupId' in source) {
    const group = await lockGroup(tx, subject, source.groupId);
    if (group.status === 'error') throw invalidGroup(`Source group ${withDashes(group.id)} is in error.`);
    const volumes = (await volumesOfGroups(tx, [group.id])).get(group.id) ?? [];
    return { group, volumes: volumes.map(({ id }) => ({ sourceVolumeId: id })) };
  }
  const row = await lockGroupSnapshot(tx, subject, source.groupSnapshotId);
  if (row.status !== null && row.status !== 'available') {
    throw invalidGroupSnapshot(`its status must be available, but is ${row.status}.`);
  }
  // A group stays as long as it has group snapshots.
  const group = await lockGroup(tx, { ...subject, isAdmin: true }, row.group_id);
  const snapshots = (await snapshotsOfGroupSnapshots(tx, [row.id])).get(row.id) ?? [];
  return { group, volumes: snapshots.map(({ id }) => ({ snapshotId: id })) };
}
