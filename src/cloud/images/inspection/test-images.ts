import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ImageRefused } from './image-refused.ts';
import { createInspector, type InspectionOptions } from './inspect.ts';
import type { Inspection } from './policy.ts';

/** What qemu-img says, now and then, where the time that a thread had is measured coarsely: it times its key derivation. */
const coarseClock = /Unable to get accurate CPU usage/;
/** It is a matter of chance, one time in three on such a machine, and known within milliseconds. */
const mostTries = 50;

/** A folder for the images of one test file, and qemu-img to make them with. */
export class TestImages {
  readonly folder = mkdtempSync(join(tmpdir(), 'unkai-inspection-'));

  path(name: string): string {
    return join(this.folder, name);
  }

  qemuImg(...args: string[]): void {
    for (let attempt = 1; ; attempt += 1) {
      try {
        execFileSync('qemu-img', args, { cwd: this.folder, stdio: ['ignore', 'ignore', 'pipe'] });
        return;
      } catch (error) {
        if (attempt === mostTries || !coarseClock.test(String(error))) throw error;
      }
    }
  }

  /** An image of 10 MiB by `qemu-img create`, as bytes. */
  create(format: string, options = '', ...more: string[]): Buffer {
    const name = `${format}-${options.replace(/\W/g, '-')}`;
    this.qemuImg('create', '-q', '-f', format, ...(options ? ['-o', options] : []), ...more, name, '10M');
    return readFileSync(this.path(name));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Streams the bytes through an inspector, by default in pieces of 64 KiB. */
export function inspectBytes(bytes: Buffer, options: InspectionOptions, chunkSizes: number[] = [65536]): Inspection {
  const inspector = createInspector(options);
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const length = Math.max(1, chunkSizes[i % chunkSizes.length]!);
    // A copy that is wiped afterwards proves that the inspector keeps no reference to what it was given.
    const chunk = Buffer.from(bytes.subarray(at, at + length));
    inspector.push(chunk);
    chunk.fill(0xff);
    at += length;
  }
  return inspector.finish();
}

/** A copy of the bytes with a change applied to it. */
export function patched(bytes: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(bytes);
  change(copy);
  return copy;
}

/** A raw disk of 1 MiB with one partition of an ordinary MBR. */
export function mbrDisk(): Buffer {
  const disk = Buffer.alloc(1024 * 1024);
  disk[446] = 0x80;
  disk[446 + 4] = 0x83;
  disk.writeUInt32LE(2048, 446 + 8);
  disk.writeUInt32LE(64, 446 + 12);
  disk.writeUInt16LE(0xaa55, 510);
  return disk;
}

/** The first sector of a GPT disk: one protective partition. */
export function protectiveMbrDisk(): Buffer {
  const disk = Buffer.alloc(1024 * 1024);
  Buffer.from([0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff]).copy(disk, 446);
  disk.writeUInt32LE(1, 446 + 8);
  disk.writeUInt32LE(2047, 446 + 12);
  disk.writeUInt16LE(0xaa55, 510);
  return disk;
}

/** The volume descriptor of an ISO of `blocks` × 2048 bytes, in a file of that size. */
export function isoImage(blocks = 200): Buffer {
  const image = Buffer.alloc(blocks * 2048);
  const descriptor = image.subarray(32768);
  descriptor[0] = 1;
  descriptor.write('CD001', 1, 'latin1');
  descriptor[6] = 1;
  descriptor.writeUInt32LE(blocks, 80);
  descriptor.writeUInt16LE(2048, 128);
  return image;
}

/** As `cryptsetup` writes it, with one key and a payload of 4 KiB; making a real one takes seconds of key derivation. */
export function luksOfVersion1(): Buffer {
  const image = Buffer.alloc(8192);
  image.write('LUKS\xba\xbe\0\x01aes', 'latin1');
  image.writeUInt32BE(8, 104);
  image.writeUInt32BE(1000, 164);
  image.writeUInt32BE(0x00ac71f3, 208);
  image.writeUInt32BE(1000, 212);
  return image;
}

/** What becomes of the bytes, for an upload and for use alike: `admitted`, or why not. */
export function refused(bytes: Buffer, declaredFormat: string): string {
  const outcomes = (['upload', 'use'] as const).map((policy) => {
    try {
      inspectBytes(bytes, { declaredFormat, policy });
      return 'admitted';
    } catch (error) {
      if (!(error instanceof ImageRefused)) throw error;
      return `${error.code}: ${error.message}`;
    }
  });
  if (outcomes[1] !== outcomes[0]) throw new Error(`for an upload: ${outcomes[0]}; for use: ${outcomes[1]}`);
  return outcomes[0]!;
}
