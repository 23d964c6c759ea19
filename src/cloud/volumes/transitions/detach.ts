import { withDashes } from '../../../env/env.ts';
import { action, span, step, when } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError } from '../../errors.ts';
import type { Subject } from '../../identity/subject.ts';
import type { Server } from '../../servers/model.ts';
import { beginTransition } from '../../servers/transition.ts';
import { type Volume, volumeFromRow, volumeNotFound } from '../model.ts';
import { lockVolume, requireStatus, settleVolume } from '../rules.ts';
import { asShared, leaveShared, noteShare, sharesOf } from '../shares.ts';
import { detached } from '../volumes.ts';
import { type AttachmentInput, attachmentInput, plug, undoneBy, unplug } from './attach.ts';

/** The guest's system is asked to let go of the disk. Undone by plugging it in again. */
const unplugDisk = step<AttachmentInput>('unplugDisk', { do: unplug, undo: undoneBy(plug) });

const isOnHost = ({ input }: { input: { hostId?: string } }) => input.hostId !== undefined;

export const detachVolume = action(
  'server.detach-volume',
  attachmentInput,
  [
    when(isOnHost, [span('compute_detach_volume', [unplugDisk])]),
    when((context: { input: { hostId?: string } }) => !isOnHost(context), [span('api_detach_volume', [])]),
  ],
  {
    async succeeded(tx, { services, input, now }) {
      if (await leaveShared(services, tx, input)) return;
      await settleVolume(services, tx, input.volumeId, 'detaching', { status: 'available', ...detached(now) });
    },
    async failed(tx, { services, input }, failure) {
      await noteShare(tx, input, { status: 'attached' });
      await settleVolume(services, tx, input.volumeId, 'detaching', { status: 'in-use', last_error: failure.message });
    },
  },
);

/** The system of a paused guest can't let go of a disk. */
const detachTransition = {
  name: 'detach_volume',
  from: ['active', 'stopped', 'resized', 'soft-delete', 'shelved', 'shelved_offloaded'],
  task: null,
} as const;

/** Takes a volume from a server. Throws `forbidden` (`root_device`) for the one that it boots from. */
export async function requestDetachVolume(
  cloud: Cloud,
  subject: Subject,
  serverId: string,
  volumeId: string,
): Promise<{ server: Server; volume: Volume; actionId: string }> {
  let volume: Volume | undefined;
  const begun = await beginTransition(cloud, subject, serverId, detachTransition, async (tx, server) => {
    const row = await lockVolume(tx, subject, volumeId);
    const share = (await sharesOf(tx, volumeId)).find(({ server_id }) => server_id === serverId);
    if (row.server_id !== serverId && !share) throw volumeNotFound(volumeId);
    if (row.id === server.rootVolumeId) {
      throw new CloudError('forbidden', `Cannot detach a root device volume (${withDashes(volumeId)})`, {
        reason: 'root_device',
      });
    }
    requireStatus(row, ['in-use'], 'detach');
    await cloud.volumes.update(tx, row.id, { status: 'detaching', last_error: null });
    if (share) await noteShare(tx, { volumeId, serverId }, { status: 'detaching' });
    volume = volumeFromRow({ ...(share ? asShared(row, share) : row), status: 'detaching' });
    return {
      action: detachVolume,
      input: {
        serverId,
        volumeId,
        diskId: row.disk_id!,
        readOnly: volume.metadata['readonly'] === 'True',
        hostId: server.hostId ?? undefined,
      },
    };
  });
  return { ...begun, volume: volume! };
}
