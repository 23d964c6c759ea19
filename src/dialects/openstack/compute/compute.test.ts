import { hostname } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { computeDialects } from './compute.ts';
import { computeMicroversions } from './microversions.ts';
import { ComputeApi } from './test-compute-api.ts';

const base = '/compute/v2.1';
const newest = `2.${computeMicroversions.max.minor}`;

let api: ComputeApi;
let alice: string;
beforeAll(async () => {
  api = await ComputeApi.start(computeDialects);
  alice = await api.addMember('alice');
});
afterAll(() => api.stop());

const get = (path: string, options: { as?: string; version?: string } = {}) => api.call('GET', base + path, options);

describe('versions', () => {
  it('are told to everyone, also with a bad token', async () => {
    for (const path of ['/compute', '/compute/']) {
      const { status, body } = await api.call('GET', path, { as: 'nobody' });
      expect(status).toBe(200);
      expect(body.versions.map(({ id }: { id: string }) => id)).toEqual(['v2.0', 'v2.1']);
      expect(body.versions[1]).toMatchObject({ status: 'CURRENT', min_version: '2.1', version: newest });
    }
    const stale = await api.app.inject({ url: '/compute/v2.1/', headers: { 'x-auth-token': 'stale' } });
    expect(stale.json().version).toMatchObject({ id: 'v2.1', version: newest });
    expect((await api.call('GET', '/compute/v2', { as: 'nobody' })).body.version.id).toBe('v2.0');
  });

  it('are echoed in the headers, and refused out of their range', async () => {
    const plain = await get('/servers');
    expect(plain.headers).toMatchObject({
      'openstack-api-version': 'compute 2.1',
      'x-openstack-nova-api-version': '2.1',
      vary: 'OpenStack-API-Version, X-OpenStack-Nova-API-Version',
      'x-compute-request-id': expect.stringMatching(/^req-/),
    });
    expect((await get('/servers', { version: 'latest' })).headers['x-openstack-nova-api-version']).toBe(newest);
    const beyond = await get('/servers', { version: '2.999' });
    expect(beyond).toMatchObject({ status: 406, body: { computeFault: { code: 406 } } });
    expect((await get('/servers', { version: 'two' })).status).toBe(400);
  });

  it('are not a thing of version 2, which drops what it does not know', async () => {
    const server = {
      name: ' old ',
      imageRef: `http://x/images/${api.imageId}`,
      flavorRef: 42,
      surprise: 1,
      tags: ['a'],
    };
    const made = await api.call('POST', '/compute/v2/servers', { version: '2.999', body: { server } });
    expect(made.status).toBe(202);
    expect(made.headers['openstack-api-version']).toBeUndefined();
    await api.settled(made.body.server.id);
    const shown = await api.call('GET', `/compute/v2/${api.projectId}/servers/${made.body.server.id}`);
    expect(shown.body.server).toMatchObject({ name: 'old' });
    expect(shown.body.server.links[0].href).toContain(`/compute/v2/${api.projectId}/servers/`);
  });
});

describe('a project in the URL', () => {
  it("must be the token's, also for administrators", async () => {
    expect((await get(`/${alice}/servers`, { as: 'alice' })).status).toBe(200);
    for (const as of ['admin', 'nobody']) {
      const { status, body } = await get(`/${alice}/servers`, { as });
      expect(status).toBe(as === 'admin' ? 400 : 401);
      if (as === 'admin') expect(body.badRequest.message).toContain("doesn't match Context's project_id");
    }
  });
});

