import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { QemuHost } from '../../../agent/hypervisor/qemu/qemu-host.ts';
import { SerialShell } from '../../../agent/hypervisor/qemu/serial-shell.fixture.ts';
import { noTunnels } from '../../../agent/network/bridge/network-bench.fixture.ts';
import { type OpenedUnkai, openUnkai } from '../../../assembly/open-unkai.ts';
import { ensureTinyLinux, tinyLinuxId } from '../../../assembly/tinylinux.ts';
import { auditCloud, isSound } from '../../audit/audit.ts';
import { operator, type Subject } from '../../identity/subject.ts';
import { defaultGroupId } from '../default-security-group.ts';

const run = promisify(execFile);
const bootTimeout = 300_000;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** Hosts with networks of their own, as on several machines: what joins them is VXLAN. */
describe.skipIf(noTunnels !== undefined)('real guests on hosts that are joined by tunnels', () => {
  let folder: string;
  let opened: OpenedUnkai;
  let networkId: string;

  const subject = (): Subject => operator('req-test');
  const networks = () => opened.cloud.networks;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unkai-real-tunnels-'));
    opened = await openUnkai({
      ...{ dataDir: folder, hypervisor: 'qemu', hosts: 2, network: 'bridge', hostNetworks: 'vxlan' },
      ...{ adminPassword: 'secret', log: silent },
    });
    await ensureTinyLinux(opened.cloud, { cacheDir: resolve(import.meta.dirname, '../../../../var/cache') });
  }, bootTimeout);

  afterAll(async () => {
    await opened.close();
    await rm(folder, { recursive: true, force: true });
  }, bootTimeout);

  const ended = async ({ actionId }: { actionId?: string }) => {
    expect(await opened.cloud.runner.wait(actionId!, { timeoutMs: bootTimeout })).toEqual({ state: 'succeeded' });
  };
  const agentOf = async (serverId: string): Promise<QemuHost> => {
    const { hostId } = await opened.cloud.servers.get(subject(), serverId);
    return opened.cloud.hosts.agent(hostId!) as QemuHost;
  };
  const boot = async (name: string, hostId: string): Promise<string> => {
    const flavors = await opened.cloud.flavors.list(subject(), {});
    const flavor = flavors.filter(({ memoryMb }) => memoryMb >= 96).sort((a, b) => a.memoryMb - b.memoryMb)[0]!;
    const wanted = { name, hostId, flavorId: flavor.id, imageId: tinyLinuxId, networks: [{ networkId }] };
    const [made] = await opened.cloud.servers.create(subject(), { ...wanted, securityGroups: [] });
    await ended(made!);
    return made!.server.id;
  };
  const isUp = async (serverId: string) => {
    const log = async () => (await agentOf(serverId)).consoleLog(serverId);
    await expect.poll(log, { timeout: bootTimeout, interval: 100 }).toContain('TinyLinux ready');
  };
  const inGuest = async (serverId: string, command: string): Promise<string> => {
    const shell = new SerialShell(await (await agentOf(serverId)).connectConsole(serverId, 'serial'));
    try {
      return await shell.run(command);
    } finally {
      shell.close();
    }
  };
  const reaches = (serverId: string, address: string) =>
    expect
      .poll(async () => inGuest(serverId, `ping -c 1 -W 2 ${address} >/dev/null && echo reached`))
      .toContain('reached');
  const addressOf = async (serverId: string) =>
    (await networks().addressesOf([serverId])).get(serverId)!.find(({ kind }) => kind === 'fixed')!;
  const answers = (address: string) =>
    expect
      .poll(
        () =>
          run('/bin/busybox', ['ping', '-c', '1', '-W', '2', address]).then(
            () => true,
            () => false,
          ),
        {
          timeout: 60_000,
        },
      )
      .toBe(true);

  test(
    'reach each other, are reached by floating IPs from a router elsewhere, move while they run, and leave nothing',
    async () => {
      const [network] = await networks().networks.create(subject(), [{ name: 'web' }]);
      networkId = network!.id;
      const [subnet] = await networks().subnets.create(subject(), [{ networkId, ipVersion: 4, cidr: '10.78.0.0/24' }]);
      const [external] = await networks().networks.list(subject(), { filters: { name: ['public'] } });
      const [router] = await networks().routers.create(subject(), [{ gateway: { networkId: external!.id } }]);
      await networks().routerInterfaces.add(subject(), router!.id, { subnetId: subnet!.id });
      const [firstHost, secondHost] = [...opened.cloud.hosts.agents.keys()];
      const [one, two] = await Promise.all([boot('one', firstHost!), boot('two', secondHost!)]);
      await networks().securityGroupRules.create(subject(), [
        { securityGroupId: defaultGroupId(subject().projectId!), direction: 'ingress', protocol: 'icmp' },
      ]);
      await Promise.all([isUp(one), isUp(two)]);
      const [first, second] = [await addressOf(one), await addressOf(two)];
      await reaches(one, second.address);
      await reaches(two, first.address);
      for (const guest of [one, two]) {
        const told = await inGuest(guest, 'wget -q -O - http://169.254.169.254/latest/meta-data/local-ipv4; echo');
        expect(told.trim()).toBe((await addressOf(guest)).address);
      }
      const floating = await Promise.all(
        [first, second].map(async ({ portId }) => {
          const association = { portId };
          return (await networks().floatingIps.create(subject(), [{ networkId: external!.id, association }]))[0]!;
        }),
      );
      for (const { address } of floating) await answers(address);

      await ended(await opened.cloud.servers.liveMigrate(subject(), two, { hostId: firstHost! }));
      await reaches(one, second.address);
      await answers(floating[1]!.address);
      const deleted = await Promise.all([one, two].map((id) => opened.cloud.servers.delete(subject(), id)));
      await Promise.all(deleted.map(ended));
      const left = async () =>
        (await Promise.all(opened.agents.map(({ agent }) => agent.inventory()))).flatMap((host) => host.networkDevices);
      await expect.poll(left, { timeout: 60_000, interval: 500 }).toEqual([]);
      expect(isSound(await auditCloud(opened.cloud))).toBe(true);
    },
    3 * bootTimeout,
  );
});
