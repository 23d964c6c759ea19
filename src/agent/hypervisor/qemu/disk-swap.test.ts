import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../../env/env.ts';
import type { SerialShell } from './serial-shell.fixture.ts';
import { TinyLinuxBench } from './tinylinux-bench.fixture.ts';

const bootTimeout = 300_000;
const mebibyte = 2 ** 20;
let bench: TinyLinuxBench;
let serverId: string;
let volumeId: string;
let shell: SerialShell;

const contentOf = async (diskId: string) => {
  const path = join(bench.root, `export-${newId(bench.env)}`);
  await bench.host.exportDisk({ diskId, format: 'raw', target: { kind: 'file', path } });
  return (await readFile(path)).subarray(0, 64).toString().split('\n')[0];
};
const write = (words: string) => shell.run(`echo '${words}' >/dev/vdb; sync; head -n 1 /dev/vdb`);

/** Has another process swap the disk, kills it, and tells how far it came. */
async function killedAfter(ms: number, swap: object): Promise<string | undefined> {
  const program = join(import.meta.dirname, 'swap-disk.fixture.ts');
  const agent = spawn(process.execPath, [program, bench.folder, serverId, JSON.stringify(swap)]);
  const said = createInterface({ input: agent.stdout })[Symbol.asyncIterator]();
  let last: string | undefined;
  for (let next = await said.next(); !next.done; next = await said.next()) {
    last = next.value;
    if (last === 'begun') setTimeout(() => agent.kill('SIGKILL'), ms);
  }
  return last;
}

beforeAll(async () => {
  bench = await TinyLinuxBench.open('disk-swap');
  volumeId = newId(bench.env);
  await bench.host.applyStorages([{ storageId: 'far', path: join(bench.root, 'far'), part: 'host' }]);
  await bench.host.ensureDisk({ diskId: 'first', size: 256 * mebibyte, base: { kind: 'blank' } });
  const limits = { totalBytes: { rate: 64 * mebibyte } };
  const disks = [{ diskId: 'first', volumeId, bus: 'virtio' as const, limits }];
  ({ serverId, shell } = await bench.boot(undefined, { disks }));
}, bootTimeout);
afterAll(() => bench.close());

test(
  'a guest that runs goes on with a copy of its disk in another storage, which can do all that the first could',
  async () => {
    await write('before');
    const swap = { volumeId, fromDiskId: 'first', toDiskId: 'second', storageId: 'far' };
    const { installPath } = await bench.host.swapDisk(serverId, swap);
    expect(installPath).toContain('second');
    expect(await shell.run('head -n 1 /dev/vdb')).toBe('before\n');
    await write('after');
    expect(await contentOf('first')).toBe('before');
    expect(await contentOf('second')).toBe('after');
    await bench.host.removeDisk('first');
    // Copied, made larger and limited under the guest as before.
    await bench.host.ensureDisk({ diskId: 'copy', size: mebibyte, base: { kind: 'copy', diskId: 'second' } });
    expect(await contentOf('copy')).toBe('after');
    await bench.host.ensureDisk({ diskId: 'second', size: 300 * mebibyte, base: { kind: 'blank' } });
    expect(await shell.run('until [ $(cat /sys/block/vdb/size) = 614400 ]; do :; done; echo large')).toBe('large\n');
    await bench.host.attachDisk(serverId, { diskId: 'second', volumeId, bus: 'virtio' });
    await bench.host.detachDisk(serverId, volumeId);
    await bench.host.attachDisk(serverId, { diskId: 'second', volumeId, bus: 'virtio' });
    expect(await shell.run('while [ ! -b /dev/vdb ]; do mdev -s; done; head -n 1 /dev/vdb')).toBe('after\n');
    await bench.host.swapDisk(serverId, { volumeId, fromDiskId: 'second', toDiskId: 'first' });
    await bench.host.removeDisk('second');
  },
  bootTimeout,
);

test(
  'an agent that dies while it copies begins anew, and nothing that the guest writes is lost',
  async () => {
    await write('one');
    await shell.run('dd if=/dev/urandom of=/dev/vdb bs=1M seek=1 count=150 2>/dev/null; sync');
    const sum = await shell.run('dd if=/dev/vdb bs=1M skip=1 count=150 2>/dev/null | md5sum');
    const there = { volumeId, fromDiskId: 'first', toDiskId: 'third' };
    await bench.host.close();
    const ends: Array<string | undefined> = [];
    for (const afterMs of [0, 50, 150, 400, 900]) ends.push(await killedAfter(afterMs, there));
    expect(ends).toContain('begun');
    await bench.openHost();
    await write('two');
    await bench.host.swapDisk(serverId, there);
    await write('three');
    await bench.host.removeDisk('first');
    expect(await shell.run('dd if=/dev/vdb bs=1M skip=1 count=150 2>/dev/null | md5sum')).toBe(sum);
    // The process ends: what it is started with again is the copy.
    await bench.host.stopGuest(serverId, { graceSeconds: 0 });
    expect(await contentOf('third')).toBe('three');
    const { strayFiles, guests } = await bench.host.inventory();
    expect({ strayFiles, guests: guests.length }).toEqual({ strayFiles: [], guests: 1 });
  },
  bootTimeout,
);
