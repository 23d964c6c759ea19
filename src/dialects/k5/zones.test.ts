import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { operator } from '../../cloud/identity/subject.ts';
import { computeDialects } from '../openstack/compute/compute.ts';
import { ComputeApi } from '../openstack/compute/test-compute-api.ts';
import { volume } from '../openstack/volume/volume.ts';
import { k5Dialects } from './k5.ts';

let api: ComputeApi;
let base: string;

/** Four hosts: two in each of two zones. */
beforeAll(async () => {
  api = await ComputeApi.start([...computeDialects, volume, ...k5Dialects], {}, 4, ['tokyo', 'osaka']);
  base = `/v2/${api.projectId}`;
});
afterAll(() => api.stop());

const nova = '/compute/v2.1';

async function hostsOf(zone: string): Promise<string[]> {
  const { body } = await api.call('GET', `${nova}/os-availability-zone/detail`);
  const found = body.availabilityZoneInfo.find(({ zoneName }: { zoneName: string }) => zoneName === zone);
  return Object.keys(found?.hosts ?? {}).sort();
}

async function placeOf(id: string): Promise<{ host: string; zone: string }> {
  const { server } = (await api.call('GET', `${nova}/servers/${id}`)).body;
  return { host: server['OS-EXT-SRV-ATTR:host'], zone: server['OS-EXT-AZ:availability_zone'] };
}

async function k5Server(zone: string, more: object = {}): Promise<string> {
  const server = { name: 'one', imageRef: api.imageId, flavorRef: '42', availability_zone: zone, ...more };
  const made = await api.call('POST', `${base}/servers`, { body: { server } });
  expect(made, JSON.stringify(made.body)).toMatchObject({ status: 202 });
  await api.settled(made.body.server.id);
  return made.body.server.id;
}

async function drop(...ids: string[]): Promise<void> {
  for (const id of ids) expect((await api.call('DELETE', `${nova}/servers/${id}`)).status).toBe(204);
  await vi.waitFor(async () => expect((await api.call('GET', `${nova}/servers`)).body.servers).toEqual([]), {
    timeout: 30_000,
  });
}

describe('hosts in zones', () => {
  it('are where the operator said, and so are servers and volumes that name a zone', async () => {
    expect(await hostsOf('tokyo')).toEqual(['simulated', 'simulated-3']);
    expect(await hostsOf('osaka')).toEqual(['simulated-2', 'simulated-4']);
    expect(await hostsOf('nova')).toEqual([]);
    const ids: string[] = [];
    for (const zone of ['tokyo', 'osaka', 'osaka']) {
      const id = await k5Server(zone);
      ids.push(id);
      const place = await placeOf(id);
      expect(place.zone).toBe(zone);
      expect(await hostsOf(zone)).toContain(place.host);
    }
    // There is none of the first name, and none of the others has hosts, or hosts that take anything.
    await api.unkai.cloud.zones.ensure('kobe');
    const closed = (await api.unkai.cloud.zones.byName('osaka'))!.id;
    for (const zone of ['nagoya', 'kobe', 'osaka']) {
      if (zone === 'osaka') await api.unkai.cloud.zones.changes.setZoneEnabled(closed, false);
      const server = { name: 'x', imageRef: api.imageId, flavorRef: '42', availability_zone: zone };
      const refused = await api.call('POST', `${base}/servers`, { body: { server } });
      expect(refused, zone).toMatchObject({ status: 400, body: { badRequest: { code: 400 } } });
      const volume = { name: 'x', size: 1, availability_zone: zone };
      expect((await api.call('POST', `${base}/volumes`, { body: { volume } })).status, zone).toBe(400);
    }
    await api.unkai.cloud.zones.changes.setZoneEnabled(closed, true);
    const made = await api.call('POST', `${base}/volumes`, {
      body: { volume: { name: 'v', size: 1, availability_zone: 'osaka' } },
    });
    const { id: volumeId } = made.body.volume;
    await vi.waitFor(
      async () =>
        expect((await api.call('GET', `${base}/volumes/${volumeId}`)).body.volume).toMatchObject({
          status: 'available',
          availability_zone: 'osaka',
        }),
      { timeout: 30_000 },
    );
    const disk = await api.unkai.cloud.db.read
      .selectFrom('volumes')
      .innerJoin('hosts', 'hosts.id', 'volumes.host_id')
      .select('hosts.name')
      .where('volumes.id', '=', volumeId.replaceAll('-', ''))
      .executeTakeFirstOrThrow();
    expect(await hostsOf('osaka')).toContain(disk.name);
    const refused = await api.call('POST', `${nova}/servers/${ids[0]}/os-volume_attachments`, {
      body: { volumeAttachment: { volumeId } },
    });
    expect(refused.status).toBe(400);
    expect(refused.body.badRequest.message).toContain('availability zone');
    expect((await api.call('DELETE', `${base}/volumes/${volumeId}`)).status).toBe(202);
    await vi.waitFor(async () => expect((await api.call('GET', `${base}/volumes/${volumeId}`)).status).toBe(404), {
      timeout: 30_000,
    });
    await drop(...ids);
  });

  it('keep their servers: these move within their zone, whether they named it or not', async () => {
    const id = await api.server();
    const { host, zone } = await placeOf(id);
    for (let round = 0; round < 2; round += 1) {
      expect((await api.act(id, { migrate: null })).status).toBe(202);
      expect((await api.act(id, { confirmResize: null })).status).toBe(204);
      expect((await placeOf(id)).zone).toBe(zone);
    }
    expect((await placeOf(id)).host).toBe(host);
    const [stranger] = await hostsOf(zone === 'tokyo' ? 'osaka' : 'tokyo');
    const away = await api.act(id, { migrate: { host: stranger } }, { version: '2.56' });
    expect(away.status).toBe(202);
    expect(await placeOf(id)).toEqual({ host, zone });
    await drop(id);
  });

  it('come to the zone of their aggregate, and go back, unless they have servers', async () => {
    const act = (number: number, body: object) => api.call('POST', `${nova}/os-aggregates/${number}/action`, { body });
    const create = async (name: string, availability_zone?: string): Promise<number> => {
      const made = await api.call('POST', `${nova}/os-aggregates`, {
        body: { aggregate: { name, availability_zone } },
      });
      return made.body.aggregate.id;
    };
    const host = 'simulated-3';
    const first = await create('first', 'kobe');
    expect((await act(first, { add_host: { host } })).status).toBe(200);
    expect(await hostsOf('kobe')).toEqual([host]);
    expect(await hostsOf('tokyo')).toEqual(['simulated']);

    const second = await create('second', 'nara');
    const taken = await act(second, { add_host: { host } });
    expect(taken.status).toBe(409);
    expect(taken.body.conflictingRequest.message).toContain('One or more hosts already in availability zone(s) kobe');
    expect((await api.call('GET', `${nova}/os-aggregates/${second}`)).body.aggregate.hosts).toEqual([]);

    const id = await k5Server('kobe');
    expect(await placeOf(id)).toEqual({ host, zone: 'kobe' });
    const full = await act(first, { remove_host: { host } });
    expect(full.status).toBe(409);
    expect(full.body.conflictingRequest.message).toContain('One or more hosts contain instances in this zone');
    const renamed = await act(first, { set_metadata: { metadata: { availability_zone: 'himeji' } } });
    expect(renamed.status).toBe(400);
    expect(await hostsOf('kobe')).toEqual([host]);
    await drop(id);

    expect((await act(first, { set_metadata: { metadata: { availability_zone: 'himeji' } } })).status).toBe(200);
    expect(await hostsOf('himeji')).toEqual([host]);
    expect((await act(first, { remove_host: { host } })).status).toBe(200);
    expect(await hostsOf('tokyo')).toEqual(['simulated', host]);
    expect(await hostsOf('himeji')).toEqual([]);
    for (const number of [first, second])
      expect((await api.call('DELETE', `${nova}/os-aggregates/${number}`)).status).toBe(200);
  });
});

