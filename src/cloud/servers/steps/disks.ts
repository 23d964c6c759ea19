import { AgentError, type DiskBase } from '../../../agent/contract.ts';
import { statement } from '../../../database/statement.ts';
import { step } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { cacheImageOn } from '../../volumes/image-cache.ts';
import { type GuestInput, type GuestState, hostOf } from './guest.ts';

export interface RootDiskInput extends GuestInput {
  /** The image the disk is a layer over. */
  imageId?: string;
  rootVolumeId: string;
  /** The disk to make. Its id is stored before it is made. */
  newDiskId?: string;
  /** Bytes. */
  rootSize: number;
}

const retry = { attempts: 3, backoffMs: 500 };

/** Makes the image's bytes available on the host. */
export const ensureImageCached = step<RootDiskInput, GuestState>('ensureImageCached', {
  retry,
  async do(context) {
    const { services, input } = context;
    const hostId = hostOf(context);
    const image = await cacheImageOn(services, hostId, input.imageId!);
    return { commit: (tx) => services.volumes.noteImageCached(tx, hostId, image) };
  },
  // Nothing to undo: the cache is for everybody, and its reconciler clears it.
});

const formatOf = statement((q, p: { imageId: string }) =>
  q.selectFrom('images').select('disk_format').where('id', '=', p.imageId),
);

/** An ISO image is no disk: what boots from one has an empty disk beside the drive. */
async function baseOf({ db }: Cloud, imageId: string): Promise<DiskBase> {
  const image = await formatOf.first(db.read, { imageId });
  return image?.disk_format === 'iso' ? { kind: 'blank' } : { kind: 'image', imageId };
}

/** Makes the root disk as a layer over the image. */
export const createRootDisk = step<RootDiskInput, GuestState>('createRootDisk', {
  retry,
  async do(context) {
    const { services, input } = context;
    const base = await baseOf(services, input.imageId!);
    const disk = { diskId: input.newDiskId!, size: input.rootSize, base };
    const hostId = hostOf(context);
    const usage = await services.hosts.ensureDisk(hostId, disk).catch(async (error: unknown) => {
      if (!(error instanceof AgentError) || error.code !== 'not_found') throw error;
      // Its image was of no use for long, and was removed a moment ago: between the step before and this one.
      await cacheImageOn(services, hostId, input.imageId!);
      return await services.hosts.ensureDisk(hostId, disk);
    });
    return { commit: (tx) => services.volumes.noteUsage(tx, input.rootVolumeId, usage) };
  },
  async undo(context) {
    const { services, input } = context;
    await services.hosts.agent(hostOf(context)).removeDisk(input.newDiskId!);
    return { commit: (tx) => services.volumes.forgetDisk(tx, input.newDiskId!) };
  },
});

export interface SwapInput extends GuestInput {
  rootVolumeId: string;
  newDiskId?: string;
  oldDiskId?: string;
  /** Bytes, of the new disk and of the old one. */
  rootSize: number;
  oldSize: number;
}

/** Makes the new disk the volume's disk. The old one is kept until the action has ended well. */
export const swapRootDisk = step<SwapInput, GuestState>('swapRootDisk', {
  async do({ services, input }) {
    return { commit: (tx) => services.volumes.setDisk(tx, input.rootVolumeId, input.newDiskId!, input.rootSize) };
  },
  async undo({ services, input }) {
    return { commit: (tx) => services.volumes.setDisk(tx, input.rootVolumeId, input.oldDiskId!, input.oldSize) };
  },
});
