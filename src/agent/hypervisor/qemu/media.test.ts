import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildTinyLinux, tinyLinuxMinimumMemory, tinyLinuxVirtualSize } from '../../../../guest/tinylinux.ts';
import { newId } from '../../../env/env.ts';
import { realEnv } from '../../../env/real.ts';
import { writeConfigDrive } from '../../config-drive/config-drive.ts';
import type { GuestSpec } from '../../contract.ts';
import { bootGreeting, bootProgram } from './boot-program.ts';
import { openQemuHost, type QemuHost } from './qemu-host.ts';
import { SerialShell } from './serial-shell.fixture.ts';

const env = realEnv();
const bootTimeout = 300_000;
const run = promisify(execFile);
describe('the drives of a guest', () => {
  let root: string;
  let host: QemuHost;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'unkai-media-'));
    host = await openHost();
    const { path } = await buildTinyLinux({ cacheDir: resolve(import.meta.dirname, '../../../../var/cache') });
    await cache('tinylinux', path, 'qcow2');
    for (const name of ['first', 'second']) {
      const iso = join(root, `${name}.iso`);
      await writeConfigDrive(env, iso, { 'label.txt': `the ${name} medium\n` });
      await cache(name, iso, 'iso');
    }
  }, bootTimeout);
  afterAll(async () => {
    for (const { serverId } of (await host.inventory()).guests) await host.removeGuest(serverId);
    await host.close();
    await rm(root, { recursive: true, force: true });
  });

  const openHost = () => openQemuHost({ directory: join(root, 'host'), env, accelerator: 'tcg' });

  async function cache(imageId: string, path: string, format: 'qcow2' | 'iso'): Promise<void> {
    const { size } = await stat(path);
    await host.ensureImageCached({ imageId, format, size, source: { kind: 'file', path } });
  }

  function specOf(serverId: string, more: Partial<GuestSpec>): GuestSpec {
    return {
      ...{ serverId, instanceName: 'instance-00000001', vcpus: 1, memoryMb: tinyLinuxMinimumMemory },
      ...{ bootMode: 'bios', hasConfigDrive: false, nics: [] },
      disks: [{ diskId: serverId, volumeId: serverId, bus: 'virtio' }],
      ...more,
    };
  }

  const saying = (serverId: string, words: string | RegExp) =>
    expect.poll(() => host.consoleLog(serverId), { timeout: bootTimeout, interval: 50 }).toMatch(words);

  it(
    'hold media that are changed while it runs, also after the host was opened again',
    async () => {
      const serverId = newId(env);
      const base = { kind: 'image', imageId: 'tinylinux' } as const;
      await host.ensureDisk({ diskId: serverId, size: tinyLinuxVirtualSize, base });
      const cdroms = [{ cdromId: newId(env) }, { cdromId: newId(env), imageId: 'first' }];
      await host.ensureGuestRunning(specOf(serverId, { cdroms }));
      await saying(serverId, /TinyLinux ready/);
      let shell = new SerialShell(await host.connectConsole(serverId, 'serial'));
      const read = (drive: string) =>
        shell.run(`mkdir -p /m; mount -t iso9660 -o ro /dev/${drive} /m && cat /m/label.txt; umount /m; true`);
      expect(await read('sr1')).toContain('the first medium');
      expect(await read('sr0')).not.toContain('medium\n');

      await host.changeMedium(serverId, { ...cdroms[0]!, imageId: 'second' });
      await expect.poll(() => read('sr0')).toContain('the second medium');
      // Its system has it mounted, and has locked the drive.
      await shell.run('mount -t iso9660 -o ro /dev/sr0 /m; true');
      shell.close();
      await host.close();
      host = await openHost();
      await host.changeMedium(serverId, { ...cdroms[0]!, imageId: 'first' });
      await host.changeMedium(serverId, { cdromId: cdroms[1]!.cdromId });
      shell = new SerialShell(await host.connectConsole(serverId, 'serial'));
      await shell.run('umount /m; true');
      await expect.poll(() => read('sr0')).toContain('the first medium');
      await expect.poll(() => read('sr1')).not.toContain('medium\n');
      shell.close();
      await host.removeCachedImage('second');
      await expect(host.removeCachedImage('first')).rejects.toMatchObject({ code: 'in_use' });
      await host.removeGuest(serverId);
      await cache('second', join(root, 'second.iso'), 'iso');
    },
    2 * bootTimeout,
  );

  it(
    'are booted from before its disk, or after it, as it is told',
    async () => {
      const tree = join(root, 'tree');
      await mkdir(tree);
      await writeFile(join(tree, 'boot.bin'), Buffer.concat([Buffer.from(bootProgram())], 2048));
      const iso = join(root, 'boot.iso');
      const bootable = ['-b', 'boot.bin', '-no-emul-boot', '-boot-load-size', '4'];
      await run('genisoimage', ['-quiet', '-o', iso, ...bootable, tree]);
      await cache('installer', iso, 'iso');
      const cdroms = [{ cdromId: newId(env), imageId: 'installer' }];

      const blank = newId(env);
      await host.ensureDisk({ diskId: blank, size: 2 ** 20, base: { kind: 'blank' } });
      await host.ensureGuestRunning(specOf(blank, { cdroms }));
      await saying(blank, bootGreeting);

      const installed = newId(env);
      const base = { kind: 'image', imageId: 'tinylinux' } as const;
      await host.ensureDisk({ diskId: installed, size: tinyLinuxVirtualSize, base });
      await host.ensureGuestRunning(specOf(installed, { cdroms, bootOrder: ['cdrom', 'disk'] }));
      await saying(installed, bootGreeting);
      await host.stopGuest(installed, { graceSeconds: 0 });
      await host.ensureGuestRunning(specOf(installed, { cdroms }));
      await saying(installed, /TinyLinux ready/);
    },
    2 * bootTimeout,
  );
});
