import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { QemuHost } from '../../agent/hypervisor/qemu/qemu-host.ts';
import { obstacle } from '../../agent/network/bridge/network-bench.fixture.ts';
import { type OpenedUnkai, openUnkai } from '../../assembly/open-unkai.ts';
import { ensureTinyLinux, tinyLinuxId } from '../../assembly/tinylinux.ts';
import { operator } from '../identity/subject.ts';
import { defaultGroupId } from '../networks/default-security-group.ts';
import { usualSettings } from './model.ts';

const run = promisify(execFile);
const bootTimeout = 300_000;
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const subject = operator('req-test');

describe.skipIf(obstacle !== undefined)('a load balancer before real guests', () => {
  let folder: string;
  let opened: OpenedUnkai;

  const host = () => opened.agents[0]!.agent as QemuHost;
  const open = () =>
    openUnkai({ dataDir: folder, hypervisor: 'qemu', network: 'bridge', adminPassword: 'secret', log: silent });
  const done = async ({ actionId }: { actionId?: string }) => {
    if (actionId === undefined) return;
    expect(await opened.cloud.runner.wait(actionId, { timeoutMs: bootTimeout })).toEqual({ state: 'succeeded' });
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unkai-real-balancers-'));
    opened = await open();
    await ensureTinyLinux(opened.cloud, { cacheDir: resolve(import.meta.dirname, '../../../var/cache') });
  }, bootTimeout);

  afterAll(async () => {
    for (const server of await opened.cloud.servers.list(subject, {}, { limit: 10, sort: [] })) {
      await done(await opened.cloud.servers.delete(subject, server.id));
    }
    await opened.close();
    await rm(folder, { recursive: true, force: true });
  }, bootTimeout);

  /** A guest that tells its name to whoever asks by HTTP. */
  const boot = async (name: string, networkId: string): Promise<string> => {
    const flavors = await opened.cloud.flavors.list(subject, {});
    const flavor = flavors.filter(({ memoryMb }) => memoryMb >= 96).sort((a, b) => a.memoryMb - b.memoryMb)[0]!;
    const script = `#!/bin/sh\nmkdir -p /www\necho ${name} > /www/index.html\nhttpd -p 8080 -h /www\n`;
    const [made] = await opened.cloud.servers.create(subject, {
      name,
      flavorId: flavor.id,
      imageId: tinyLinuxId,
      networks: [{ networkId }],
      securityGroups: [],
      userData: Buffer.from(script).toString('base64'),
    });
    await done(made!);
    return made!.server.id;
  };

  test(
    'gives each its turn, and the others what one that stops can not take; nothing is left over',
    async () => {
      const { networks, loadBalancers, eips, servers } = opened.cloud;
      const [network] = await networks.networks.create(subject, [{ name: 'web', mtu: 1400 }]);
      await networks.subnets.create(subject, [{ networkId: network!.id, ipVersion: 4, cidr: '10.79.0.0/24' }]);
      const [outside] = await networks.networks.list(subject, { filters: { name: ['public'] } });
      const [one, two] = await Promise.all([boot('one', network!.id), boot('two', network!.id)]);
      // Members take in what comes from their router.
      await networks.securityGroupRules.create(subject, [
        {
          securityGroupId: defaultGroupId(subject.projectId!),
          ...{ direction: 'ingress', protocol: 'tcp', portRangeMin: 8080, portRangeMax: 8080 },
        },
      ]);
      const portOf = async (server: string) => (await networks.portIdsOf(server))[0]!;
      const vip = await eips.createVip(subject, { name: 'vip', networkId: outside!.id });
      const balancer = await loadBalancers.create(subject, { name: 'web', floatingIpId: vip.id });
      const listener = await loadBalancers.listeners.create(subject, {
        ...{ name: 'http', loadBalancerId: balancer, protocol: 'http', port: 80, memberPort: 8080 },
        settings: { ...usualSettings, monitor: { interval: 1, timeout: 2, rise: 1, fall: 2 } },
      });
      const ports = [{ portId: await portOf(one) }, { portId: await portOf(two) }];
      await loadBalancers.listeners.addMembers(subject, listener, { ports });

      // By the cable to the router alone: once it is gone, nobody outside this machine is asked.
      const cable = async () => {
        const { stdout } = await run('ip', ['-json', 'route', 'get', vip.address]);
        return (JSON.parse(stdout) as Array<{ dev: string; gateway?: string }>)[0]!;
      };
      await expect.poll(async () => (await cable()).gateway, { timeout: bootTimeout }).toBe(undefined);
      const { dev } = await cable();
      const ask = () =>
        run('curl', ['-s', '-m', '4', '--interface', dev, `http://${vip.address}/`]).then(
          ({ stdout }) => (stdout.startsWith('<') ? 'nobody' : stdout.trim()),
          () => 'nothing',
        );
      const answers = async (count = 4) => {
        const heard: string[] = [];
        for (let i = 0; i < count; i += 1) heard.push(await ask());
        return heard.sort();
      };
      const eventually = (...expected: string[]) =>
        expect.poll(() => answers(expected.length), { timeout: bootTimeout, interval: 250 }).toEqual(expected);
      await eventually('one', 'one', 'two', 'two');

      // One stops: its health checks fail, and the other one gets all.
      await done(await servers.stop(subject, one));
      await eventually('two', 'two', 'two', 'two');

      // The control plane dies: what serves goes on, and is found again.
      await opened.close();
      expect(await answers()).toEqual(['two', 'two', 'two', 'two']);
      opened = await open();
      await done(await opened.cloud.servers.start(subject, one));
      await eventually('one', 'one', 'two', 'two');

      // A server that is deleted is a member no more.
      await done(await opened.cloud.servers.delete(subject, two));
      await eventually('one', 'one', 'one');
      const members = () => opened.cloud.db.read.selectFrom('load_balancer_members').select('port_id').execute();
      expect(await members()).toEqual([{ port_id: ports[0]!.portId }]);

      await opened.cloud.loadBalancers.listeners.removeMembers(subject, listener, [ports[0]!.portId]);
      await eventually('nothing');
      await opened.cloud.loadBalancers.delete(subject, balancer);
      await opened.cloud.eips.deleteVip(subject, vip.id);
      const balanced = async () =>
        (await host().inventory()).networkDevices.filter((name) => name.startsWith('balancers of'));
      await expect.poll(balanced, { timeout: 30_000 }).toEqual([]);
      await done(await opened.cloud.servers.delete(subject, one));
      await expect.poll(async () => (await host().inventory()).networkDevices, { timeout: 90_000 }).toEqual([]);
    },
    2 * bootTimeout,
  );
});
