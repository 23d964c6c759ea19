import { open } from 'node:fs/promises';
import type { GuestDisk, GuestSpec, GuestState } from '../../contract.ts';

export interface SimulatedImage {
  format: string;
  size: number;
  virtualSize: number;
}

export interface SimulatedDisk {
  virtualSize: number;
  actualSize: number;
}

export interface SimulatedGuest {
  state: Exclude<GuestState, 'absent'>;
  spec?: GuestSpec;
  configDrive?: Record<string, string>;
  starts: number;
}

export function withoutVolume(spec: GuestSpec, volumeId: string): GuestDisk[] {
  return spec.disks.filter((disk) => disk.volumeId !== volumeId);
}

export function wholeSectors(bytes: number): number {
  return Math.ceil(bytes / 512) * 512;
}

export async function writeSparseFile(path: string, size: number): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    await handle.truncate(size);
  } finally {
    await handle.close();
  }
}
