import type { Tx } from '../../../database/database.ts';
import type { VolumesTable } from '../../../database/schema.ts';
import { withDashes } from '../../../env/env.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError, isTaken } from '../../errors.ts';
import type { Subject } from '../../identity/subject.ts';
import { refuseGroupedSnapshot } from '../groups/membership.ts';
import { lockSnapshot, lockVolume } from '../rules.ts';
import { refuseShared } from '../shares.ts';
import { type Snapshot, snapshotNotFound } from '../snapshot-model.ts';
import { createSnapshotIn, deleteSnapshotIn } from './snapshot.ts';

/** A snapshot as whoever keeps the list of them names it, and the volume that it is of. */
export interface AssistedSnapshot {
  volumeId: string;
  snapshotId: string;
}

/**
 * Makes a snapshot of a volume that a server has, under an id that the client chose: what a volume service asks of the
 * compute service where its own storage can't. Throws `invalid` where no server has the volume, as Nova does.
 */
export async function requestAssistedSnapshot(
  cloud: Cloud,
  subject: Subject,
  { volumeId, snapshotId }: AssistedSnapshot,
): Promise<Snapshot> {
  try {
    return await cloud.db.write(async (tx) => {
      await lockAttachedVolume(tx, subject, volumeId);
      const wanted = { id: snapshotId, volumeId, force: true };
      return (await createSnapshotIn(cloud, tx, subject, wanted)).snapshot;
    });
  } catch (error) {
    if (!isTaken(error)) throw error;
    const words = `There is a snapshot ${withDashes(snapshotId)}, or was one, already.`;
    throw new CloudError('invalid', words, { field: 'snapshot_id', cause: error });
  }
}

/** Deletes such a snapshot, also one that is still being made. The volume must be a server's still. */
export async function requestDeleteAssistedSnapshot(
  cloud: Cloud,
  subject: Subject,
  { volumeId, snapshotId }: AssistedSnapshot,
): Promise<void> {
  await cloud.db.write(async (tx) => {
    await lockAttachedVolume(tx, subject, volumeId);
    const snapshot = await lockSnapshot(tx, subject, snapshotId);
    if (snapshot.volumeId !== volumeId) throw snapshotNotFound(snapshotId);
    await refuseGroupedSnapshot(tx, snapshotId);
    if (snapshot.status === 'deleting') return;
    await deleteSnapshotIn(cloud, tx, subject, snapshotId, { force: true });
  });
}

/** To Nova an unknown volume is one that no server has. */
async function lockAttachedVolume(tx: Tx, subject: Subject, volumeId: string): Promise<VolumesTable> {
  const volume = await lockVolume(tx, subject, volumeId).catch((error: unknown) => {
    throw error instanceof CloudError && error.code === 'not_found' ? notAttached(volumeId) : error;
  });
  if (volume.server_id === null) throw notAttached(volumeId);
  await refuseShared(tx, volume, 'assist with snapshots of it');
  const server = await tx
    .selectFrom('servers')
    .select(['task_state', 'host_id'])
    .where('id', '=', volume.server_id)
    .executeTakeFirstOrThrow();
  const id = withDashes(volume.server_id);
  if (server.host_id === null) throw new CloudError('invalid', `Instance ${id} is not ready`);
  if (server.task_state !== null) {
    const words = `Instance ${id} in task_state ${server.task_state}. Cannot snapshot its volumes while the instance is in this state.`;
    throw new CloudError('invalid', words);
  }
  return volume;
}

function notAttached(volumeId: string): CloudError {
  return new CloudError('invalid', `No volume Block Device Mapping with id ${withDashes(volumeId)}.`);
}