describe('quotas of one zone', () => {
  it('hold there, beside those of all zones together', async () => {
    const sets = `${nova}/os-quota-sets/${api.projectId}`;
    const inOsaka = '?availability_zone=osaka';
    const common = (await api.call('GET', sets)).body.quota_set;
    expect((await api.call('PUT', sets + inOsaka, { body: { quota_set: { instances: 1, ram: -1 } } })).status).toBe(
      200,
    );
    const other = await api.call('PUT', sets + inOsaka, { body: { quota_set: { server_groups: 1 } } });
    expect(other.status).toBe(400);
    expect((await api.call('GET', `${base}/os-quota-sets/${api.projectId}${inOsaka}`)).body.quota_set).toMatchObject({
      instances: 1,
      cores: common.cores,
      ram: -1,
    });
    expect((await api.call('GET', sets)).body.quota_set).toEqual(common);
    const id = await k5Server('osaka');
    const server = { name: 'two', imageRef: api.imageId, flavorRef: '42', availability_zone: 'osaka' };
    const over = await api.call('POST', `${base}/servers`, { body: { server } });
    expect(over.status).toBe(403);
    expect(over.body.forbidden.message).toContain(
      'Quota exceeded for instances: Requested 1, but already used 1 of 1 instances',
    );
    const elsewhere = await k5Server('tokyo');
    const used = async (query: string) => (await api.call('GET', `${base}/limits${query}`)).body.limits.absolute;
    expect(await used(inOsaka)).toMatchObject({ maxTotalInstances: 1, totalInstancesUsed: 1 });
    expect(await used('?availability_zone=tokyo')).toMatchObject({ totalInstancesUsed: 1 });
    expect(await used('')).toMatchObject({ maxTotalInstances: common.instances, totalInstancesUsed: 2 });
    expect((await api.call('GET', `${base}/limits?availability_zone=nagoya`)).status).toBe(400);
    expect((await api.call('DELETE', sets + inOsaka)).status).toBe(202);
    await drop(id, elsewhere, await k5Server('osaka'));
  });
});

