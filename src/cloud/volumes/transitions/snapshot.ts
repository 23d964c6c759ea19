import { Type } from 'typebox';
import type { Tx } from '../../../database/database.ts';
import type { VolumeSnapshotsTable, VolumesTable } from '../../../database/schema.ts';
import { newId, withDashes } from '../../../env/env.ts';
import { action, span, step } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError } from '../../errors.ts';
import { requireAdmin, type Subject } from '../../identity/subject.ts';
import { refuseGroupedSnapshot } from '../groups/membership.ts';
import { noteFailure } from '../messages.ts';
import { invalidVolume, lockSnapshot, lockVolume, requireEnabled, updateSnapshot } from '../rules.ts';
import { refuseShared } from '../shares.ts';
import { type Snapshot, snapshotFromRow } from '../snapshot-model.ts';
import { makeDisk, placeDisk } from '../steps/disk.ts';
import { checkVolumeQuotas } from '../type-quotas.ts';

export const createSnapshot = action(
  'snapshot.create',
  Type.Object({
    ownerId: Type.String(),
    newDiskId: Type.String(),
    size: Type.Number(),
    zoneId: Type.String(),
    sourceDiskId: Type.String(),
    onlyHostId: Type.String(),
  }),
  [span('create_snapshot', [placeDisk, makeDisk])],
  {
    async succeeded(tx, { services, input, state }) {
      await updateSnapshot(services, tx, input.ownerId, {
        status: 'available',
        disk_id: input.newDiskId,
        host_id: state.hostId,
        actual_size: state.actualSize,
      });
    },
    async failed(tx, { services, input, actionId }, failure) {
      await updateSnapshot(services, tx, input.ownerId, { status: 'error', last_error: failure.message });
      const about = { doing: 'createSnapshot', actionId, kind: 'VOLUME_SNAPSHOT', id: input.ownerId } as const;
      await noteFailure(services, tx, about, failure);
    },
  },
);

export interface NewSnapshot {
  id?: string;
  volumeId: string;
  name?: string | null;
  description?: string | null;
  metadata?: Record<string, string>;
  /** Also of a volume that a server has: its system may not have written everything yet. */
  force?: boolean;
  /** Also of the disk of a server that boots from an image: to Cinder there is no such volume. */
  rootDisks?: boolean;
}

/** Copies a volume as it is at one moment. The copy needs nothing of the volume any more. */
export async function requestCreateSnapshot(cloud: Cloud, subject: Subject, wanted: NewSnapshot) {
  return await cloud.db.write((tx) => createSnapshotIn(cloud, tx, subject, wanted));
}

/** As `requestCreateSnapshot`, as part of a transaction that makes more. */
export async function createSnapshotIn(
  cloud: Cloud,
  tx: Tx,
  subject: Subject,
  wanted: NewSnapshot,
): Promise<{ snapshot: Snapshot; actionId: string }> {
  const volume = await lockVolume(tx, subject, wanted.volumeId, { rootDisks: wanted.rootDisks });
  const row = await registerSnapshot(cloud, tx, subject, volume, wanted);
  const actionId = await cloud.runner.submit(tx, createSnapshot, {
    input: {
      ownerId: row.id,
      newDiskId: newId(cloud.env),
      size: volume.size,
      zoneId: volume.zone_id,
      sourceDiskId: volume.disk_id!,
      onlyHostId: volume.host_id!,
    },
    ...about(row.id, 'create', volume.project_id, subject),
  });
  return { snapshot: snapshotFromRow(row), actionId };
}

