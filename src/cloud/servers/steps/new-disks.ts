import { type Static, Type } from 'typebox';
import type { CachedImage, DiskUsage } from '../../../agent/contract.ts';
import type { Tx } from '../../../database/database.ts';
import { step, when } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { placeOfDisk } from '../../hosts/disk-places.ts';
import { imageBelow, isShared } from '../../volumes/base-image.ts';
import { cacheImageOn } from '../../volumes/image-cache.ts';
import { blankBeside } from '../local-disks.ts';
import { localContent } from '../schemas.ts';
import { type GuestInput, type GuestState, hostOf } from './guest.ts';

/** The disk of a volume that is made along with the server that gets it: blank, over an image, or a copy. */
export const newServerDisk = Type.Object({
  volumeId: Type.String(),
  /** Stored before it is made. */
  diskId: Type.String(),
  /** Bytes. */
  size: Type.Number(),
  imageId: Type.Optional(Type.String()),
  sourceDiskId: Type.Optional(Type.String()),
  /** Where it has to be: a storage, or null for the own disk of the host; else beside its source, or wherever there is room. */
  storageId: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  /** Whether it is the server's own, beside its root disk. */
  local: Type.Optional(localContent),
});
export type NewServerDisk = Static<typeof newServerDisk>;

export interface NewDisksInput extends GuestInput {
  newDisks?: NewServerDisk[];
}

/** Takes the room of the disks on the server's host: they are registered before they exist. */
const placeNewDisks = step<NewDisksInput, GuestState>('placeNewDisks', {
  async do(context) {
    const { services, input } = context;
    const hostId = hostOf(context);
    await services.db.write(async (tx) => {
      if (await placeOfDisk.first(tx, { diskId: input.newDisks![0]!.diskId })) return;
      for (const disk of input.newDisks!) {
        const { volumeId, diskId: id, size, imageId, sourceDiskId } = disk;
        const under = await imageBelow(tx, { volumeId, imageId, sourceDiskId });
        const storageId = await placeOf(services, tx, hostId, disk);
        await services.volumes.registerDisk(tx, hostId, { id, volumeId, imageId: under, size, storageId });
        await services.volumes.setDisk(tx, volumeId, id);
      }
    });
  },
  async undo({ services, input }) {
    return {
      commit: async (tx) => {
        for (const { volumeId, diskId } of input.newDisks!) {
          await services.volumes.update(tx, volumeId, { disk_id: null, host_id: null });
          await services.volumes.forgetDisk(tx, diskId);
        }
      },
    };
  },
});

/** Local disks are on the host's own disk, where the server holds their room already. */
async function placeOf(services: Cloud, tx: Tx, hostId: string, disk: NewServerDisk): Promise<string | null> {
  const { size, storageId, sourceDiskId, local } = disk;
  if (local) return null;
  const request = { size, onlyHostId: hostId, storageId, nearDiskId: sourceDiskId };
  return (await services.hosts.placeDisk(tx, request)).storageId;
}

/** Makes the disks on the server's host, one after the other. */
const createNewDisks = step<NewDisksInput, GuestState>('createNewDisks', {
  retry: { attempts: 3, backoffMs: 500 },
  async do(context) {
    const { services, input } = context;
    const hostId = hostOf(context);
    const imageIds = [...new Set(input.newDisks!.flatMap(({ imageId }) => imageId ?? []))];
    const images: CachedImage[] = [];
    for (const id of imageIds) images.push(await cacheImageOn(services, hostId, id));
    const usages: Array<{ volumeId: string; usage: DiskUsage }> = [];
    for (const { volumeId, diskId, size, imageId, sourceDiskId, local } of input.newDisks!) {
      const empty = local ? blankBeside(local, input.newDiskId) : ({ kind: 'blank' } as const);
      const copied = sourceDiskId ? ({ kind: 'copy', diskId: sourceDiskId } as const) : empty;
      const base = imageId ? ({ kind: 'image', imageId } as const) : copied;
      const shared = await isShared(services.db.read, volumeId);
      const disk = { diskId, size, base, ...(shared ? { shared } : {}) };
      usages.push({ volumeId, usage: await services.hosts.ensureDisk(hostId, disk) });
    }
    return {
      commit: async (tx) => {
        for (const image of images) await services.volumes.noteImageCached(tx, hostId, image);
        for (const { volumeId, usage } of usages) await services.volumes.noteUsage(tx, volumeId, usage);
      },
    };
  },
  async undo(context) {
    const agent = context.services.hosts.agent(hostOf(context));
    for (const { diskId } of context.input.newDisks!) await agent.removeDisk(diskId);
  },
});

export const makeNewDisks = when(
  ({ input }: { input: { newDisks?: unknown[] } }) => (input.newDisks?.length ?? 0) > 0,
  [placeNewDisks, createNewDisks],
);
