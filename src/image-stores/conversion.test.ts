import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { convertImage } from './conversion.ts';

const mebibyte = 1024 * 1024;
const clusterSize = 2 * mebibyte;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unkai-conversion-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const qemuImg = (...words: string[]) => execFileSync('qemu-img', words, { cwd: folder });

/** A qcow2 of a few MiB: with `isEverywhere` every block of its disk is the one that was written, else all others are empty. */
function qcow2(virtualSize: number, isEverywhere: boolean): string {
  writeFileSync(join(folder, 'block'), Buffer.alloc(clusterSize, 'data'));
  const options = ['-o', `cluster_size=${clusterSize}`];
  qemuImg('convert', '-q', '-f', 'raw', '-O', 'qcow2', ...options, 'block', 'image.qcow2');
  qemuImg('resize', '-q', '-f', 'qcow2', 'image.qcow2', String(virtualSize));
  const path = join(folder, 'image.qcow2');
  const bytes = readFileSync(path);
  const [l1, l1Entries] = [Number(bytes.readBigUInt64BE(40)), bytes.readUInt32BE(36)];
  const l2 = Number(bytes.readBigUInt64BE(l1) & 0x00ff_ffff_ffff_fe00n);
  if (isEverywhere) {
    for (let i = 1; i < l1Entries; i += 1) bytes.copy(bytes, l1 + i * 8, l1, l1 + 8);
    for (let i = 1; i < clusterSize / 8; i += 1) bytes.copy(bytes, l2 + i * 8, l2, l2 + 8);
  }
  writeFileSync(path, bytes);
  return path;
}

it('of a small file that stands for more than there is room for is refused before anything is written', async () => {
  const { bavail, bsize } = statfsSync(folder);
  const virtualSize = Math.ceil((2 * bavail * bsize) / clusterSize) * clusterSize;
  const bomb = { path: qcow2(virtualSize, true), format: 'qcow2' as const };
  for (const format of ['raw', 'vhdx'] as const) {
    const made = convertImage(bomb, { path: join(folder, 'out'), format }, { virtualSize });
    await expect(made, format).rejects.toMatchObject({ code: 'no_space', message: expect.stringMatching(/\d bytes/) });
  }
  expect((await readdir(folder)).toSorted()).toEqual(['block', 'image.qcow2']);
});

it('of a large disk that is nearly empty is made, whatever its size is', async () => {
  const { bavail, bsize } = statfsSync(folder);
  const virtualSize = Math.min(Math.ceil((2 * bavail * bsize) / clusterSize) * clusterSize, 2 ** 40);
  const from = { path: qcow2(virtualSize, false), format: 'qcow2' as const };
  await convertImage(from, { path: join(folder, 'out.raw'), format: 'raw' }, { virtualSize });
  const head = execFileSync('head', ['-c', '8', join(folder, 'out.raw')]);
  expect(head.toString()).toBe('datadata');
});
