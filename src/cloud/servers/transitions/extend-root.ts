import { Type } from 'typebox';
import { action, span } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError } from '../../errors.ts';
import { holdRootRoom } from '../../hosts/held-room.ts';
import type { Subject } from '../../identity/subject.ts';
import { lockVolume, requireStatus, settleVolume } from '../../volumes/rules.ts';
import { growDisk } from '../../volumes/steps/grow-disk.ts';
import { bootsFromVolume } from '../model.ts';
import { flavorFacts } from '../schemas.ts';
import { transitions } from '../states.ts';
import { beginTransition, settleServer } from '../transition.ts';
import { flavorColumns } from './resize.ts';

const gibibyte = 2 ** 30;

export const extendRoot = action(
  'server.extend-root',
  Type.Object({
    serverId: Type.String(),
    hostId: Type.String(),
    volumeId: Type.String(),
    diskId: Type.String(),
    oldSize: Type.Optional(Type.Number()),
    newSize: Type.Number(),
    oldFlavor: flavorFacts,
    newFlavor: flavorFacts,
  }),
  [span('compute_extend_volume', [growDisk])],
  {
    async succeeded(tx, { services, input, state }) {
      const { serverId, volumeId, diskId, newSize, newFlavor } = input;
      const columns = { status: 'in-use', size: newSize, actual_size: state.actualSize, last_error: null } as const;
      await settleVolume(services, tx, volumeId, 'extending', columns);
      await tx.updateTable('disks').set({ size: newSize }).where('id', '=', diskId).execute();
      await settleServer(services, tx, serverId, { task_state: null, ...flavorColumns(newFlavor) });
    },
    async failed(tx, { services, input }, failure) {
      const { serverId, volumeId, oldSize, oldFlavor } = input;
      await settleVolume(services, tx, volumeId, 'extending', { status: 'in-use', last_error: failure.message });
      await holdRootRoom(tx, serverId, { flavor: oldFlavor, rootSize: oldSize });
      await settleServer(services, tx, serverId, { task_state: null });
    },
  },
);

/**
 * Makes a server's own root disk larger, whether or not it runs. From then on that is the disk of its flavor as the server
 * has it: what is made anew, as by a rebuild, gets as much. Throws `invalid` (`volume_backed`) where it boots from a volume,
 * which is extended as any other, and (`disk_shrink`) where it would not be larger.
 * @param newSize bytes
 */
export function requestExtendRoot(cloud: Cloud, subject: Subject, serverId: string, newSize: number) {
  return beginTransition(cloud, subject, serverId, transitions.extendRoot, async (tx, server) => {
    if (bootsFromVolume(server)) {
      const words = 'A server that boots from a volume has no root disk of its own: extend the volume.';
      throw new CloudError('invalid', words, { reason: 'volume_backed' });
    }
    const root = await lockVolume(tx, subject, server.rootVolumeId!, { rootDisks: true });
    requireStatus(root, ['in-use'], 'extend');
    if (newSize <= root.size) {
      throw new CloudError('invalid', 'A root disk can only be made larger.', { reason: 'disk_shrink' });
    }
    const oldFlavor = server.flavor;
    const newFlavor = { ...oldFlavor, diskGb: Math.max(oldFlavor.diskGb, Math.ceil(newSize / gibibyte)) };
    // In a storage what counts is the disk, on the host's own one the flavor.
    const added = root.storage_id !== null;
    const more = added ? newSize - root.size : (newFlavor.diskGb - oldFlavor.diskGb) * gibibyte;
    await cloud.hosts.placeDisk(tx, { size: more, onlyHostId: server.hostId!, storageId: root.storage_id });
    await holdRootRoom(tx, serverId, { flavor: newFlavor, rootSize: newSize });
    await cloud.volumes.update(tx, root.id, { status: 'extending' });
    return {
      action: extendRoot,
      input: {
        serverId,
        hostId: server.hostId!,
        volumeId: root.id,
        diskId: root.disk_id!,
        oldSize: root.size,
        newSize,
        oldFlavor,
        newFlavor,
      },
    };
  });
}