describe('flavors', () => {
  const names = async (query: string, as = 'admin') =>
    (await get(`/flavors?${query}`, { as })).body.flavors.map(({ name }: { name: string }) => name);

  it('are listed, filtered and paged', async () => {
    expect(await names('minRam=8000')).toEqual(['m1.large', 'm1.xlarge']);
    expect(await names('limit=1&sort_key=memory_mb')).toEqual(['m1.nano']);
    expect(await names('limit=1&marker=42&sort_key=memory_mb')).toEqual(['m1.micro']);
    for (const query of ['limit=x', 'minRam=x', 'marker=nope', 'is_public=perhaps', 'sort_key=x']) {
      expect((await get(`/flavors/detail?${query}`)).status, query).toBe(400);
    }
    const { body } = await get('/flavors/42', { as: 'alice' });
    expect(body.flavor).toMatchObject({ id: '42', ram: 128, disk: 1, swap: '', 'os-flavor-access:is_public': true });
    expect((await get('/flavors/nope')).status).toBe(404);
  });

  it('are made by administrators, with an id as clients know it', async () => {
    const flavor = { name: 'private', ram: 64, vcpus: 1, disk: '1', 'os-flavor-access:is_public': 'False' };
    expect((await api.call('POST', `${base}/flavors`, { as: 'alice', body: { flavor } })).status).toBe(403);
    const made = await api.call('POST', `${base}/flavors`, { body: { flavor } });
    const { id } = made.body.flavor;
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
    expect((await get(`/flavors/${id}`)).body.flavor.name).toBe('private');
    expect((await get(`/flavors/${id}`, { as: 'alice' })).status).toBe(404);
    expect(await names('is_public=None')).toContain('private');
    expect(await names('is_public=None', 'alice')).not.toContain('private');
    expect((await api.call('POST', `${base}/flavors`, { body: { flavor } })).status).toBe(409);
    const specs = `${base}/flavors/${id}/os-extra_specs`;
    const body = { extra_specs: { 'hw:x': 1 } };
    expect((await api.call('POST', specs, { body })).body).toEqual({ extra_specs: { 'hw:x': '1' } });
    const checked = await api.call('POST', specs, { body, version: '2.86' });
    expect(checked.body.badRequest.message).toMatch(/'hw:x' does not appear to be a valid extra spec/);
    expect((await api.call('PUT', `${specs}/hw:x`, { body: { 'hw:x': 'b' } })).body).toEqual({ 'hw:x': 'b' });
    expect((await api.call('GET', `${specs}/hw:x`)).body).toEqual({ 'hw:x': 'b' });
    expect((await api.call('DELETE', `${specs}/hw:x`)).status).toBe(200);
    expect((await api.call('DELETE', `${specs}/hw:x`)).status).toBe(404);
    expect((await api.call('DELETE', `${base}/flavors/${id}`)).status).toBe(202);
    expect((await get(`/flavors/${id}`)).status).toBe(404);
  });
});

describe('quotas and limits', () => {
  it('of classes lose those of the network, and tell those of server groups, from 2.50 on', async () => {
    const path = `${base}/os-quota-class-sets/default`;
    const shown = async (version: string) => (await api.call('GET', path, { version })).body.quota_class_set;
    expect(await shown('2.49')).toMatchObject({ id: 'default', floating_ips: -1, injected_files: 5 });
    expect(await shown('2.49')).not.toHaveProperty('server_groups');
    expect(await shown('2.50')).toMatchObject({ server_groups: -1, server_group_members: -1 });
    expect(await shown('2.50')).not.toHaveProperty('floating_ips');
    const set = (quota_class_set: object, version: string) =>
      api.call('PUT', path, { body: { quota_class_set }, version });
    const changed = await set({ server_groups: 11, floating_ips: 7 }, '2.49');
    expect(changed).toMatchObject({ status: 200, body: { quota_class_set: { floating_ips: 7 } } });
    expect(changed.body.quota_class_set).not.toHaveProperty('server_groups');
    expect((await set({ floating_ips: 8 }, '2.50')).status).toBe(400);
    expect(await shown('2.50')).toMatchObject({ server_groups: 11 });
    expect((await set({ server_groups: -1, floating_ips: -1 }, '2.1')).status).toBe(200);
  });

  it('of a class that is not the default one are kept, and count for nobody', async () => {
    const classes = async (name: string) => (await get(`/os-quota-class-sets/${name}`)).body.quota_class_set;
    const before = await classes('default');
    expect(await classes('gold')).toEqual({ ...before, id: 'gold' });
    const body = { quota_class_set: { ram: 99 } };
    const changed = await api.call('PUT', `${base}/os-quota-class-sets/gold`, { body });
    expect(changed).toMatchObject({ status: 200, body: { quota_class_set: { ram: 99 } } });
    expect(await classes('gold')).toEqual({ ...before, id: 'gold', ram: 99 });
    expect(await classes('default')).toEqual(before);
    expect((await get(`/os-quota-sets/${alice}`)).body.quota_set.ram).toBe(before.ram);
  });

  it('are shown, set and taken back', async () => {
    const path = `/os-quota-sets/${alice}`;
    const before = (await get(path, { as: 'alice' })).body.quota_set;
    expect(before).toMatchObject({ id: alice, metadata_items: 128, key_pairs: 100, floating_ips: -1 });
    expect((await get(path, { version: '2.36' })).body.quota_set).not.toHaveProperty('floating_ips');
    expect((await get(`/os-quota-sets/${api.projectId}`, { as: 'alice' })).status).toBe(403);
    const quota_set = { instances: 1, injected_files: 1, fixed_ips: 7, force: true };
    const set = await api.call('PUT', base + path, { body: { quota_set } });
    expect(set.body.quota_set).toMatchObject({ instances: 1, injected_files: 1, fixed_ips: 7 });
    const later = { body: { quota_set: { injected_files: 6 } }, version: '2.57' };
    expect((await api.call('PUT', base + path, later)).status).toBe(400);
    const personality = ['/a', '/b'].map((path) => ({ path, contents: 'YQ==' }));
    const tooMany = { name: 'one', imageRef: api.imageId, flavorRef: '42', personality };
    const refusedFiles = await api.call('POST', `${base}/servers`, { as: 'alice', body: { server: tooMany } });
    expect(refusedFiles.body.forbidden.message).toContain('Quota exceeded for injected_files');
    await api.server({}, 'alice');
    expect((await get(`${path}/detail`)).body.quota_set).toMatchObject({
      instances: { in_use: 1, limit: 1, reserved: 0 },
    });
    const absolute = (await get('/limits', { as: 'alice' })).body.limits.absolute;
    expect(absolute).toMatchObject({ maxTotalInstances: 1, totalInstancesUsed: 1, totalRAMUsed: 128 });
    const server = { name: 'two', imageRef: api.imageId, flavorRef: '42' };
    const refused = await api.call('POST', `${base}/servers`, { as: 'alice', body: { server } });
    expect(refused).toMatchObject({ status: 403 });
    expect(refused.body.forbidden.message).toContain(
      'Quota exceeded for instances: Requested 1, but already used 1 of 1',
    );
    expect((await api.call('DELETE', base + path)).status).toBe(202);
    expect((await get(path)).body.quota_set.instances).toBe(before.instances);
  });

  it('tell what was used', async () => {
    const { body } = await get('/os-simple-tenant-usage?detailed=1');
    expect(body.tenant_usages.length).toBeGreaterThan(0);
    expect(body.tenant_usages[0].server_usages[0]).toMatchObject({ flavor: 'm1.nano', vcpus: 1, ended_at: null });
    const mine = await get(`/os-simple-tenant-usage/${alice}?start=2020-01-01T00:00:00&end=2099-01-01T00:00:00`, {
      as: 'alice',
    });
    expect(mine.body.tenant_usage.total_hours).toBeLessThan(0.1);
    expect((await get(`/os-simple-tenant-usage/${api.projectId}`, { as: 'alice' })).status).toBe(403);
  });
});

