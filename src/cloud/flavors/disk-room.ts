import type { Flavor } from './flavors.ts';

/**
 * GiB of a host's disk that a server of the size takes, as Nova asks Placement for it: its root disk, its ephemeral disks,
 * and its swap disk, in whole ones.
 */
export function diskRoomOf({ diskGb, ephemeralGb, swapMb }: Pick<Flavor, 'diskGb' | 'ephemeralGb' | 'swapMb'>): number {
  return diskGb + ephemeralGb + Math.ceil(swapMb / 1024);
}
