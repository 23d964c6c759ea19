import type { DiskUsage } from './contract.ts';

/**
 * Further folders of a host in which disks can lie, beside its own one: mounted disks, mostly. What lies in one says
 * `DiskSpec.storageId` when it is made; from then on the host knows where it is.
 */

/** A folder in which a host shall be able to keep disks. */
export interface DesiredStorage {
  storageId: string;
  /** The folder, absolute; made where there is none, unless it is shared. Of what the host mounts itself, below its own folder. */
  path: string;
  /** What the host calls its own part of it: others may have theirs beside it. */
  part: string;
  /** Of a folder that is one and the same on several machines, mounted there by somebody. */
  shared?: SharedFolder;
  /** What the host mounts itself, at a place of its own. */
  mount?: NfsMount;
}

/** A folder of an NFS server. */
export interface NfsMount {
  /** `host:/folder`. */
  source: string;
  /** As `mount -o` takes them, beside what the host says itself. */
  options?: string;
}

/** How a host knows a shared folder from any other one at its path, as an empty mount point. */
export interface SharedFolder {
  /** What is written in it. */
  marker: string;
  /** Whether this host writes it, where nothing else of the kind is there; others never do. */
  mayMark: boolean;
}

/** What a host says of such a folder. */
export interface StorageReport {
  storageId: string;
  /** Bytes of it that are this host's to use; zero where it can't be used. */
  totalBytes: number;
  freeBytes: number;
  /** Why it can't be used now, or why it is kept though it is not wanted any more. */
  problem?: string;
}

/** The guest is to have another disk of the volume in the place of the one that it has: a copy of it. */
export interface DiskSwap {
  volumeId: string;
  fromDiskId: string;
  toDiskId: string;
  /** The further storage that the copy is made in; the host's own folder where none is said. */
  storageId?: string;
  /** The copy is to be a layer over nothing. What is copied from a guest that runs is so anyhow. */
  flat?: boolean;
}

export interface SwappedDisk extends DiskUsage {
  /** The cached image that the copy is a layer over. */
  imageId?: string;
}

/** Part of `HostAgent`, whose rules hold here too. */
export interface StorageVerbs {
  /**
   * Makes the host's further storages so, and tells of each. One that is not wanted any more goes, unless it has disks:
   * then it stays, and is told with its problem. A folder that was there and is not is never made anew: what it lay on is
   * not mounted, and disks that were made below its mount point would be lost when it is.
   */
  applyStorages(desired: readonly DesiredStorage[]): Promise<StorageReport[]>;
  /**
   * Copies the disk with all that was written to it until the end, and has the guest go on with the copy. A guest that runs
   * does not stand still for it. Works also where the host has no guest of the server; refuses (`in_use`) while it is
   * suspended. The disk that the guest had stays. Called the other way round, it takes itself back.
   */
  swapDisk(serverId: string, swap: DiskSwap): Promise<SwappedDisk>;
}
