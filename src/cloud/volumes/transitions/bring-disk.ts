import { AgentError } from '../../../agent/contract.ts';
import type { Tx } from '../../../database/database.ts';
import type { VolumesTable } from '../../../database/schema.ts';
import { step } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { ensureImage } from '../../servers/steps/move.ts';
import { isShared } from '../base-image.ts';
import { sameDisk } from '../same-disk.ts';

interface Input {
  volumeId: string;
  /** The copy, whose row exists. */
  diskId: string;
  hostId?: string;
  from?: { hostId: string; diskId: string };
}

/** Where the copy is, and how much it takes there. */
export interface BroughtDisk {
  actualSize: number;
  installPath: string;
}

/**
 * Takes the room for a copy of the volume's disk on another host: in a storage of it (null for its own disk), by default in
 * the one in which the volume lies, if the host has that with room, else where the host has most.
 */
export async function announceCopy(
  cloud: Cloud,
  tx: Tx,
  { id: volumeId, size, disk_id }: Pick<VolumesTable, 'id' | 'size' | 'disk_id'>,
  copy: { diskId: string; hostId: string; storageId?: string | null },
): Promise<void> {
  const wanted = copy.storageId === undefined ? {} : { storageId: copy.storageId };
  const place = { size, onlyHostId: copy.hostId, nearDiskId: disk_id!, isKept: true, ...wanted };
  const { storageId } = await cloud.hosts.placeDisk(tx, place);
  const inPlaceOf = disk_id;
  const disk = { id: copy.diskId, volumeId, imageId: null, size, storageId, inPlaceOf };
  await cloud.volumes.announceDisk(tx, copy.hostId, disk);
}

/**
 * Copies the volume's disk, which nobody has open, to the server's host, or gives it one more name where the hosts share
 * its storage. The one that it has stays until the end.
 */
export const bringDisk = step<Input, BroughtDisk>('bringDisk', {
  retry: { attempts: 3, backoffMs: 500 },
  async do({ services, input }) {
    const { diskId } = input;
    const [hostId, from] = [input.hostId!, input.from!];
    const shared = (await isShared(services.db.read, input.volumeId)) ? { shared: true } : {};
    const same = await sameDisk(services.db.read, diskId);
    if (same) {
      const { actualSize, installPath } = await services.hosts.ensureDisk(hostId, {
        diskId,
        size: 0,
        base: same,
        ...shared,
      });
      return { state: { actualSize, installPath } };
    }
    const { imageId, ...whole } = await services.hosts.agent(from.hostId).offerDisk(from.diskId);
    const hasImage = imageId !== undefined && (await ensureImage(services, hostId, imageId));
    const source = hasImage ? { ...whole, imageId } : whole;
    const base = { kind: 'moved', source } as const;
    const disk = { diskId, size: whole.virtualSize, base, ...shared };
    const { actualSize, installPath } = await services.hosts.ensureDisk(hostId, disk);
    return {
      state: { actualSize, installPath },
      async commit(tx) {
        if (!hasImage) return;
        await tx.updateTable('disks').set({ image_id: imageId }).where('id', '=', diskId).execute();
      },
    };
  },
  async undo({ services, input }) {
    const { diskId } = input;
    try {
      await services.hosts.agent(input.hostId!).removeDisk(diskId);
    } catch (error) {
      // The guest of a server that is being deleted has it still: it goes after that.
      if (!(error instanceof AgentError)) throw error;
      return { commit: (tx) => services.volumes.releaseDisk(tx, diskId) };
    }
    return { commit: (tx) => services.volumes.forgetDisk(tx, diskId) };
  },
});
