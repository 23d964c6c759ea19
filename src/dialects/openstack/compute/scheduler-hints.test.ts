import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { computeDialects } from './compute.ts';
import { ComputeApi } from './test-compute-api.ts';

let api: ComputeApi;
beforeAll(async () => {
  api = await ComputeApi.start(computeDialects, {}, 3);
  await api.addMember('alice');
});
afterAll(() => api?.stop());

async function place(hints: object, as = 'admin') {
  const server = { name: 'hinted', imageRef: api.imageId, flavorRef: '42' };
  const body = { server, 'os:scheduler_hints': hints };
  const made = await api.call('POST', '/compute/v2.1/servers', { as, body });
  if (made.status !== 202) return made;
  await api.settled(made.body.server.id, as);
  return await api.call('GET', `/compute/v2.1/servers/${made.body.server.id}`);
}

const hostOf = async (id: string) =>
  (await api.call('GET', `/compute/v2.1/servers/${id}`)).body.server['OS-EXT-SRV-ATTR:host'];

test('a server is made where another one is, or where none of some others are', async () => {
  const one = await api.server();
  const beside = (await place({ same_host: [one] })).body.server;
  expect(beside).toMatchObject({ status: 'ACTIVE', 'OS-EXT-SRV-ATTR:host': await hostOf(one) });
  const away = (await place({ different_host: one })).body.server;
  expect(away['OS-EXT-SRV-ATTR:host']).not.toBe(await hostOf(one));
  const third = (await place({ different_host: [one, away.id] })).body.server;
  const taken = [await hostOf(one), away['OS-EXT-SRV-ATTR:host']];
  expect(taken).not.toContain(third['OS-EXT-SRV-ATTR:host']);
  const nowhere = (await place({ different_host: [one, away.id, third.id] })).body.server;
  expect(nowhere.status).toBe('ERROR');
  expect(nowhere.fault.message).toContain('3 hosts: 3 have a server that it is to be away from');
});

test('a rule lets several of a group that is kept apart be on one host, from 2.64 on', async () => {
  const path = '/compute/v2.1/os-server-groups';
  const ask = (server_group: object, version: string) => api.call('POST', path, { body: { server_group }, version });
  const apart = { name: 'apart', policy: 'anti-affinity' };
  const made = await ask({ ...apart, rules: { max_server_per_host: '3' } }, '2.64');
  expect(made).toMatchObject({ status: 200, body: { server_group: { rules: { max_server_per_host: 3 } } } });
  const { id } = made.body.server_group;
  const hosts = await Promise.all([1, 2, 3, 4].map(async () => (await place({ group: id })).body.server));
  expect(hosts.map(({ status }) => status)).toEqual(['ACTIVE', 'ACTIVE', 'ACTIVE', 'ACTIVE']);
  const shown = await api.call('GET', `${path}/${id}`, { version: '2.64' });
  expect(shown.body.server_group.rules).toEqual({ max_server_per_host: 3 });
  expect((await api.call('GET', `${path}/${id}`)).body.server_group).not.toHaveProperty('rules');
  expect((await ask(apart, '2.64')).body.server_group.rules).toEqual({});
  const other = await ask({ name: 'x', policy: 'affinity', rules: { max_server_per_host: 2 } }, '2.64');
  expect(other).toMatchObject({
    status: 400,
    body: { badRequest: { message: 'Only anti-affinity policy supports rules.' } },
  });
  for (const most of [0, -1, 'many']) {
    expect((await ask({ ...apart, rules: { max_server_per_host: most } }, '2.64')).status).toBe(400);
  }
  expect((await ask({ ...apart, rules: { most: 1 } }, '2.64')).status).toBe(400);
  const early = { name: 'x', policies: ['anti-affinity'], rules: { max_server_per_host: 2 } };
  expect((await ask(early, '2.63')).status).toBe(400);
});

test('servers that are not there, or another project has, are on no host', async () => {
  for (const id of [randomUUID(), await api.server()]) {
    expect((await place({ same_host: id }, 'alice')).body.server.status).toBe('ERROR');
  }
});

test('other hints, and ids that are none, are refused by name', async () => {
  expect(await place({ query: '[">=","$free_ram_mb",1024]' })).toMatchObject({
    status: 400,
    body: { badRequest: { message: 'The scheduler hint query is not supported.' } },
  });
  expect(await place({ same_host: ['web-1'] })).toMatchObject({ status: 400 });
});
