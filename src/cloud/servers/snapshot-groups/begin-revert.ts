import type { Tx } from '../../../database/database.ts';
import type { VolumesTable } from '../../../database/schema.ts';
import { newId, withDashes } from '../../../env/env.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError } from '../../errors.ts';
import type { Subject } from '../../identity/subject.ts';
import { imageBelow } from '../../volumes/base-image.ts';
import { invalidVolume, lockSnapshot, lockVolume, requireStatus, updateSnapshot } from '../../volumes/rules.ts';
import type { Server } from '../model.ts';
import { lockServer } from '../transition.ts';
import { revertDisks } from './revert.ts';

/** A disk of a server, and the snapshot whose content it shall have. */
interface RevertedDisk {
  volume: VolumesTable;
  snapshotId: string;
  snapshotDiskId: string;
}

/** A server that is off, and nothing else is under way on it. */
type Off = Server & { hostId: string };

/** Begins to give disks of a server that is off what their snapshots hold. Gives the action. */
export async function beginRevert(
  cloud: Cloud,
  tx: Tx,
  subject: Subject,
  server: Off,
  reverted: readonly RevertedDisk[],
): Promise<string> {
  const disks = [];
  for (const { volume, snapshotId, snapshotDiskId } of reverted) {
    const { id: volumeId, size, disk_id: oldDiskId } = volume;
    const newDiskId = newId(cloud.env);
    const imageId = await imageBelow(tx, { volumeId, sourceDiskId: snapshotDiskId });
    await cloud.volumes.registerDisk(tx, server.hostId, { id: newDiskId, volumeId, imageId, size });
    await cloud.volumes.update(tx, volumeId, { status: 'reverting' });
    await updateSnapshot(cloud, tx, snapshotId, { status: 'restoring' });
    disks.push({ volumeId, snapshotId, snapshotDiskId, oldDiskId: oldDiskId!, newDiskId, size });
  }
  return await cloud.runner.submit(tx, revertDisks, {
    input: { serverId: server.id, hostId: server.hostId, disks },
    ...aboutDisks(server, 'revert_disks', subject),
  });
}

/**
 * Gives one disk of a server, which has to be off, what the snapshot holds: the disk that it boots from, or a volume that it
 * has. Throws `conflict` (`state`) while the server is not off, and `invalid` (`invalid_volume`) where the disk and the
 * snapshot are not as they have to be.
 */
export async function requestRevertDisk(
  cloud: Cloud,
  subject: Subject,
  serverId: string,
  snapshotId: string,
): Promise<{ actionId: string }> {
  return await cloud.db.write(async (tx) => {
    const server = await lockServer(tx, subject, serverId);
    requireOff(server);
    const { volumeId, status, diskId, hostId } = await lockSnapshot(tx, subject, snapshotId);
    const volume = await lockVolume(tx, subject, volumeId, { rootDisks: true });
    requireStatus(volume, ['in-use'], 'revert');
    if (volume.server_id !== serverId) throw invalidVolume('it is not of this server.');
    if (volume.multiattach === 1) throw invalidVolume('several servers may have it.');
    if (status !== 'available' || diskId === null) throw invalidVolume('the snapshot is not available.');
    if (hostId !== server.hostId) throw invalidVolume('its server is on another host than the snapshot.');
    return {
      actionId: await beginRevert(cloud, tx, subject, server, [{ volume, snapshotId, snapshotDiskId: diskId }]),
    };
  });
}

/** Throws `conflict` (`state`) for a server that is not off, or busy. */
export function requireOff(server: Server): asserts server is Off {
  if (server.hostId === null || server.taskState !== null || server.vmState !== 'stopped') {
    throw cannot('revert the disks of', server);
  }
}

/** What can't be done to the disks of a server in its state. */
export function cannot(what: string, server: Pick<Server, 'id' | 'vmState' | 'taskState'>): CloudError {
  const state = server.taskState === null ? `vm_state ${server.vmState}` : `task_state ${server.taskState}`;
  return new CloudError('conflict', `Cannot ${what} instance ${withDashes(server.id)} while it is in ${state}`, {
    reason: 'state',
  });
}

/** Whose action it is that does something to the disks of a server. */
export function aboutDisks({ id, projectId }: Server, name: string, subject: Subject) {
  const { userId, requestId } = subject;
  return { name, resourceType: 'server', resourceId: id, projectId, userId, requestId };
}