/** The row of a snapshot that is to be made of a volume, which is locked. */
export async function registerSnapshot(
  cloud: Cloud,
  tx: Tx,
  subject: Subject,
  volume: VolumesTable,
  wanted: Omit<NewSnapshot, 'volumeId' | 'rootDisks'>,
): Promise<VolumeSnapshotsTable> {
  requireEnabled(volume, 'make a snapshot of it');
  const isFree = volume.status === 'available' || (wanted.force && volume.status === 'in-use');
  if (!isFree || !volume.disk_id) {
    throw invalidVolume(
      `Volume ${withDashes(volume.id)} status must be available, but current status is: ${volume.status}.`,
    );
  }
  await refuseShared(tx, volume, 'make a snapshot of it');
  await checkVolumeQuotas(cloud, tx, volume.project_id, {
    typeId: volume.volume_type,
    snapshots: 1,
    bytes: volume.size,
  });
  const now = cloud.env.now();
  const row: VolumeSnapshotsTable = {
    id: wanted.id ?? newId(cloud.env),
    project_id: volume.project_id,
    user_id: subject.userId,
    volume_id: volume.id,
    name: wanted.name ?? null,
    description: wanted.description ?? null,
    status: 'creating',
    size: volume.size,
    actual_size: null,
    host_id: volume.host_id,
    disk_id: null,
    metadata: JSON.stringify(wanted.metadata ?? {}),
    last_error: null,
    progress: null,
    created_at: now,
    updated_at: now,
    deleted_at: null,
  };
  await tx.insertInto('volume_snapshots').values(row).execute();
  return row;
}

interface DeleteInput {
  snapshotId: string;
}

const lookUp = step<DeleteInput, { disks: Array<{ id: string; hostId: string }> }>('lookUp', {
  async do({ services, input }) {
    return { state: { disks: await services.volumes.disksOf([input.snapshotId]) } };
  },
});

const removeDisk = step<DeleteInput, { disks: Array<{ id: string; hostId: string }> }>('removeDisk', {
  retry: { attempts: 4, backoffMs: 500 },
  async do({ services, state }) {
    const disks = state.disks!;
    for (const { id, hostId } of disks) await services.hosts.agent(hostId).removeDisk(id);
    return {
      commit: async (tx) => {
        for (const { id } of disks) await services.volumes.forgetDisk(tx, id);
      },
    };
  },
});

/** Goes forward only, as the deletion of volumes. */
export const deleteSnapshot = action(
  'snapshot.delete',
  Type.Object({ snapshotId: Type.String() }),
  [span('delete_snapshot', [lookUp, removeDisk])],
  {
    onFailure: 'park',
    succeeded: (tx, { services, input, now }) => updateSnapshot(services, tx, input.snapshotId, gone(now)),
    failed: (tx, { services, input, now }) => updateSnapshot(services, tx, input.snapshotId, gone(now)),
  },
);

const gone = (now: number) => ({ status: 'deleted', deleted_at: now, disk_id: null }) as const;

/**
 * Deletes a snapshot. Volumes that were made of it have their own copies. `force` is for administrators: it takes one in
 * any state, and ends what is under way on it.
 */
export async function requestDeleteSnapshot(
  cloud: Cloud,
  subject: Subject,
  snapshotId: string,
  options: { force?: boolean } = {},
) {
  if (options.force) requireAdmin(subject, 'volume_extension:snapshot_admin_actions:force_delete');
  return await cloud.db.write(async (tx) => {
    await refuseGroupedSnapshot(tx, snapshotId);
    return await deleteSnapshotIn(cloud, tx, subject, snapshotId, options);
  });
}

/** As `requestDeleteSnapshot`, as part of a transaction that deletes more. */
export async function deleteSnapshotIn(
  cloud: Cloud,
  tx: Tx,
  subject: Subject,
  snapshotId: string,
  options: { force?: boolean } = {},
): Promise<{ actionId?: string }> {
  const snapshot = await lockSnapshot(tx, subject, snapshotId);
  if (snapshot.status === 'deleting' && !options.force) return {};
  if (!options.force && !['available', 'error', 'error_deleting'].includes(snapshot.status)) {
    throw new CloudError(
      'invalid',
      'Invalid snapshot: Snapshot status must be available or error, and the snapshot must not be in use.',
      { reason: 'invalid_snapshot' },
    );
  }
  await updateSnapshot(cloud, tx, snapshotId, { status: 'deleting' });
  if (options.force) await cloud.runner.cancel(tx, snapshotId);
  const submission = about(snapshotId, 'delete', snapshot.projectId, subject);
  return { actionId: await cloud.runner.submit(tx, deleteSnapshot, { input: { snapshotId }, ...submission }) };
}

function about(snapshotId: string, name: string, projectId: string, subject: Subject) {
  const { userId, requestId } = subject;
  return { name, resourceType: 'snapshot', resourceId: snapshotId, projectId, userId, requestId };
}
