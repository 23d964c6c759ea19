import { Type } from 'typebox';
import type { Tx } from '../../../database/database.ts';
import { newId } from '../../../env/env.ts';
import { action, span, step } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError } from '../../errors.ts';
import type { Subject } from '../../identity/subject.ts';
import { discard } from '../../servers/steps/old-disk.ts';
import { imageBelow, isShared } from '../base-image.ts';
import { lockSnapshot, lockVolume, requireStatus, settleVolume, updateSnapshot } from '../rules.ts';

interface Input {
  volumeId: string;
  snapshotId: string;
  hostId: string;
  snapshotDiskId: string;
  oldDiskId: string;
  newDiskId: string;
  size: number;
}

const copySnapshot = step<Input, { actualSize: number; installPath: string }>('copySnapshot', {
  retry: { attempts: 3, backoffMs: 500 },
  async do({ services, input }) {
    const base = { kind: 'copy', diskId: input.snapshotDiskId } as const;
    const shared = await isShared(services.db.read, input.volumeId);
    const disk = { diskId: input.newDiskId, size: input.size, base, ...(shared ? { shared } : {}) };
    const { actualSize, installPath } = await services.hosts.ensureDisk(input.hostId, disk);
    return { state: { actualSize, installPath } };
  },
  async undo({ services, input }) {
    await services.hosts.agent(input.hostId).removeDisk(input.newDiskId);
    return { commit: (tx) => services.volumes.forgetDisk(tx, input.newDiskId) };
  },
});

const swapDisk = step<Input, { actualSize: number; installPath: string }>('swapDisk', {
  async do({ services, input, state }) {
    const columns = { disk_id: input.newDiskId, actual_size: state.actualSize, install_path: state.installPath };
    return { commit: (tx) => services.volumes.update(tx, input.volumeId, columns) };
  },
  async undo({ services, input }) {
    return { commit: (tx) => services.volumes.setDisk(tx, input.volumeId, input.oldDiskId) };
  },
});

const discardOldDisk = step<Input>('discardOldDisk', {
  do: ({ services, input }) => discard(services, input.hostId, input.oldDiskId),
  // Nothing to undo: it is the last step, and does not fail.
});

export const revertVolume = action(
  'volume.revert',
  Type.Object({
    volumeId: Type.String(),
    snapshotId: Type.String(),
    hostId: Type.String(),
    snapshotDiskId: Type.String(),
    oldDiskId: Type.String(),
    newDiskId: Type.String(),
    size: Type.Number(),
  }),
  [span('revert_to_snapshot', [copySnapshot, swapDisk, discardOldDisk])],
  {
    async succeeded(tx, { services, input }) {
      await settleVolume(services, tx, input.volumeId, 'reverting', { status: 'available', last_error: null });
      await updateSnapshot(services, tx, input.snapshotId, { status: 'available' });
    },
    async failed(tx, { services, input }, failure) {
      const columns = { status: 'available', last_error: failure.message };
      await settleVolume(services, tx, input.volumeId, 'reverting', columns);
      await updateSnapshot(services, tx, input.snapshotId, { status: 'available' });
    },
  },
);

/**
 * Gives a volume the content that it had when the snapshot was made. Throws `invalid` (`invalid_input`) for a snapshot
 * that is not its own, or is no older than another one where `onlyLatest` asks for that, as Cinder does.
 */
export async function requestRevertVolume(
  cloud: Cloud,
  subject: Subject,
  volumeId: string,
  snapshotId: string,
  { onlyLatest = false } = {},
): Promise<{ actionId: string }> {
  return await cloud.db.write(async (tx) => {
    const row = await lockVolume(tx, subject, volumeId);
    const snapshot = await lockSnapshot(tx, subject, snapshotId);
    requireStatus(row, ['available'], 'revert');
    const isRight = !onlyLatest || (await latestSnapshot(tx, volumeId)) === snapshotId;
    if (snapshot.volumeId !== volumeId || !isRight || snapshot.status !== 'available') {
      const which = onlyLatest ? 'its latest snapshot' : 'a snapshot of its own';
      throw refused(`the volume can only be reverted to ${which}, when that is available.`);
    }
    if (snapshot.size !== row.size) throw refused('the volume is larger now than it was in the snapshot.');
    const newDiskId = newId(cloud.env);
    const hostId = snapshot.hostId!;
    const imageId = await imageBelow(tx, { volumeId, sourceDiskId: snapshot.diskId! });
    await cloud.volumes.registerDisk(tx, hostId, { id: newDiskId, volumeId, imageId, size: row.size });
    await cloud.volumes.update(tx, volumeId, { status: 'reverting' });
    await updateSnapshot(cloud, tx, snapshotId, { status: 'restoring' });
    const input = {
      volumeId,
      snapshotId,
      hostId,
      snapshotDiskId: snapshot.diskId!,
      oldDiskId: row.disk_id!,
      newDiskId,
      size: row.size,
    };
    const actionId = await cloud.runner.submit(tx, revertVolume, {
      input,
      name: 'revert',
      resourceType: 'volume',
      resourceId: volumeId,
      projectId: row.project_id,
      userId: subject.userId,
      requestId: subject.requestId,
    });
    return { actionId };
  });
}

function refused(why: string): CloudError {
  return new CloudError('invalid', `Invalid input received: ${why}`, { reason: 'invalid_input' });
}

async function latestSnapshot(tx: Tx, volumeId: string): Promise<string | undefined> {
  const latest = await tx
    .selectFrom('volume_snapshots')
    .select('id')
    .where('volume_id', '=', volumeId)
    .where('deleted_at', 'is', null)
    .orderBy('created_at', 'desc')
    .executeTakeFirst();
  return latest?.id;
}
