import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { whyNoStoreFolder } from './claim-folder.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unkai-claim-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('takes what is new, empty, or was a store', async () => {
  const taken = [{ path: join(folder, 'other'), whose: 'another' }];
  for (const name of ['new', 'new/deep/down', 'others'])
    expect(await whyNoStoreFolder(join(folder, name), taken)).toBeUndefined();
  const store = join(folder, 'store');
  for (const name of ['', 'images', 'staging', 'lost+found']) mkdirSync(join(store, name), { recursive: true });
  expect(await whyNoStoreFolder(store, taken)).toBeUndefined();
  expect(await whyNoStoreFolder(`${store}/`, taken)).toBeUndefined();
  expect(await whyNoStoreFolder(join(folder, 'other', 'below'), taken)).toContain('is the place of another');
});

it('refuses what the cloud can not write to', async ({ skip }) => {
  const root = process.getuid?.() === 0;
  const place = join(folder, 'place');
  mkdirSync(place);
  if (!root) {
    chmodSync(place, 0o500);
    for (const path of [place, join(place, 'below')]) expect(await whyNoStoreFolder(path, [])).toContain('EACCES');
    return;
  }
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', place], { stdio: 'pipe' });
  } catch {
    skip('this machine lets nobody mount a small file system');
  }
  try {
    for (const path of [place, join(place, 'below')])
      expect(await whyNoStoreFolder(path, [])).toBe(`${place} can't be written by this cloud: EROFS`);
  } finally {
    execFileSync('umount', ['-l', place]);
  }
});
