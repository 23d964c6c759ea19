import { mkdir, open, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createAtomically } from '../../atomic-file.ts';
import {
  AgentError,
  type DiskFormat,
  type DiskSpec,
  type GuestDisk,
  type GuestSpec,
  type GuestState,
  type SameDisk,
} from '../../contract.ts';
import { emptyQcow2 } from '../../disks/qcow2-header.ts';
import { readVirtualSize } from '../../disks/virtual-size.ts';
import type { FileContents } from '../../file-content.ts';
import type { SimulatedObjects } from './objects.ts';

export const gibibyte = 1024 ** 3;
/** What an empty qcow2 file takes. */
export const emptyDiskBytes = 200_704;

/** The files of image stores, as the host reaches them. */
export interface ReachedFiles {
  /** Bytes. */
  size(path: string): Promise<number>;
  /** Bytes that a guest sees; see `readVirtualSize`. */
  virtualSize(path: string, format: DiskFormat, fileSize: number): Promise<number>;
  /** Writes an empty disk, all of it or nothing, and gives the file's size. */
  writeEmptyDisk(path: string, format: 'qcow2' | 'raw', virtualSize: number): Promise<number>;
}

/** Those of this machine. */
export const machineFiles: ReachedFiles = {
  size: async (path) => (await stat(path)).size,
  virtualSize: readVirtualSize,
  writeEmptyDisk,
};

export interface SimulatedImage {
  format: string;
  size: number;
  virtualSize: number;
}

export interface SimulatedDisk {
  virtualSize: number;
  actualSize: number;
  /** The image that it is a layer over. */
  imageId?: string;
  /** The further storage that it lies in. */
  storageId?: string;
}

export interface SimulatedGuest {
  state: Exclude<GuestState, 'absent'>;
  spec?: GuestSpec;
  configDrive?: FileContents;
  /** All of it has gone to another host. */
  isSent?: boolean;
  starts: number;
}

/** What a process of a real guest would have open. */
export function openDisksOf({ state, spec }: SimulatedGuest): { openDisks?: string[] } {
  if ((state !== 'running' && state !== 'paused') || !spec) return {};
  return { openDisks: spec.disks.map(({ diskId }) => diskId) };
}

export function withoutVolume(spec: GuestSpec, volumeId: string): GuestDisk[] {
  return spec.disks.filter((disk) => disk.volumeId !== volumeId);
}

export function hasVolume({ spec }: SimulatedGuest, volumeId: string): boolean {
  return spec?.disks.some((disk) => disk.volumeId === volumeId) ?? false;
}

/** Refuses one more disk that could not be given to a guest that runs, or is suspended. */
export function assertPluggable(serverId: string, { state }: SimulatedGuest, { bus }: GuestDisk): void {
  if (bus !== 'virtio') throw new AgentError('unsupported', `a disk can't be plugged into the bus ${bus}`);
  if (state === 'suspended')
    throw new AgentError('in_use', `the guest of server ${serverId} is suspended: its disks can't change`);
}

/** @param except the guest that may have it */
export function refuseOpen(guests: Iterable<[string, SimulatedGuest]>, diskId: string, except?: string): void {
  for (const [serverId, guest] of guests) {
    const hasClosed = guest.state === 'stopped' || guest.state === 'suspended';
    if (serverId === except || hasClosed || !guest.spec?.disks.some((disk) => disk.diskId === diskId)) continue;
    throw new AgentError('in_use', `disk ${diskId} is open in the guest of server ${serverId}`);
  }
}

type Images = Pick<SimulatedObjects<SimulatedImage>, 'get' | 'set'>;

/** A disk as the host makes it of what it has. */
export function newDisk(disk: DiskSpec, images: Images, diskOf: (diskId: string) => SimulatedDisk): SimulatedDisk {
  const { storageId } = disk;
  if (disk.base.kind === 'same') nameImage(images, disk.base.source);
  return { ...madeFrom(disk, images, diskOf), ...(storageId === undefined ? {} : { storageId }) };
}

/** In a storage that hosts share, the image that a disk is a layer over is there with the disk, and takes none of this host's room. */
function nameImage(images: Images, { imageId, virtualSize }: SameDisk): void {
  if (imageId !== undefined && !images.get(imageId)) images.set(imageId, { format: 'qcow2', size: 0, virtualSize });
}

function madeFrom(
  { size, base, shared }: DiskSpec,
  images: Images,
  diskOf: (diskId: string) => SimulatedDisk,
): SimulatedDisk {
  if (base.kind === 'blank') return { virtualSize: wholeSectors(size), actualSize: emptyDiskBytes };
  if (base.kind === 'image') {
    const image = images.get(base.imageId);
    if (!image) throw new AgentError('not_found', `image ${base.imageId} is not cached on this host`);
    return {
      virtualSize: wholeSectors(Math.max(size, image.virtualSize)),
      actualSize: emptyDiskBytes,
      ...(shared ? {} : { imageId: base.imageId }),
    };
  }
  if (base.kind === 'same') {
    const { virtualSize, imageId } = base.source;
    const bytes = wholeSectors(Math.max(size, virtualSize));
    return { virtualSize: bytes, actualSize: emptyDiskBytes, ...(imageId ? { imageId } : {}) };
  }
  const { virtualSize, actualSize, imageId } = base.kind === 'moved' ? base.source : diskOf(base.diskId);
  return {
    virtualSize: wholeSectors(Math.max(size, virtualSize)),
    actualSize,
    ...(imageId && !shared && !(base.kind === 'copy' && base.flat) ? { imageId } : {}),
  };
}

export function wholeSectors(bytes: number): number {
  return Math.ceil(bytes / 512) * 512;
}

async function writeEmptyDisk(path: string, format: 'qcow2' | 'raw', virtualSize: number): Promise<number> {
  await mkdir(dirname(path), { recursive: true });
  await createAtomically(path, (temporary) =>
    format === 'qcow2' ? writeFile(temporary, emptyQcow2(virtualSize)) : writeSparseFile(temporary, virtualSize),
  );
  return (await stat(path)).size;
}

async function writeSparseFile(path: string, size: number): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    await handle.truncate(size);
  } finally {
    await handle.close();
  }
}
