import type { GuestDisk } from '../contract.ts';

/** The disks of a guest with one more, or with the one that it has of that volume as it shall be: in its old place. */
export function withDisk(disks: readonly GuestDisk[], disk: GuestDisk): GuestDisk[] {
  const index = disks.findIndex(({ volumeId }) => volumeId === disk.volumeId);
  return index < 0 ? [...disks, disk] : disks.with(index, disk);
}