describe('key pairs and server groups', () => {
  const publicKey =
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl hanako@example.com';
  const newKey = (keypair: object) =>
    api.call('POST', `${base}/os-keypairs`, { body: { keypair: { public_key: publicKey, ...keypair } } });
  const newGroup = (server_group: object) =>
    api.call('POST', `${base}/os-server-groups`, {
      body: { server_group: { policies: ['anti-affinity'], ...server_group } },
    });
  const refused = async (zone: string, more: object, hints?: object) => {
    const server = { name: 'x', imageRef: api.imageId, flavorRef: '42', availability_zone: zone, ...more };
    const made = await api.call('POST', `${base}/servers`, {
      body: { server, ...(hints ? { 'os:scheduler_hints': hints } : {}) },
    });
    expect(made, JSON.stringify(made.body)).toMatchObject({ status: 400, body: { badRequest: { code: 400 } } });
    return made.body.badRequest.message as string;
  };

  it('are for servers of their zone, which follows from the domain where none is named', async () => {
    const made = await newKey({ name: 'mine', availability_zone: 'osaka' });
    expect(made.status).toBe(200);
    expect(Object.keys(made.body.keypair).toSorted()).toEqual(['fingerprint', 'name', 'public_key', 'user_id']);
    const id = await k5Server('osaka', { key_name: 'mine' });
    expect(await refused('tokyo', { key_name: 'mine' })).toContain('another availability zone');

    expect((await newKey({ name: 'usual' })).status).toBe(200);
    const usual = await api.server({ key_name: 'usual' });
    const { zone } = await placeOf(usual);
    const other = zone === 'tokyo' ? 'osaka' : 'tokyo';
    expect(await refused(other, { key_name: 'usual' })).toContain('Invalid key_name provided.');

    // Nova's own have no zone.
    const everywhere = { keypair: { name: 'everywhere', public_key: publicKey } };
    expect((await api.call('POST', `${nova}/os-keypairs`, { body: everywhere })).status).toBe(200);
    const ids = [
      await k5Server('osaka', { key_name: 'everywhere' }),
      await k5Server('tokyo', { key_name: 'everywhere' }),
    ];
    expect((await newKey({ name: 'lost', availability_zone: 'nagoya' })).status).toBe(400);
    expect((await newKey({ name: 'mine', availability_zone: 'tokyo' })).status).toBe(409);
    const { keypairs } = (await api.call('GET', `${base}/os-keypairs`)).body;
    const names = keypairs.map(({ keypair }: { keypair: { name: string } }) => keypair.name);
    expect(names).toEqual(['everywhere', 'mine', 'usual']);
    await drop(id, usual, ...ids);
    for (const name of names) expect((await api.call('DELETE', `${base}/os-keypairs/${name}`)).status).toBe(202);
  });

  it('keep apart servers of their zone, and take none of another', async () => {
    const made = await newGroup({ name: 'replicas', availability_zone: 'osaka' });
    expect(made).toMatchObject({
      status: 200,
      body: { server_group: { name: 'replicas', policies: ['anti-affinity'], members: [], metadata: {} } },
    });
    const { id: group } = made.body.server_group;
    expect(await refused('tokyo', {}, { group })).toContain('in the availability zone of the server');
    const server = { name: 'one', imageRef: api.imageId, flavorRef: '42', availability_zone: 'osaka' };
    const ids: string[] = [];
    for (let index = 0; index < 3; index += 1) {
      const { body } = await api.call('POST', `${base}/servers`, { body: { server, 'os:scheduler_hints': { group } } });
      ids.push(body.server.id);
    }
    const states = async () => {
      const shown = await Promise.all(ids.map((id) => api.call('GET', `${base}/servers/${id}`)));
      return shown.map(({ body }) => body.server.status).toSorted();
    };
    // There are two hosts in the zone: the third was accepted, and comes nowhere.
    await expect.poll(states).toEqual(['ACTIVE', 'ACTIVE', 'ERROR']);
    await drop(...ids);
    expect((await api.call('DELETE', `${base}/os-server-groups/${group}`)).status).toBe(204);

    for (const wrong of [
      { name: ' blank' },
      { name: 'blank ' },
      { name: '' },
      { name: 'x', policies: [] },
      { name: 'x', policies: ['soft-affinity'] },
      { name: 'x', availability_zone: 'nagoya' },
    ])
      expect((await newGroup(wrong)).status, JSON.stringify(wrong)).toBe(400);
    expect((await newGroup({ name: 'x' })).status).toBe(200);
  });

  it('hold in all zones when theirs is deleted', async () => {
    const { zones, keypairs, servers } = api.unkai.cloud;
    const subject = operator();
    const zoneId = await zones.changes.createZone({ name: 'short-lived' });
    await keypairs.create(subject, { name: 'kept', publicKey, zoneId });
    const group = await servers.groups.create(
      { ...subject, projectId: api.projectId },
      { name: 'kept', policy: 'affinity', zoneId },
    );
    await zones.changes.deleteZone(zoneId);
    expect((await keypairs.get(subject, 'kept')).zoneId).toBeNull();
    expect((await servers.groups.get(subject, group.id)).zoneId).toBeNull();
  });
});
