import type { DiskBase } from '../../../agent/contract.ts';
import { step } from '../../actions.ts';
import { imageBelow, isShared } from '../base-image.ts';
import { cacheImageOn } from '../image-cache.ts';

/** What the disk of a volume, or of a snapshot, is made of. */
export interface NewDiskInput {
  /** The volume or snapshot that the disk is for. */
  ownerId: string;
  newDiskId: string;
  /** Bytes. */
  size: number;
  zoneId: string;
  /** The image that it is to be a layer over. */
  imageId?: string;
  /** The backup that it is to have the content of, and under which id that is stored. */
  backupId?: string;
  backupDataId?: string;
  /** The disk that it is to be a copy of, and where that is. */
  sourceDiskId?: string;
  /** Whether it is to be a layer over nothing, though what it is a copy of may be one. */
  flat?: boolean;
  onlyHostId?: string;
  /** The storage that it has to be in, null for a host's own disk; wherever there is room if none is said. */
  storageId?: string | null;
  /** Whether several guests may have it; by default as the volume's row says. */
  shared?: boolean;
}

export interface NewDiskState {
  hostId: string;
}

const retry = { attempts: 3, backoffMs: 500 };

/** Finds a host with room, and takes the room there: the disk is registered before it exists. */
export const placeDisk = step<NewDiskInput, NewDiskState>('placeDisk', {
  async do({ services, input }) {
    const hostId = await services.db.write(async (tx) => {
      const known = await tx.selectFrom('disks').select('host_id').where('id', '=', input.newDiskId).executeTakeFirst();
      if (known) return known.host_id;
      const { size, zoneId, onlyHostId, storageId, ownerId: volumeId, sourceDiskId } = input;
      const request = { size, zoneId, onlyHostId, storageId, nearDiskId: sourceDiskId };
      const { host, storageId: place } = await services.hosts.placeDisk(tx, request);
      const imageId = await imageBelow(tx, { volumeId, imageId: input.imageId ?? input.backupDataId, sourceDiskId });
      const disk = { id: input.newDiskId, volumeId, imageId, size, storageId: place };
      await services.volumes.registerDisk(tx, host.id, disk);
      return host.id;
    });
    return { state: { hostId } };
  },
  async undo({ services, input }) {
    return {
      commit: async (tx) => {
        await services.volumes.forgetDisk(tx, input.newDiskId);
        await services.volumes.update(tx, input.ownerId, { host_id: null, storage_id: null });
      },
    };
  },
});

/** Makes the image's bytes available on the host. */
export const cacheImage = step<NewDiskInput, NewDiskState>('cacheImage', {
  retry,
  async do({ services, input, state }) {
    const image = await cacheImageOn(services, state.hostId!, input.imageId!);
    return { commit: (tx) => services.volumes.noteImageCached(tx, state.hostId!, image) };
  },
  // Nothing to undo: the cache is for everybody, and its reconciler clears it.
});

/** Puts the backup's content together, and makes it available on the host as if it were an image. */
export const cacheBackup = step<NewDiskInput, NewDiskState>('cacheBackup', {
  retry,
  async do({ services, input, state, signal }) {
    const store = services.blockStorage.backupStore;
    const imageId = input.backupDataId!;
    const path = await store.stage(input.newDiskId);
    const { size } = await store.restore(imageId, path, { signal });
    const image = { imageId, format: 'raw', size, source: { kind: 'file', path } } as const;
    await services.hosts.agent(state.hostId!).ensureImageCached(image);
    await store.unstage(input.newDiskId);
    return { commit: (tx) => services.volumes.noteImageCached(tx, state.hostId!, image) };
  },
  // The cache is for everybody, and its reconciler clears it.
  undo: ({ services, input }) => services.blockStorage.backupStore.unstage(input.newDiskId),
});

/** Makes the disk: blank, over an image, or as a copy of another one as it is at one moment. */
export const makeDisk = step<NewDiskInput, NewDiskState & { actualSize: number; installPath: string }>('makeDisk', {
  retry,
  async do({ services, input, state }) {
    const shared = input.shared ?? (await isShared(services.db.read, input.ownerId));
    const disk = { diskId: input.newDiskId, size: input.size, base: baseFrom(input), ...(shared ? { shared } : {}) };
    const { actualSize, installPath } = await services.hosts.ensureDisk(state.hostId!, disk);
    return { state: { actualSize, installPath } };
  },
  async undo({ services, input, state }) {
    if (state.hostId) await services.hosts.agent(state.hostId).removeDisk(input.newDiskId);
  },
});

function baseFrom({ imageId, backupDataId, sourceDiskId, flat }: Readonly<NewDiskInput>): DiskBase {
  const cachedId = imageId ?? backupDataId;
  if (cachedId) return { kind: 'image', imageId: cachedId };
  return sourceDiskId ? { kind: 'copy', diskId: sourceDiskId, ...(flat ? { flat } : {}) } : { kind: 'blank' };
}
