import { AgentError } from '../../../agent/contract.ts';
import type { Tx } from '../../../database/database.ts';
import type { VolumesTable } from '../../../database/schema.ts';
import { step } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { ensureImage } from '../../servers/steps/move.ts';
import { isShared } from '../base-image.ts';

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
  const wanted = copy.storageId === undefined ? { nearDiskId: disk_id! } : { storageId: copy.storageId };
  const { storageId } = await cloud.hosts.placeDisk(tx, { size, onlyHostId: copy.hostId, ...wanted });
  await cloud.volumes.announceDisk(tx, copy.hostId, { id: copy.diskId, volumeId, imageId: null, size, storageId });
}

/** Copies the volume's disk, which nobody has open, to the server's host. The one that it has stays until the end. */
export const bringDisk = step<Input, BroughtDisk>('bringDisk', {
  retry: { attempts: 3, backoffMs: 500 },
  async do({ services, input }) {
    const { diskId } = input;
    const [hostId, from] = [input.hostId!, input.from!];
    const { imageId, ...whole } = await services.hosts.agent(from.hostId).offerDisk(from.diskId);
    const hasImage = imageId !== undefined && (await ensureImage(services, hostId, imageId));
    const source = hasImage ? { ...whole, imageId } : whole;
    const base = { kind: 'moved', source } as const;
    const shared = await isShared(services.db.read, input.volumeId);
    const disk = { diskId, size: whole.virtualSize, base, ...(shared ? { shared } : {}) };
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
