import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../../../env/env.ts';
import type { QemuHost } from './qemu-host.ts';
import type { SerialShell } from './serial-shell.fixture.ts';
import { named, TinyLinuxBench } from './tinylinux-bench.fixture.ts';

const bootTimeout = 300_000;
let bench: TinyLinuxBench;
let host: QemuHost;

beforeAll(async () => {
  bench = await TinyLinuxBench.open('hot-plug');
  host = bench.host;
}, bootTimeout);
afterAll(() => bench.close());

test(
  'a disk goes from one running guest to another with its data, and is copied in use',
  async () => {
    const [one, two] = await Promise.all([bench.boot(named('one')), bench.boot(named('two'))]);
    const volumeId = newId(bench.env);
    const disk = { diskId: volumeId, volumeId, bus: 'virtio' as const };
    await host.ensureDisk({ diskId: volumeId, size: 8 * 2 ** 20, base: { kind: 'blank' } });
    const untilSeen = (shell: SerialShell) =>
      shell.run(
        'while [ ! -b /dev/vdb ]; do mdev -s; done; cat /sys/block/vdb/serial; echo; cat /sys/block/vdb/size; cat /sys/block/vdb/ro',
      );

    expect(await one.shell.run('ls /sys/block')).not.toContain('vdb');
    await host.attachDisk(one.serverId, disk);
    expect(await untilSeen(one.shell)).toBe(`${volumeId.slice(0, 20)}\n16384\n0\n`);
    await one.shell.run('echo written on one >/dev/vdb; sync');

    await host.ensureDisk({ diskId: 'copy', size: 16 * 2 ** 20, base: { kind: 'copy', diskId: volumeId } });
    await host.ensureDisk({ diskId: volumeId, size: 12 * 2 ** 20, base: { kind: 'blank' } });
    expect(
      await one.shell.run('while [ $(cat /sys/block/vdb/size) = 16384 ]; do :; done; cat /sys/block/vdb/size'),
    ).toBe('24576\n');

    await host.detachDisk(one.serverId, volumeId);
    expect(await one.shell.run('ls /sys/block')).not.toContain('vdb');
    await host.attachDisk(two.serverId, { ...disk, readOnly: true });
    expect(await untilSeen(two.shell)).toBe(`${volumeId.slice(0, 20)}\n24576\n1\n`);
    expect(await two.shell.run('head -n 1 /dev/vdb')).toBe('written on one\n');

    const copyId = newId(bench.env);
    await host.attachDisk(one.serverId, { diskId: 'copy', volumeId: copyId, bus: 'virtio' });
    expect(await untilSeen(one.shell)).toBe(`${copyId.slice(0, 20)}\n32768\n0\n`);
    expect(await one.shell.run('head -n 1 /dev/vdb')).toBe('written on one\n');
    await host.detachDisk(two.serverId, volumeId);
    await host.removeDisk(volumeId);
    await host.detachDisk(one.serverId, copyId);

    const sharedId = newId(bench.env);
    const shared = { diskId: sharedId, volumeId: sharedId, bus: 'virtio' as const, shared: true };
    await host.ensureDisk({ diskId: sharedId, size: 8 * 2 ** 20, base: { kind: 'blank' }, shared: true });
    for (const { serverId, shell } of [one, two]) {
      await host.attachDisk(serverId, shared);
      expect(await untilSeen(shell)).toBe(`${sharedId.slice(0, 20)}\n16384\n0\n`);
    }
    await one.shell.run('echo seen by two >/dev/vdb; sync');
    expect(await two.shell.run('head -n 1 /dev/vdb'), 'what another guest writes').toBe('seen by two\n');
    await two.shell.run('echo seen by one | dd of=/dev/vdb seek=8 conv=fsync 2>/dev/null');
    expect(await one.shell.run('dd if=/dev/vdb skip=8 count=1 2>/dev/null | head -n 1')).toBe('seen by one\n');

    const copied = host.ensureDisk({ diskId: 'of-two', size: 2 ** 20, base: { kind: 'copy', diskId: sharedId } });
    await expect(copied, 'as of which moment').rejects.toMatchObject({ code: 'in_use' });
    const grown = host.ensureDisk({ diskId: sharedId, size: 12 * 2 ** 20, base: { kind: 'blank' }, shared: true });
    await expect(grown).rejects.toMatchObject({ code: 'in_use' });
    const open = (await host.inventory()).guests.filter(({ openDisks }) => openDisks?.includes(sharedId));
    expect(open.map(({ serverId }) => serverId).sort()).toEqual([one.serverId, two.serverId].sort());
    await host.detachDisk(two.serverId, sharedId);
    await host.ensureDisk({ diskId: sharedId, size: 12 * 2 ** 20, base: { kind: 'blank' }, shared: true });
    expect(
      await one.shell.run('while [ $(cat /sys/block/vdb/size) = 16384 ]; do :; done; cat /sys/block/vdb/size'),
    ).toBe('24576\n');
    await host.detachDisk(one.serverId, sharedId);
    await host.removeDisk(sharedId);
  },
  2 * bootTimeout,
);

test(
  'a guest uses a disk as fast as it may: from its start on, and from the moment at which that changes',
  async () => {
    const mebibyte = 2 ** 20;
    const volumeId = newId(bench.env);
    await host.ensureDisk({ diskId: volumeId, size: 8 * mebibyte, base: { kind: 'blank' } });
    const disk = { diskId: volumeId, volumeId, bus: 'virtio' as const };
    const slow = { ...disk, limits: { readBytes: { rate: mebibyte / 4 }, writeRequests: { rate: 5 } } };
    const { serverId, shell } = await bench.boot(named('limited'), { disks: [slow] });
    await shell.run('while [ ! -b /dev/vdb ]; do mdev -s; done');
    const milliseconds = async (command: string) => {
      const start = performance.now();
      await shell.run(`echo 3 >/proc/sys/vm/drop_caches; ${command}`);
      return performance.now() - start;
    };
    const read = () => milliseconds('dd if=/dev/vdb of=/dev/null bs=64k count=16');
    const write = () => milliseconds('for i in 1 2 3 4 5 6 7 8 9 10; do echo $i >/dev/vdb; sync; done');

    // A lower bound is certain: nothing makes a limited disk fast. Ten writes wait for two seconds, but for the first.
    const [limitedRead, limitedWrite] = [await read(), await write()];
    expect(limitedRead).toBeGreaterThan(3000);
    expect(limitedWrite).toBeGreaterThan(1500);
    await host.attachDisk(serverId, disk);
    expect(await read()).toBeLessThan(limitedRead / 2);
    await host.attachDisk(serverId, slow);
    expect(await read()).toBeGreaterThan(3000);
    await host.pauseGuest(serverId);
    await host.attachDisk(serverId, disk);
    await host.resumeGuest(serverId);
    expect(await read()).toBeLessThan(limitedRead / 2);
  },
  2 * bootTimeout,
);
