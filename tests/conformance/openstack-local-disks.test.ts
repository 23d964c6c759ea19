import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildTinyLinux } from '../../guest/tinylinux.ts';
import type { QemuHost } from '../../src/agent/hypervisor/qemu/qemu-host.ts';
import { SerialShell } from '../../src/agent/hypervisor/qemu/serial-shell.fixture.ts';
import { parseId } from '../../src/env/env.ts';
import { TestCloud } from '../support/cloud.ts';
import { cacheDir } from '../support/paths.ts';
import { clientOutput } from './run-client.ts';

const run = promisify(execFile);
const bootTimeout = 300_000;

/** The `openstack` command of the distribution makes servers with ephemeral and swap disks, and real guests have them. */
describe('the openstack client and local disks', () => {
  let cloud: TestCloud;
  let env: Record<string, string>;
  let folder: string;

  const openstack = (...args: string[]) => clientOutput('openstack', args, env);
  const json = async (...args: string[]) => JSON.parse(await openstack(...args, '-f', 'json'));
  const host = () => cloud.agents[0]!.agent as QemuHost;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unkai-local-disks-'));
    cloud = await TestCloud.start({ hypervisor: 'qemu', settings: { shutdownGrace: 20 } });
    env = {
      OS_AUTH_URL: `${cloud.origin}/identity/v3`,
      OS_IDENTITY_API_VERSION: '3',
      OS_USERNAME: 'admin',
      OS_PASSWORD: 'test-password',
      OS_PROJECT_NAME: 'admin',
      OS_USER_DOMAIN_NAME: 'Default',
      OS_PROJECT_DOMAIN_NAME: 'Default',
      OS_REGION_NAME: 'RegionOne',
    };
    const { path } = await buildTinyLinux({ cacheDir });
    await openstack('image', 'create', '--file', path, '--disk-format', 'qcow2', '--public', 'tiny');
    const size = ['--ram', '128', '--vcpus', '1', '--disk', '1', '--ephemeral', '1', '--swap', '64'];
    await openstack('flavor', 'create', ...size, 'local');
  }, bootTimeout);

  afterAll(async () => {
    await cloud?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** What is in the guest, and on the disks' files: device, MiB and signature of each disk beside the root disk. */
  async function localDisks(name: string): Promise<string[]> {
    const serverId = parseId((await json('server', 'show', name)).id)!;
    await expect
      .poll(() => openstack('console', 'log', 'show', name), { timeout: bootTimeout, interval: 500 })
      .toContain(`TinyLinux ready: ${name}`);
    const shell = new SerialShell(await host().connectConsole(serverId, 'serial'));
    const partitions = await shell.run('cat /proc/partitions');
    shell.close();
    const disks = await cloud.cloud.volumes.ofServer(serverId);
    const found: string[] = [];
    for (const { device, diskId, size } of disks.slice(1)) {
      const kibibytes = new RegExp(`\\s(\\d+)\\s+${device!.slice('/dev/'.length)}$`, 'm').exec(partitions)?.[1];
      expect(Number(kibibytes) * 1024).toBe(size);
      const path = join(folder, diskId!);
      await host().exportDisk({ diskId: diskId!, serverId, format: 'raw', target: { kind: 'file', path } });
      const { stdout } = await run('/usr/sbin/blkid', ['-p', '-o', 'export', path]);
      await rm(path);
      const word = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(stdout)?.[1] ?? '';
      found.push(`${device} ${size / 2 ** 20} ${word('TYPE')} ${word('LABEL')}`.trimEnd());
    }
    return found;
  }

  it(
    'gives a guest the disks of its flavor',
    async () => {
      await openstack('server', 'create', '--image', 'tiny', '--flavor', 'local', '--wait', 'one');
      expect(await localDisks('one')).toEqual(['/dev/vdb 1024 ext4 ephemeral0', '/dev/vdc 64 swap']);
      await openstack('server', 'delete', '--wait', 'one');
      expect(await host().inventory()).toMatchObject({ disks: [], guests: [], strayFiles: [] });
    },
    2 * bootTimeout,
  );

  it(
    'gives a guest the disks that are asked for, which are there again after a rebuild',
    async () => {
      const disks = ['--ephemeral', 'size=1,format=ext3', '--swap', '32'];
      await openstack('server', 'create', '--image', 'tiny', '--flavor', 'local', ...disks, '--wait', 'two');
      const wanted = ['/dev/vdb 1024 ext3 ephemeral0', '/dev/vdc 32 swap'];
      expect(await localDisks('two')).toEqual(wanted);
      await openstack('server', 'rebuild', '--image', 'tiny', '--wait', 'two');
      expect(await localDisks('two')).toEqual(wanted);
      await openstack('server', 'delete', '--wait', 'two');
      expect(await host().inventory()).toMatchObject({ disks: [], guests: [], strayFiles: [] });
    },
    3 * bootTimeout,
  );
});
