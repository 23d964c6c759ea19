import { randomBytes } from 'node:crypto';
import { mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BackupDamaged, BackupFolder } from './backup-folder.ts';

const mib = 2 ** 20;
const [first, second, third] = ['a', 'b', 'c'].map((letter) => letter.repeat(32)) as [string, string, string];

let root: string;
let store: BackupFolder;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'unkai-backups-'));
  store = new BackupFolder(join(root, 'backups'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** A sparse disk of 64 MiB with some bytes at some places. */
async function disk(name: string, content: Record<number, Buffer>): Promise<string> {
  const path = join(root, name);
  const file = await open(path, 'w');
  await file.truncate(64 * mib);
  for (const [at, bytes] of Object.entries(content)) await file.write(bytes, 0, undefined, Number(at));
  await file.close();
  return path;
}

async function restored(id: string): Promise<Buffer> {
  const path = join(root, 'restored');
  await store.restore(id, path);
  return await readFile(path);
}

describe('a backup', () => {
  it('gives the disk back as it was, and takes no room for zeros', async () => {
    const path = await disk('disk', { 0: randomBytes(5 * mib), [40 * mib]: Buffer.from('far away') });
    const saved = await store.save(first, path);
    expect(saved).toMatchObject({ size: 64 * mib, objectCount: 3 });
    expect((await restored(first)).equals(await readFile(path))).toBe(true);
    expect((await stat(join(root, 'restored'))).blocks * 512).toBeLessThan(16 * mib);
    expect(await store.save(first, '/nowhere')).toEqual(saved);
  });

  it('stores only what differs from its parent', async () => {
    const content = { 0: randomBytes(9 * mib), [40 * mib]: randomBytes(mib) };
    await store.save(first, await disk('one', content));
    const two = await disk('two', { ...content, [41 * mib]: Buffer.from('new') });
    expect(await store.save(second, two, { parentId: first })).toMatchObject({ objectCount: 1 });
    const three = await disk('three', { ...content, [4 * mib]: Buffer.alloc(4 * mib) });
    expect(await store.save(third, three, { parentId: second })).toMatchObject({ objectCount: 1 });
    expect((await restored(second)).equals(await readFile(two))).toBe(true);
    expect((await restored(third)).equals(await readFile(three))).toBe(true);
    await store.delete(third);
    expect((await store.list()).backups.sort()).toEqual([first, second]);
  });

  it('that was damaged is not given back', async () => {
    await store.save(first, await disk('disk', { 0: randomBytes(mib) }));
    const folder = join(root, 'backups', first);
    const name = (await readdir(folder)).find((one) => one.endsWith('.zst'))!;
    const bytes = await readFile(join(folder, name));
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(join(folder, name), bytes);
    await expect(store.restore(first, join(root, 'restored'))).rejects.toThrow(BackupDamaged);
    await store.delete(first);
    await expect(store.restore(first, join(root, 'restored'))).rejects.toThrow('not in the store');
  });

  it('that breaks leaves nothing once it is deleted', async () => {
    const abort = new AbortController();
    const path = await disk('disk', { 0: randomBytes(mib), [20 * mib]: randomBytes(mib) });
    const saving = store.save(first, path, { signal: abort.signal, progress: () => abort.abort() });
    await expect(saving).rejects.toThrow();
    expect(await store.exists(first)).toBe(false);
    expect((await store.list()).others).toEqual([{ name: `${first}.partial`, id: first }]);
    await store.delete(first);
    expect(await store.list()).toEqual({ backups: [], others: [] });
  });

  it('has no other name than an id', async () => {
    await expect(store.stage('../../etc/passwd')).rejects.toThrow('no id');
    await expect(store.delete('')).rejects.toThrow('no id');
  });
});
