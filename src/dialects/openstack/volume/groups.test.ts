import { afterAll, beforeAll, expect, test } from 'vitest';
import { VolumeApi, type Who } from './test-volume-api.ts';
import { volume } from './volume.ts';

let api: VolumeApi;
beforeAll(async () => {
  api = await VolumeApi.start([volume]);
});
afterAll(() => api.stop());

function call(
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  options: { as?: Who; body?: unknown; version?: string } = {},
) {
  return api.call(method, `/volume/v3${path}`, { version: 'volume 3.70', ...options });
}

async function newGroupType(body: object): Promise<string> {
  const made = await call('POST', '/group_types', { as: 'admin', body: { group_type: body } });
  expect(made.status).toBe(202);
  return made.json.group_type.id;
}

async function newGroup(groupType: string): Promise<string> {
  const group = { name: 'shop', group_type: groupType, volume_types: ['local'] };
  const made = await call('POST', '/groups', { body: { group } });
  expect(made.status).toBe(202);
  return made.json.group.id;
}

async function newVolume(body: object): Promise<string> {
  const made = await call('POST', '/volumes', { body: { volume: { size: 1, ...body } } });
  expect(made.status).toBe(202);
  await api.settled(made.json.volume.id);
  return made.json.volume.id;
}

const groupOf = async (id: string) => (await call('GET', `/groups/${id}?list_volume=true`)).json.group;
const act = (id: string, body: object, as: Who = 'member') => call('POST', `/groups/${id}/action`, { as, body });

test('a group has volumes, gains and loses some, and takes them with it', async () => {
  const type = await newGroupType({ name: 'plain' });
  const id = await newGroup(type);
  const volumes = [await newVolume({ group_id: id }), await newVolume({})];
  expect(await groupOf(id)).toMatchObject({ status: 'available', group_type: type, volumes: [volumes[0]] });
  expect((await call('GET', `/volumes/${volumes[0]}`)).json.volume.group_id).toBe(id);
  expect(
    (await call('GET', `/volumes/${volumes[0]}`, { version: 'volume 3.12' })).json.volume.group_id,
  ).toBeUndefined();

  const change = (group: object) => call('PUT', `/groups/${id}`, { body: { group } });
  expect((await change({})).status).toBe(400);
  expect((await change({ add_volumes: volumes[0] })).status).toBe(400);
  expect((await change({ add_volumes: volumes[1], remove_volumes: volumes[0] })).status).toBe(202);
  expect((await groupOf(id)).volumes).toEqual([volumes[1]]);
  expect((await change({ add_volumes: volumes[0] })).status).toBe(202);

  expect((await call('DELETE', `/volumes/${volumes[0]}`)).status).toBe(400);
  expect((await act(id, { delete: {} })).status).toBe(400);
  expect((await call('GET', `/groups/${id}`, { as: 'stranger' })).status).toBe(404);
  expect((await call('DELETE', `/group_types/${type}`, { as: 'admin' })).status).toBe(400);
  expect((await act(id, { delete: { 'delete-volumes': true } })).status).toBe(202);
  for (const one of volumes) {
    await api.settled(one);
    expect((await call('GET', `/volumes/${one}`)).status).toBe(404);
  }
  expect((await call('GET', `/groups/${id}`)).status).toBe(404);
  expect((await call('DELETE', `/group_types/${type}`, { as: 'admin' })).status).toBe(202);
});

test('a volume of another type is not let into a group', async () => {
  const made = await call('POST', '/types', { as: 'admin', body: { volume_type: { name: 'other' } } });
  const id = await newGroup(await newGroupType({ name: 'narrow' }));
  const odd = { volume: { size: 1, volume_type: made.json.volume_type.id, group_id: id } };
  expect((await call('POST', '/volumes', { body: odd })).status).toBe(400);
  expect((await groupOf(id)).volumes).toEqual([]);
});

