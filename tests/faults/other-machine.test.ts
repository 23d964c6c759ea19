import { afterAll, beforeAll, expect, test } from 'vitest';
import { folderOf } from '../../src/agent/far/ssh/agent-folder.ts';
import { NetworkNames } from '../../src/agent/network/bridge/names.ts';
import type { OpenStackClient } from '../../src/cli/clients/openstack-client.ts';
import type { ZStackClient } from '../../src/cli/clients/zstack-client.ts';
import { auditCloud } from '../../src/cloud/audit/audit.ts';
import { TestCloud } from '../support/cloud.ts';
import { hasOtherMachines, OtherMachine } from '../support/other-machine.ts';

const minutes = 60_000;
/** Without hardware virtualisation a guest takes its time, more so beside other work. */
const patience = { timeout: 3 * minutes, interval: 200 };

let machine: OtherMachine;
let cloud: TestCloud;
let admin: OpenStackClient;
let zstack: ZStackClient;

beforeAll(async () => {
  if (!hasOtherMachines) return;
  machine = await OtherMachine.start();
  const settings = { shutdownGrace: 5 };
  cloud = await TestCloud.start({ hypervisor: 'qemu', tinyLinux: true, tunnelAddress: machine.here, settings });
  admin = await cloud.openstack();
  zstack = await cloud.zstack();
}, 3 * minutes);
afterAll(async () => {
  await cloud?.close();
  await machine?.[Symbol.asyncDispose]();
}, minutes);

const hostNamed = async (name: string) =>
  (await zstack.call('GET', `/hosts?q=name=${name}`))['inventories'][0] as Record<string, unknown> | undefined;
const server = async (id: string) => (await admin.get(`/compute/v2.1/servers/${id}`)).server;
const act = (id: string, action: object) => admin.call('POST', `/compute/v2.1/servers/${id}/action`, action);
const logOf = async (id: string): Promise<string> => (await act(id, { 'os-getConsoleOutput': {} })).output;
const settled = (id: string, status: string) =>
  expect
    .poll(async () => {
      const { status: now, 'OS-EXT-STS:task_state': task, fault } = await server(id);
      return task === null ? (now === 'ERROR' ? JSON.stringify(fault) : now) : task;
    }, patience)
    .toBe(status);
const saidBy = (id: string, words: RegExp) => expect.poll(() => logOf(id), patience).toMatch(words);
const ticksOf = async (id: string) => [...(await logOf(id)).matchAll(/tick (\d+)/g)].map(([, count]) => Number(count));

async function create(name: string, host: string, script = ''): Promise<{ id: string; address: string }> {
  const { flavors } = await admin.get('/compute/v2.1/flavors');
  const { images } = await admin.get('/image/v2/images');
  const { networks } = await admin.get('/network/v2.0/networks?router:external=false');
  const wanted = {
    name,
    flavorRef: flavors.find((one: { name: string }) => one.name === 'm1.nano').id,
    imageRef: images[0].id,
    networks: [{ uuid: networks[0].id }],
    availability_zone: `nova:${host}`,
    user_data: Buffer.from(script).toString('base64'),
  };
  const { id } = (await admin.post('/compute/v2.1/servers', { server: wanted })).server;
  await settled(id, 'ACTIVE');
  const [addresses] = Object.values((await server(id)).addresses as Record<string, Array<{ addr: string }>>);
  return { id, address: addresses![0]!.addr };
}

