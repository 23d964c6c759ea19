/**
 * Further folders of a host in which disks can lie, beside its own one: mounted disks, mostly. What lies in one says
 * `DiskSpec.storageId` when it is made; from then on the host knows where it is.
 */

/** A folder in which a host shall be able to keep disks. */
export interface DesiredStorage {
  storageId: string;
  /** The folder, absolute; made where there is none. */
  path: string;
  /** What the host calls its own part of it: other hosts of the machine may have theirs beside it. */
  part: string;
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

/** Part of `HostAgent`, whose rules hold here too. */
export interface StorageVerbs {
  /**
   * Makes the host's further storages so, and tells of each. One that is not wanted any more goes, unless it has disks:
   * then it stays, and is told with its problem. A folder that was there and is not is never made anew: what it lay on is
   * not mounted, and disks that were made below its mount point would be lost when it is.
   */
  applyStorages(desired: readonly DesiredStorage[]): Promise<StorageReport[]>;
}