test('a group snapshot has one snapshot for each volume, and groups are made of it', async () => {
  const id = await newGroup(await newGroupType({ name: 'copied' }));
  const volumes = [await newVolume({ group_id: id }), await newVolume({ group_id: id })];
  const body = { group_snapshot: { group_id: id, name: 'nightly' } };
  const made = (await call('POST', '/group_snapshots', { body })).json.group_snapshot;
  const all = (await call('GET', '/snapshots/detail')).json.snapshots as Array<Record<string, string>>;
  const snapshots = all.filter(({ group_snapshot_id }) => group_snapshot_id === made.id);
  expect(snapshots.map(({ volume_id }) => volume_id).sort()).toEqual([...volumes].sort());
  for (const snapshot of snapshots) await api.settled(snapshot['id']!);
  const shown = (await call('GET', `/group_snapshots/${made.id}`)).json.group_snapshot;
  expect(shown).toMatchObject({ status: 'available', group_id: id, name: 'nightly' });
  expect((await call('DELETE', `/snapshots/${snapshots[0]!['id']}`)).status).toBe(400);

  for (const source of [{ group_snapshot_id: made.id }, { source_group_id: id }]) {
    const copy = await call('POST', '/groups/action', { body: { 'create-from-src': { name: 'copy', ...source } } });
    expect(copy.status).toBe(202);
    const group = await groupOf(copy.json.group.id);
    expect(group).toMatchObject({ ...source, name: 'copy' });
    expect(group.volumes).toHaveLength(2);
    for (const one of group.volumes) await api.settled(one);
    expect((await groupOf(group.id)).status).toBe('available');
    expect((await act(group.id, { delete: { 'delete-volumes': true } })).status).toBe(202);
  }
  const both = { 'create-from-src': { group_snapshot_id: made.id, source_group_id: id } };
  expect((await call('POST', '/groups/action', { body: both })).status).toBe(400);

  expect((await act(id, { delete: { 'delete-volumes': true } })).status).toBe(400);
  expect((await call('DELETE', `/group_snapshots/${made.id}`)).status).toBe(202);
  for (const snapshot of snapshots) {
    await api.settled(snapshot['id']!);
    expect((await call('GET', `/snapshots/${snapshot['id']}`)).status).toBe(404);
  }
  expect((await act(id, { delete: { 'delete-volumes': true } })).status).toBe(202);
});

test('a copy that has no room in the quota leaves nothing behind', async () => {
  const id = await newGroup(await newGroupType({ name: 'large' }));
  await newVolume({ group_id: id });
  await newVolume({ group_id: id });
  const used = (await call('GET', `/os-quota-sets/${api.project}?usage=true`, { as: 'admin' })).json.quota_set;
  const limit = { quota_set: { snapshots: used.snapshots.in_use + 1 } };
  expect((await call('PUT', `/os-quota-sets/${api.project}`, { as: 'admin', body: limit })).status).toBe(200);
  const body = { group_snapshot: { group_id: id } };
  expect((await call('POST', '/group_snapshots', { body })).status).toBe(413);
  const after = (await call('GET', `/os-quota-sets/${api.project}?usage=true`, { as: 'admin' })).json.quota_set;
  expect(after.snapshots.in_use).toBe(used.snapshots.in_use);
  expect((await call('GET', '/group_snapshots')).json.group_snapshots).toEqual([]);
});

test('groups are counted', async () => {
  const type = await newGroupType({ name: 'counted' });
  const path = `/os-quota-sets/${api.project}`;
  const { groups } = (await call('GET', `${path}?usage=true`, { as: 'admin' })).json.quota_set;
  expect(groups.limit).toBe(-1);
  const set = await call('PUT', path, { as: 'admin', body: { quota_set: { groups: groups.in_use + 1 } } });
  expect(set.json.quota_set.groups).toBe(groups.in_use + 1);
  await newGroup(type);
  const group = { group_type: type, volume_types: ['local'] };
  expect((await call('POST', '/groups', { body: { group } })).status).toBe(413);
  const after = (await call('GET', `${path}?usage=true`, { as: 'admin' })).json.quota_set;
  expect(after.groups.in_use).toBe(groups.in_use + 1);
  expect((await call('DELETE', path, { as: 'admin' })).status).toBe(200);
  expect((await call('POST', '/groups', { body: { group } })).status).toBe(202);
});

test('administrators say in what state a group is; a type that asks for one moment has no groups', async () => {
  const id = await newGroup(await newGroupType({ name: 'reset' }));
  expect((await act(id, { reset_status: { status: 'error' } })).status).toBe(403);
  expect((await act(id, { reset_status: { status: 'error' } }, 'admin')).status).toBe(202);
  expect((await groupOf(id)).status).toBe('error');
  expect((await act(id, { reset_status: { status: 'odd' } }, 'admin')).status).toBe(400);

  const type = await newGroupType({ name: 'exact', group_specs: { consistent_group_snapshot_enabled: '<is> True' } });
  const group = { name: 'no', group_type: type, volume_types: ['local'] };
  expect((await call('POST', '/groups', { body: { group } })).status).toBe(400);
  expect((await call('GET', `/group_types/${type}`)).json.group_type.group_specs).toBeUndefined();
  expect((await call('GET', `/group_types/${type}/group_specs`)).status).toBe(403);
});
