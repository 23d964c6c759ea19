import { mkdir, open, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createAtomically } from '../../atomic-file.ts';
import type { GuestDisk, GuestSpec, GuestState } from '../../contract.ts';
import { emptyQcow2 } from '../../disks/qcow2-header.ts';

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

/** Gives the file's size. */
export async function writeEmptyDisk(path: string, format: 'qcow2' | 'raw', virtualSize: number): Promise<number> {
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