describe('hosts', () => {
  it('are in zones that everyone sees', async () => {
    const { body } = await get('/os-availability-zone', { as: 'alice' });
    expect(body.availabilityZoneInfo).toEqual([{ zoneName: 'nova', zoneState: { available: true }, hosts: null }]);
    // An aggregate alone makes no zone: nothing can be where no host is.
    const aggregate = { name: 'empty', availability_zone: 'elsewhere' };
    expect((await api.call('POST', `${base}/os-aggregates`, { body: { aggregate } })).status).toBe(200);
    const detail = await get('/os-availability-zone/detail');
    expect((await get('/os-availability-zone')).body).toEqual(body);
    const [nova, internal] = detail.body.availabilityZoneInfo;
    expect(nova.hosts.simulated['nova-compute']).toMatchObject({ active: true });
    const service = { available: true, active: true, updated_at: expect.any(String) };
    const hosts = { [hostname()]: { 'nova-scheduler': service, 'nova-conductor': service } };
    expect(internal).toEqual({ zoneName: 'internal', zoneState: { available: true }, hosts });
  });

  it('are for administrators, numbered before 2.53', async () => {
    for (const path of ['/os-hypervisors', '/os-services', '/os-hosts', '/os-availability-zone/detail']) {
      expect((await get(path, { as: 'alice' })).status, path).toBe(403);
      expect((await get(path)).status, path).toBe(200);
    }
    for (const [version, id] of [
      ['2.1', expect.any(Number)],
      ['2.53', expect.stringMatching(/^[0-9a-f-]{36}$/)],
    ] as const) {
      const [first] = (await get('/os-hypervisors/detail', { version })).body.hypervisors;
      expect(first).toMatchObject({ id, hypervisor_hostname: 'simulated', state: 'up' });
      expect(typeof first.cpu_info).toBe(version === '2.1' ? 'string' : 'object');
      const shown = await get(`/os-hypervisors/${first.id}`, { version });
      expect(shown.body.hypervisor).toMatchObject({ id: first.id, service: { host: 'simulated' } });
    }
    expect((await get('/os-hypervisors/statistics')).body.hypervisor_statistics.count).toBe(1);
    expect((await get('/os-hypervisors/nope')).status).toBe(404);
  });

  it('are let to take no new servers', async () => {
    const body = { host: 'simulated', binary: 'nova-compute' };
    const off = await api.call('PUT', `${base}/os-services/disable`, { body });
    expect(off.body.service).toEqual({ ...body, status: 'disabled' });
    const [{ id, status }] = (await get('/os-services', { version: '2.53' })).body.services;
    expect(status).toBe('disabled');
    const on = await api.call('PUT', `${base}/os-services/${id}`, { version: '2.53', body: { status: 'enabled' } });
    expect(on.body.service).toMatchObject({ id, status: 'enabled', forced_down: false });
    expect((await api.call('PUT', `${base}/os-services/disable`, { body: { ...body, host: 'x' } })).status).toBe(404);
  });

  it('are beside what the control plane does itself, which nobody switches', async () => {
    const controller = hostname();
    const list = async (query: string, version = '2.53') =>
      (await get(`/os-services?${query}`, { version })).body.services as Array<{ id: string; binary: string }>;
    const all = await list('');
    expect(all.map(({ binary }) => binary)).toEqual(['nova-compute', 'nova-scheduler', 'nova-conductor']);
    const scheduler = await list('binary=nova-scheduler');
    expect(scheduler).toEqual([
      {
        ...{
          id: expect.stringMatching(/^[0-9a-f-]{36}$/),
          binary: 'nova-scheduler',
          host: controller,
          zone: 'internal',
        },
        ...{
          status: 'enabled',
          state: 'up',
          updated_at: expect.any(String),
          disabled_reason: null,
          forced_down: false,
        },
      },
    ]);
    expect(await list(`host=${controller}`)).toHaveLength(2);
    expect(await list(`host=${controller}&binary=nova-compute`)).toEqual([]);
    expect((await list('binary=nova-conductor', '2.10'))[0]).toEqual(
      expect.not.objectContaining({ forced_down: expect.anything() }),
    );
    expect((await list('binary=nova-conductor', '2.52'))[0]).toMatchObject({ id: expect.any(Number) });

    const url = `${base}/os-services/${scheduler[0]!.id}`;
    const off = await api.call('PUT', url, { version: '2.53', body: { status: 'disabled' } });
    expect(off).toMatchObject({ status: 400 });
    expect(off.body.badRequest.message).toBe(
      'Updating a nova-scheduler service is not supported. Only nova-compute services can be updated.',
    );
    const body = { host: controller, binary: 'nova-scheduler' };
    expect((await api.call('PUT', `${base}/os-services/disable`, { body })).status).toBe(404);
    expect((await api.call('DELETE', url, { version: '2.53' })).status).toBe(409);

    const hosts = (await get('/os-hosts')).body.hosts;
    expect(hosts).toEqual([
      { host_name: 'simulated', service: 'compute', zone: 'nova' },
      { host_name: controller, service: 'scheduler', zone: 'internal' },
      { host_name: controller, service: 'conductor', zone: 'internal' },
    ]);
    expect((await get('/os-hosts?zone=internal')).body.hosts).toEqual(hosts.slice(1));
    const shown = await get(`/os-hosts/${controller}`);
    expect(shown).toMatchObject({ status: 404 });
  });

  it('are told to be down, and why they take no servers, by their hosts, until services have ids', async () => {
    const body = { host: 'simulated', binary: 'nova-compute' };
    const change = async (verb: string, more: object, version?: string) =>
      await api.call('PUT', `${base}/os-services/${verb}`, { version, body: { ...body, ...more } });
    const disabled_reason = 'a fan is broken';
    const off = await change('disable-log-reason', { disabled_reason });
    expect(off.body.service).toEqual({ ...body, status: 'disabled', disabled_reason });
    const down = await change('force-down', { forced_down: true }, '2.11');
    expect(down.body.service).toEqual({ ...body, forced_down: true });
    const [shown] = (await get('/os-services', { version: '2.11' })).body.services;
    expect(shown).toMatchObject({ status: 'disabled', disabled_reason, state: 'down', forced_down: true });
    expect((await change('force-down', { forced_down: false }, '2.52')).status).toBe(200);
    expect((await change('enable', {})).status).toBe(200);
    const [back] = (await get('/os-services', { version: '2.11' })).body.services;
    expect(back).toMatchObject({ status: 'enabled', disabled_reason: null, state: 'up', forced_down: false });
    for (const version of ['2.1', '2.53']) expect((await change('force-down', {}, version)).status).not.toBe(200);
    expect((await change('force-down', { forced_down: 'perhaps' }, '2.11')).status).toBe(400);
    expect((await change('force-down', { host: 'x' }, '2.11')).status).toBe(404);
  });
});

it('lists the extensions that old clients look for', async () => {
  const names = (await get('/extensions')).body.extensions.map(({ name }: { name: string }) => name);
  expect(names).toContain('Hosts');
  expect((await get('/extensions/os-consoles')).body.extension.alias).toBe('os-consoles');
  expect((await get('/extensions/nope')).status).toBe(404);
});
