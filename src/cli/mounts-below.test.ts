import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { BoundFolders, mayBind } from '../agent/disks/bound-folders.fixture.ts';
import { unmountBelow } from './mounts-below.ts';

const run = promisify(execFile);

describe.runIf(await mayBind())('what is mounted below a data folder', () => {
  test('is unmounted, with nothing lost, and what is beside stays', async () => {
    const root = await mkdtemp(join(tmpdir(), 'unkai-below-'));
    const client = new BoundFolders();
    for (const name of ['data/one', 'data/two', 'database', 'share'])
      await mkdir(join(root, name), { recursive: true });
    await writeFile(join(root, 'share', 'disk'), 'kept');
    const source = `nas:${join(root, 'share')}`;
    for (const point of ['data/one', 'data/two', 'database']) await client.mount(join(root, point), { source });
    await unmountBelow(join(root, 'data'));
    expect(await readdir(join(root, 'data', 'one'))).toEqual([]);
    expect(await readdir(join(root, 'data', 'two'))).toEqual([]);
    expect(await readdir(join(root, 'database'))).toEqual(['disk']);
    await run('umount', [join(root, 'database')]);
    expect(await readdir(join(root, 'share'))).toEqual(['disk']);
    await rm(root, { recursive: true });
  });
});
