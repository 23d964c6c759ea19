import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { realEnv } from '../../env/real.ts';
import type { DiskContent } from '../contract.ts';
import { withContent } from './disk-content.ts';

const run = promisify(execFile);
const env = realEnv();
const mebibyte = 1024 ** 2;
let folder: string;

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'unkai-content-')), 'disks');
  await mkdir(folder);
});
afterEach(() => rm(join(folder, '..'), { recursive: true, force: true }));

/** What util-linux says is on the file. */
async function lookedAt(path: string): Promise<string> {
  const { stdout } = await run('/usr/sbin/blkid', ['-p', '-o', 'export', path]);
  return stdout;
}

test.each<[DiskContent, RegExp[]]>([
  [{ format: 'ext4', label: 'ephemeral0' }, [/^TYPE=ext4$/m, /^LABEL=ephemeral0$/m]],
  [{ format: 'ext2', label: 'ephemeral1' }, [/^TYPE=ext2$/m, /^LABEL=ephemeral1$/m]],
  [{ format: 'swap' }, [/^TYPE=swap$/m]],
])('%j is on the file that is handed over, which is sparse, and gone afterwards', async (content, wanted) => {
  const path = join(folder, 'disk.qcow2.new');
  const seen = await withContent(env, path, { size: 64 * mebibyte, content }, async ({ path: raw }) => {
    expect(raw).not.toBe(path);
    const handle = await open(raw);
    const { size, blocks } = await handle.stat().finally(() => handle.close());
    expect(size).toBe(64 * mebibyte);
    expect(blocks * 512).toBeLessThan(16 * mebibyte);
    return await lookedAt(raw);
  });
  for (const one of wanted) expect(seen).toMatch(one);
  expect(await readdir(folder)).toEqual([]);
});

test('what can not be made leaves nothing behind', async () => {
  const filling = { size: 4096, content: { format: 'ext4' } } as const;
  const made = withContent(env, join(folder, 'disk'), filling, async () => expect.fail('there is no such file'));
  await expect(made).rejects.toMatchObject({ name: 'AgentError', message: expect.stringMatching(/^mkfs\.ext4: /) });
  expect(await readdir(folder)).toEqual([]);
});
