import { Type } from 'typebox';
import type { Tx } from '../../../database/database.ts';
import { action, span, step } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError } from '../../errors.ts';
import { requireAdmin, type Subject } from '../../identity/subject.ts';
import { isGrouped } from '../groups/membership.ts';
import { invalidVolume, lockVolume, updateSnapshot } from '../rules.ts';

interface Input {
  volumeId: string;
  /** Snapshots that go with it. */
  snapshotIds: string[];
}
interface State {
  disks: Array<{ id: string; hostId: string }>;
}

/** What there is to remove is known only now: an unfinished action may have been unwound in between. */
const lookUp = step<Input, State>('lookUp', {
  async do({ services, input }) {
    return { state: { disks: await services.volumes.disksOf([input.volumeId, ...input.snapshotIds]) } };
  },
});

const removeDisks = step<Input, State>('removeDisks', {
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

/** Deletion only goes forward. What a host does not let go of is tried again later; for the user it has ended. */
export const deleteVolume = action(
  'volume.delete',
  Type.Object({ volumeId: Type.String(), snapshotIds: Type.Array(Type.String()) }),
  [span('delete_volume', [lookUp, removeDisks])],
  {
    onFailure: 'park',
    succeeded: (tx, { services, input, now }) => markDeleted(services, tx, input, now),
    failed: (tx, { services, input, now }) => markDeleted(services, tx, input, now),
  },
);

async function markDeleted(cloud: Cloud, tx: Tx, { volumeId, snapshotIds }: Readonly<Input>, now: number) {
  for (const id of snapshotIds) {
    await updateSnapshot(cloud, tx, id, { status: 'deleted', deleted_at: now, disk_id: null });
  }
  await cloud.volumes.update(tx, volumeId, { status: 'deleted', deleted_at: now, disk_id: null });
  await tx.deleteFrom('volume_attachments').where('volume_id', '=', volumeId).execute();
  await tx
    .updateTable('volume_transfers')
    .set({ deleted_at: now })
    .where('volume_id', '=', volumeId)
    .where('deleted_at', 'is', null)
    .execute();
}

const deletable = ['available', 'error', 'error_deleting', 'error_extending', 'error_restoring'];

const refusal =
  'Volume status must be available or error or error_restoring or error_extending or error_managing and must not be ' +
  'migrating, attached, belong to a group, have snapshots, awaiting a transfer, or be disassociated from snapshots ' +
  'after volume transfer.';

/**
 * Deletes a volume that no server has, with its snapshots where `cascade` says so. `force` is for administrators: it
 * takes a volume in any state but attached, and ends what is under way on it.
 */
export async function requestDeleteVolume(
  cloud: Cloud,
  subject: Subject,
  volumeId: string,
  options: { cascade?: boolean; force?: boolean } = {},
) {
  if (options.force) requireAdmin(subject, 'volume_extension:volume_admin_actions:force_delete');
  return await cloud.db.write(async (tx) => {
    if (await isGrouped(tx, volumeId)) {
      await lockVolume(tx, subject, volumeId);
      throw invalidVolume(refusal);
    }
    return await deleteVolumeIn(cloud, tx, subject, volumeId, options);
  });
}

/** As `requestDeleteVolume`, as part of a transaction that deletes more. */
export async function deleteVolumeIn(
  cloud: Cloud,
  tx: Tx,
  subject: Subject,
  volumeId: string,
  options: { cascade?: boolean; force?: boolean } = {},
): Promise<{ actionId?: string }> {
  const row = await lockVolume(tx, subject, volumeId);
  if (row.status === 'deleting') return {};
  if (row.server_id !== null || (!options.force && !deletable.includes(row.status))) throw invalidVolume(refusal);
  const snapshots = await tx
    .selectFrom('volume_snapshots')
    .select(['id', 'status'])
    .where('volume_id', '=', volumeId)
    .where('deleted_at', 'is', null)
    .execute();
  if (snapshots.length > 0 && !options.cascade) throw invalidVolume(refusal);
  if (snapshots.some(({ status }) => !['available', 'error', 'error_deleting'].includes(status))) {
    throw new CloudError('invalid', 'Invalid volume: a snapshot of the volume is busy.', {
      reason: 'invalid_volume',
    });
  }
  await cloud.volumes.update(tx, volumeId, { status: 'deleting' });
  for (const { id } of snapshots) await updateSnapshot(cloud, tx, id, { status: 'deleting' });
  await cloud.runner.cancel(tx, volumeId);
  const actionId = await cloud.runner.submit(tx, deleteVolume, {
    input: { volumeId, snapshotIds: snapshots.map(({ id }) => id) },
    name: 'delete',
    resourceType: 'volume',
    resourceId: volumeId,
    projectId: row.project_id,
    userId: subject.userId,
    requestId: subject.requestId,
  });
  return { actionId };
}