test.runIf(hasOtherMachines)(
  'another machine becomes a host, has guests on the cloud’s networks, is lost and found, and is left as it was',
  async () => {
    const [{ uuid: clusterUuid }] = (await zstack.call('GET', '/clusters'))['inventories'];
    const wanted = { name: 'far', managementIp: machine.address, clusterUuid, username: 'root' };
    const adding = (password: string) => zstack.call('POST', '/hosts/kvm', { params: { ...wanted, password } });
    await expect(adding('guess')).rejects.toThrow('the login is refused');
    expect(await hostNamed('far')).toBeUndefined();
    const traces = () =>
      [
        machine.run('ip', '-brief', 'link'),
        machine.run('nft', 'list', 'tables'),
        machine.run('sh', '-c', 'ls /var/lib/unkai; ls -a /root/.ssh 2>&1 || true'),
        machine.programs().join('\n'),
      ].join('\n');
    const untouched = traces();
    await adding(machine.password);
    const far = (await hostNamed('far'))!;
    expect(far).toMatchObject({ status: 'Connected', managementIp: machine.address, username: 'root', sshPort: 22 });
    await expect(adding(machine.password)).rejects.toThrow('There is a host of the name far');

    // Its guests are on the same network as others, ask for their metadata, and move while they run.
    const near = cloud.agents[0]!.name;
    const one = await create('one', near);
    const script = `#!/bin/sh\nuntil ping -c 1 -W 1 ${one.address}; do :; done; echo REACHED\ntick 0.2 &\n`;
    const two = await create('two', 'far', script);
    await saidBy(two.id, /REACHED[\s\S]*tick 5/);
    expect(machine.run('ls', '/var/lib/unkai')).toContain(String(far['uuid']));

    // Somebody takes another machine for it, whose login is the same.
    const update = (managementIp: string) =>
      zstack.call('PUT', `/hosts/kvm/${far['uuid']}/actions`, { updateKVMHost: { managementIp } });
    await using wrong = await OtherMachine.start();
    await expect(update(wrong.address)).rejects.toThrow('knows nothing of this host, which servers or volumes lie on');
    expect(wrong.run('ls', '/var/lib/unkai')).toBe('');
    expect(await hostNamed('far')).toMatchObject({ status: 'Connected', managementIp: machine.address });
    for (const host of [near, 'far']) {
      const before = (await ticksOf(two.id)).at(-1)!;
      await act(two.id, { 'os-migrateLive': { host, block_migration: true, disk_over_commit: false } });
      await settled(two.id, 'ACTIVE');
      expect((await server(two.id))['OS-EXT-SRV-ATTR:host']).toBe(host);
      await expect.poll(async () => (await ticksOf(two.id)).at(-1), patience).toBeGreaterThan(before + 10);
      const ticks = await ticksOf(two.id);
      expect(ticks).toEqual(ticks.map((_, index) => index + 1));
    }

    // The line is cut, and the agent killed: guests run on, and all is as it was when it is there again.
    const status = async () => (await hostNamed('far'))!['status'];
    machine.cut();
    await expect.poll(status, patience).toBe('Disconnected');
    machine.join();
    await expect.poll(status, patience).toBe('Connected');
    const agentPid = machine.run('pgrep', '-f', `agent.mjs --folder ${folderOf(String(far['uuid']))}`);
    const pids = agentPid.trim().split('\n').map(Number);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await expect.poll(status, patience).not.toBe('Connected');
    await expect.poll(status, patience).toBe('Connected');
    const last = (await ticksOf(two.id)).at(-1)!;
    await expect.poll(async () => (await ticksOf(two.id)).at(-1), patience).toBeGreaterThan(last);
    await cloud.restart();
    admin = await cloud.openstack();
    zstack = await cloud.zstack();
    await expect.poll(status, patience).toBe('Connected');

    // Its disks come over for an image, and what was stopped there goes back to where it was.
    await act(two.id, { createImage: { name: 'of-two' } });
    const copied = async () => (await admin.get('/image/v2/images?name=of-two')).images[0]?.status;
    await expect.poll(copied, patience).toBe('active');
    await settled(two.id, 'ACTIVE');
    await act(two.id, { 'os-stop': null });
    await settled(two.id, 'SHUTOFF');
    for (const ending of [{ confirmResize: null }, { revertResize: null }]) {
      await act(two.id, { migrate: null });
      await settled(two.id, 'VERIFY_RESIZE');
      await act(two.id, ending);
      await settled(two.id, 'SHUTOFF');
    }
    expect(await auditCloud(cloud.cloud)).toEqual([]);

    await expect(zstack.call('DELETE', `/hosts/${far['uuid']}`)).resolves.toBeDefined();
    expect(await hostNamed('far')).toBeUndefined();
    // Neither devices nor rules, programs, files nor keys; and nothing of its namespaces.
    await expect.poll(traces, patience).toBe(untouched);
    const { fabric } = new NetworkNames(`${folderOf(String(far['uuid']))}/host`);
    expect(machine.run('ls', '/run', '/run/netns')).not.toContain(fabric);
    const login = { address: machine.address, user: 'root', password: machine.password };
    const { host } = await admin.post('/unkai/v1/hosts', { name: 'again', ...login });
    expect(host).toMatchObject({ name: 'again', zone: 'nova', status: 'connected' });
    await admin.call('DELETE', `/unkai/v1/hosts/${host.id}`);
    await expect.poll(traces, patience).toBe(untouched);
    for (const { id } of [one, two]) await admin.call('DELETE', `/compute/v2.1/servers/${id}`);
    await expect.poll(async () => (await admin.get('/compute/v2.1/servers')).servers, patience).toEqual([]);
  },
  15 * minutes,
);
