import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSimulatedHost } from '../../agent/hypervisor/simulated/simulated-host.ts';
import { openSqlite } from '../../database/sqlite.ts';
import { realEnv } from '../../env/real.ts';
import { operator } from '../identity/subject.ts';
import { openCloud } from '../open-cloud.ts';
import { defaultSettings } from '../settings.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const env = realEnv();
let requests = 0;
const subject = () => operator(`req-00000000-0000-4000-8000-${String(++requests).padStart(12, '0')}`);

/** A cloud of three hosts that are all the same. */
async function openThreeHosts() {
  const folder = await mkdtemp(join(tmpdir(), 'unkai-groups-'));
  const db = await openSqlite(':memory:');
  const hosts = await Promise.all(
    ['a', 'b', 'c'].map(async (name) => ({ name, agent: await openSimulatedHost({ env }) })),
  );
  const { cloud, close } = await openCloud({
    db,
    env,
    log: silent,
    settings: defaultSettings,
    hosts,
    imageDirectory: folder,
    adminPassword: 'secret',
  });
  return {
    cloud,
    async [Symbol.asyncDispose]() {
      await close();
      await db.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

test('servers come into a group and leave it later, where its policy has them; a disabled one decides nothing', async () => {
  await using opened = await openThreeHosts();
  const { cloud } = opened;
  const { groups } = cloud.servers;
  const zone = (await cloud.zones.default()).id;
  const [apart, other] = await Promise.all(
    ['apart', 'other'].map((name) => groups.create(subject(), { name, policy: 'anti-affinity', zoneId: zone })),
  );
  const server = async (name: string) => {
    const [made] = await cloud.servers.create(subject(), {
      ...{ name, flavorId: '42', networks: 'none', securityGroups: [] },
      blockDevices: [{ bootIndex: 0, source: 'blank', destination: 'volume', sizeGb: 1, deleteOnTermination: true }],
    });
    await cloud.runner.wait(made!.actionId, { timeoutMs: 60_000 });
    return made!.server.id;
  };
  const [one, two, three] = [await server('one'), await server('two'), await server('three')];
  const hostOf = async (id: string) => (await cloud.hosts.allocations({ serverId: id }))[0]!.hostId;
  await groups.add(subject(), apart!.id, one);
  await groups.add(subject(), apart!.id, one);
  expect((await groups.get(subject(), apart!.id)).memberIds).toEqual([one]);
  await expect(groups.add(subject(), other!.id, one)).rejects.toMatchObject({ details: { reason: 'other_group' } });
  await cloud.db.write(async (tx) => {
    const place = { host_id: await hostOf(one) };
    await tx.updateTable('allocations').set(place).where('server_id', '=', two).execute();
  });
  await expect(groups.add(subject(), apart!.id, two)).rejects.toMatchObject({ details: { reason: 'group_policy' } });
  expect((await groups.get(subject(), apart!.id)).memberIds).toEqual([one]);
  expect(await groups.remove(subject(), apart!.id, one)).toBe(true);
  expect(await groups.remove(subject(), apart!.id, one)).toBe(false);
  await groups.add(subject(), apart!.id, two);

  await groups.update(subject(), apart!.id, { enabled: false, description: 'off' });
  expect(await groups.get(subject(), apart!.id)).toMatchObject({ enabled: false, description: 'off' });
  await expect(groups.add(subject(), apart!.id, three)).rejects.toMatchObject({
    details: { reason: 'server_group_disabled' },
  });
  expect(await cloud.db.write((tx) => groups.neighbours(tx, two))).toBe(undefined);
  await groups.update(subject(), apart!.id, { enabled: true });
  expect(await cloud.db.write((tx) => groups.neighbours(tx, two))).toMatchObject({
    policy: 'anti-affinity',
    hostIds: [],
  });
  await expect(groups.add(subject(), 'f'.repeat(32), three)).rejects.toMatchObject({ code: 'not_found' });
  await expect(groups.add(subject(), apart!.id, 'f'.repeat(32))).rejects.toMatchObject({ code: 'not_found' });
});

test('groups keep servers together or apart when hosts are chosen', async () => {
  await using opened = await openThreeHosts();
  const { cloud } = opened;
  const need = { vcpus: 1, memoryMb: 64, diskGb: 0 };
  const { id: zoneId } = await cloud.zones.default();
  let count = 0;
  const place = async (groupId: string) => {
    const serverId = String(++count).padStart(32, '0');
    await cloud.db.write((tx) => cloud.servers.groups.join(tx, subject(), groupId, { serverId, zoneId }));
    return await cloud.hosts.allocate(serverId, 'current', need, {
      neighboursOf: (tx) => cloud.servers.groups.neighbours(tx, serverId),
    });
  };
  const group = async (policy: Parameters<typeof cloud.servers.groups.create>[1]['policy']) =>
    (await cloud.servers.groups.create(subject(), { name: policy, policy })).id;

  const apart = await group('anti-affinity');
  const hosts = await Promise.all([place(apart), place(apart), place(apart)]);
  expect(new Set(hosts).size).toBe(3);
  await expect(place(apart)).rejects.toMatchObject({
    code: 'no_valid_host',
    message: expect.stringMatching(/3 hosts.* have another one of its group/),
  });

  const inPairs = { name: 'pairs', policy: 'anti-affinity', maxPerHost: 2 } as const;
  const pairs = (await cloud.servers.groups.create(subject(), inPairs)).id;
  const six = [await place(pairs), await place(pairs), await place(pairs)];
  six.push(await place(pairs), await place(pairs), await place(pairs));
  expect([...Map.groupBy(six, (host) => host).values()].map(({ length }) => length)).toEqual([2, 2, 2]);
  await expect(place(pairs)).rejects.toMatchObject({ message: expect.stringContaining('have 2 others of its group') });
  const wrong = cloud.servers.groups.create(subject(), { name: 'x', policy: 'affinity', maxPerHost: 2 });
  await expect(wrong).rejects.toMatchObject({ code: 'invalid' });

  const together = await group('affinity');
  expect(new Set([await place(together), await place(together), await place(together)]).size).toBe(1);

  const softlyApart = await group('soft-anti-affinity');
  const four = [await place(softlyApart), await place(softlyApart), await place(softlyApart), await place(softlyApart)];
  expect(new Set(four).size).toBe(3);

  const softlyTogether = await group('soft-affinity');
  expect(new Set([await place(softlyTogether), await place(softlyTogether)]).size).toBe(1);

  const unknown = cloud.db.write((tx) =>
    cloud.servers.groups.join(tx, subject(), 'f'.repeat(32), { serverId: 'x', zoneId }),
  );
  await expect(unknown).rejects.toMatchObject({ code: 'invalid' });
  expect((await cloud.servers.groups.list(subject())).map(({ name }) => name)).toEqual([
    'anti-affinity',
    'pairs',
    'affinity',
    'soft-anti-affinity',
    'soft-affinity',
  ]);
  await cloud.servers.groups.delete(subject(), apart);
  await expect(cloud.servers.groups.get(subject(), apart)).rejects.toMatchObject({ code: 'not_found' });
});

test('quotas limit how many groups a project has, and how many servers a group', async () => {
  await using opened = await openThreeHosts();
  const { cloud } = opened;
  const who = subject();
  await cloud.quotas.setLimits({ ...who, isAdmin: true }, who.projectId!, {
    server_groups: 1,
    server_group_members: 1,
  });
  const { id } = await cloud.servers.groups.create(who, { name: 'only', policy: 'affinity' });
  const second = cloud.servers.groups.create(who, { name: 'second', policy: 'affinity' });
  await expect(second).rejects.toMatchObject({ code: 'quota_exceeded', details: { reason: 'server_groups' } });
  const { id: zoneId } = await cloud.zones.default();
  const join = (serverId: string) =>
    cloud.db.write((tx) => cloud.servers.groups.join(tx, who, id, { serverId, zoneId }));
  await join('1'.repeat(32));
  await expect(join('2'.repeat(32))).rejects.toMatchObject({
    code: 'quota_exceeded',
    details: { reason: 'server_group_members' },
  });
});
