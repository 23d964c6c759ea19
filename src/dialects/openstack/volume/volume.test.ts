import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { withDashes } from '../../../env/env.ts';
import { openstackDialect } from '../common/openstack-dialect.ts';
import { volumeAttachmentOperations } from '../compute/volume-attachments.ts';
import { VolumeApi } from './test-volume-api.ts';
import { volume, volumeDiscovery } from './volume.ts';

const compute = openstackDialect({
  service: 'compute',
  title: 'Compute',
  version: '2.1',
  mounts: ['/compute/v2.1'],
  operations: volumeAttachmentOperations,
  microversions: { type: 'compute', min: { major: 2, minor: 1 }, max: { major: 2, minor: 96 } },
});

let api: VolumeApi;
let base: string;
beforeEach(async () => {
  api = await VolumeApi.start([volume, volumeDiscovery, compute]);
  base = `/volume/v3/${api.project}`;
});
afterEach(() => api.stop());

type Options = Parameters<VolumeApi['call']>[2];
const call = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, options?: Options) =>
  api.call(method, /^\/(volume|compute)(\/|$)/.test(path) ? path : base + path, options);

/** A volume that is there. */
async function create(body: object = {}) {
  const made = await call('POST', '/volumes', { body: { volume: { size: 1, name: 'data', ...body } } });
  expect(made.status).toBe(202);
  const id = made.json.volume.id as string;
  await api.settled(id);
  return (await call('GET', `/volumes/${id}`)).json.volume;
}
const action = (id: string, body: object, options: Options = {}) =>
  call('POST', `/volumes/${id}/action`, { body, ...options });

describe('discovery', () => {
  test('needs no token: 300 at the root, 200 at the version, with and without slash', async () => {
    const root = await call('GET', '/volume', { as: null });
    expect([root.status, (await call('GET', '/volume/', { as: null })).status]).toEqual([300, 300]);
    const version = await call('GET', '/volume/v3/', { as: null });
    expect(version.status).toBe(200);
    expect(version.json).toEqual(root.json);
    expect(root.json.versions[0]).toMatchObject({ id: 'v3.0', status: 'CURRENT', version: '3.70', min_version: '3.0' });
    expect(root.json.versions[0].links[0].href).toMatch(/\/volume\/v3\/$/);
  });

  test('microversions are told and kept', async () => {
    const answer = await call('GET', '/volumes', { version: 'volume latest' });
    expect(answer.headers['openstack-api-version']).toBe('volume 3.70');
    expect((await call('GET', '/volumes', { version: 'volume 3.999' })).status).toBe(406);
    expect((await call('GET', '/volumes', { version: 'volume x' })).status).toBe(400);
  });

  test("other projects' URLs, and those without token, are refused", async () => {
    expect((await call('GET', `/volume/v3/${'c'.repeat(32)}/volumes`)).json).toEqual({
      badRequest: { code: 400, message: 'Malformed request url' },
    });
    expect((await call('GET', '/volumes', { as: null })).status).toBe(401);
    expect((await call('GET', '/volume/v3/volumes')).status).toBe(200);
  });
});

describe('volumes', () => {
  test('are made as the client sends them, with its many nulls', async () => {
    const nulls = { description: null, snapshot_id: null, source_volid: null, imageRef: null, backup_id: null };
    const more = { consistencygroup_id: null, availability_zone: null, volume_type: null, metadata: null };
    const made = await call('POST', '/volumes', { body: { volume: { size: 1, name: 'v', ...nulls, ...more } } });
    expect(made.status).toBe(202);
    const { id } = made.json.volume;
    expect(made.json.volume).toMatchObject({ status: 'creating', size: 1, bootable: 'false', attachments: [] });
    expect(made.json.volume.links[0].href).toMatch(new RegExp(`${base}/volumes/${id}$`));
    await api.settled(id);
    const shown = await call('GET', `/volumes/${id}`);
    expect(shown.json.volume).toMatchObject({ status: 'available', volume_type: 'local', availability_zone: 'nova' });
    expect(shown.json.volume['os-vol-host-attr:host']).toBeUndefined();
    expect(shown.json.volume.group_id).toBeUndefined();
    const newest = await call('GET', `/volumes/${id}`, { as: 'admin', version: 'volume 3.70' });
    expect(newest.json.volume).toMatchObject({
      'os-vol-host-attr:host': 'simulated@local#local',
      group_id: null,
      shared_targets: false,
      consumes_quota: true,
      volume_type_id: '6c6f6361-6c00-4000-8000-766f6c756d65',
    });
    expect((await call('DELETE', `/volumes/${id}`)).status).toBe(202);
    await api.settled(id);
    expect((await call('GET', `/volumes/${id}`)).json).toEqual({
      itemNotFound: { code: 404, message: `Volume ${id} could not be found.` },
    });
  });

  test('are listed, filtered, sorted and paged', async () => {
    for (const [index, name] of ['a', 'b', 'c'].entries())
      await create({ name, size: index + 1, metadata: { tier: name } });
    const names = async (query: string, options?: Options) =>
      (await call('GET', `/volumes/detail${query}`, options)).json.volumes.map((one: { name: string }) => one.name);
    expect(await names('')).toEqual(['c', 'b', 'a']);
    expect(await names('?sort=size:asc')).toEqual(['a', 'b', 'c']);
    expect(await names('?sort_key=name&sort_dir=asc')).toEqual(['a', 'b', 'c']);
    expect(await names('?name=b')).toEqual(['b']);
    expect(await names('?status=error')).toEqual([]);
    expect(await names('?bootable=True')).toEqual([]);
    expect(await names(`?metadata=${encodeURIComponent("{'tier': 'c'}")}`)).toEqual(['c']);
    expect(await names('?availability_zone=nowhere')).toEqual([]);
    expect(await names('?name~=c')).toEqual(['c']);
    expect(await names('?name~=%25')).toEqual([]);
    expect(await names('?created_at=gt:2020-01-01T00:00:00,lt:2021-01-01T00:00:00')).toEqual([]);
    expect(await names('?created_at=gte:2020-01-01T00:00:00')).toHaveLength(3);
    expect(await names('', { as: 'stranger' }).catch(() => 'refused')).toBe('refused');
    expect(await names('?all_tenants=1', { as: 'admin' })).toHaveLength(3);
    const first = await call('GET', '/volumes?limit=2', { version: 'volume 3.45' });
    expect(first.json.volumes).toHaveLength(2);
    const next = first.json.volumes_links[0].href.replace(/^http:\/\/[^/]+/, '');
    expect((await call('GET', next)).json.volumes.map((one: { name: string }) => one.name)).toEqual(['a']);
    const counted = await call('GET', '/volumes?limit=1&with_count=True', { version: 'volume 3.45' });
    expect(counted.json.count).toBe(3);
    for (const bad of [
      '?limit=x',
      '?sort=colour',
      '?sort=name:up',
      '?offset=-1',
      '?created_at=gt:x',
      '?updated_at=is:2020-01-01',
    ]) {
      expect((await call('GET', `/volumes${bad}`)).status, bad).toBe(400);
    }
    expect((await call('GET', `/volumes?marker=${'f'.repeat(32)}`)).status).toBe(404);
    const summary = await call('GET', '/volumes/summary', { version: 'volume 3.36' });
    expect(summary.json['volume-summary']).toMatchObject({
      total_size: 6,
      total_count: 3,
      metadata: { tier: ['c', 'b', 'a'] },
    });
  });

  test('refuse what makes no sense', async () => {
    const refused = async (body: object) => {
      const answer = await call('POST', '/volumes', { body: { volume: body } });
      return [answer.status, (Object.values(answer.json)[0] as { message: string }).message];
    };
    const least = 'Invalid input for field/attribute size. Value: 0. 0 is less than the minimum of 1';
    expect(await refused({ size: 0 })).toEqual([400, least]);
    expect(await refused({ size: 'much' })).toEqual([400, expect.stringMatching(/'much' does not match/)]);
    // What is too much for any quota is not told to be no number.
    const most = expect.stringMatching(/^VolumeSizeExceedsAvailableQuota: .* Requested 999999999G/);
    expect(await refused({ size: 999_999_999 })).toEqual([413, most]);
    expect(await refused({})).toEqual([400, expect.stringMatching(/size/)]);
    expect(await refused({ size: 1, volume_type: 'gold' })).toEqual([404, 'Volume type gold could not be found.']);
    expect(await refused({ size: 1, availability_zone: 'x' })).toEqual([400, expect.stringMatching(/'x' is invalid/)]);
    expect(await refused({ size: 1, imageRef: withDashes('f'.repeat(32)) })).toEqual([
      400,
      'Can not find requested image',
    ]);
    expect(await refused({ source_volid: withDashes('f'.repeat(32)) })).toEqual([
      404,
      expect.stringMatching(/^Volume f.*-/),
    ]);
    await api.storage.cloud.quotas.setLimits(api.storage.admin, api.project, { volumes: 0 });
    const over = await call('POST', '/volumes', { body: { volume: { size: 1 } } });
    expect(over.status).toBe(413);
    expect(over.json.overLimit).toMatchObject({ code: 413 });
  });

  test('have metadata', async () => {
    const { id } = await create({ metadata: { a: '1' } });
    const path = `/volumes/${id}/metadata`;
    const added = await call('POST', path, { body: { metadata: { b: '2' } } });
    expect(added.json).toEqual({ metadata: { a: '1', b: '2' } });
    expect((await call('PUT', path, { body: { metadata: { c: '3' } } })).json).toEqual({ metadata: { c: '3' } });
    expect((await call('GET', `${path}/c`)).json).toEqual({ meta: { c: '3' } });
    expect((await call('PUT', `${path}/d`, { body: { meta: { d: '4' } } })).json).toEqual({ meta: { d: '4' } });
    expect((await call('PUT', `${path}/d`, { body: { meta: { e: '4' } } })).status).toBe(400);
    expect(await call('DELETE', `${path}/c`)).toMatchObject({ status: 200, json: undefined });
    expect((await call('DELETE', `${path}/c`)).status).toBe(404);
    expect((await call('GET', path)).json).toEqual({ metadata: { d: '4' } });
  });

  test('are extended, marked and given new words', async () => {
    const { id } = await create();
    expect(await action(id, { 'os-extend': { new_size: 2 } })).toMatchObject({ status: 202, json: undefined });
    await api.settled(id);
    expect((await call('GET', `/volumes/${id}`)).json.volume).toMatchObject({ size: 2, status: 'available' });
    const smaller = await action(id, { 'os-extend': { new_size: 1 } });
    expect(smaller.json.badRequest.message).toContain('(current: 2, extended: 1)');
    expect((await action(id, { 'os-set_bootable': { bootable: 'True' } })).status).toBe(200);
    expect((await action(id, { 'os-update_readonly_flag': { readonly: true } })).status).toBe(202);
    const put = { volume: { name: 'other', description: 'text' } };
    const changed = await call('PUT', `/volumes/${id}`, { body: put });
    expect(changed.json.volume).toMatchObject({ ...put.volume, bootable: 'true', metadata: { readonly: 'True' } });
    const set = await action(id, { 'os-set_image_metadata': { metadata: { os_distro: 'debian' } } });
    expect(set.json).toEqual({ metadata: { os_distro: 'debian' } });
    expect((await action(id, { 'os-show_image_metadata': null })).json).toEqual(set.json);
    expect((await action(id, { 'os-unset_image_metadata': { key: 'os_distro' } })).status).toBe(200);
    expect((await action(id, { 'os-unset_image_metadata': { key: 'os_distro' } })).status).toBe(404);
    expect((await action(id, { 'os-unknown': {} })).status).toBe(400);
  });

  test("administrators' actions are theirs", async () => {
    const { id } = await create();
    expect((await action(id, { 'os-reset_status': { status: 'error' } })).status).toBe(403);
    expect((await action(id, { 'os-reset_status': { status: 'error' } }, { as: 'admin' })).status).toBe(202);
    expect((await action(id, { 'os-reset_status': { status: 'odd' } }, { as: 'admin' })).status).toBe(400);
    expect((await call('GET', `/volumes/${id}`)).json.volume.status).toBe('error');
    expect((await action(id, { 'os-force_delete': {} })).status).toBe(403);
    expect((await action(id, { 'os-force_delete': {} }, { as: 'admin' })).status).toBe(202);
    await api.settled(id);
    expect((await call('GET', `/volumes/${id}`)).status).toBe(404);
  });

  test('that were never made are not said to be there', async () => {
    const volume_type = { name: 'odd', extra_specs: { vendor_name: 'Nobody' } };
    expect((await call('POST', '/types', { as: 'admin', body: { volume_type } })).status).toBe(200);
    const { id, status } = await create({ volume_type: 'odd' });
    expect(status).toBe('error');
    const reset = await action(id, { 'os-reset_status': { status: 'available' } }, { as: 'admin' });
    expect(reset).toMatchObject({ status: 400, json: { badRequest: { message: expect.stringContaining('no disk') } } });
    expect((await action(id, { 'os-extend': { new_size: 2 } })).status).toBe(400);
    expect((await call('POST', '/backups', { body: { backup: { volume_id: id } } })).status).toBe(400);
  });

  test('become images', async () => {
    const { id } = await create({ imageRef: withDashes(await api.storage.image()) });
    const body = { 'os-volume_upload_image': { image_name: 'golden', disk_format: 'qcow2', container_format: 'bare' } };
    const made = await action(id, body);
    expect(made.status).toBe(202);
    const answer = made.json['os-volume_upload_image'];
    expect(answer).toMatchObject({ id, status: 'uploading', image_name: 'golden', disk_format: 'qcow2', size: 1 });
    await api.settled(id);
    const image = await api.storage.cloud.images.get(api.storage.member, answer.image_id.replaceAll('-', ''));
    expect(image).toMatchObject({ status: 'active', name: 'golden' });
    const odd = { 'os-volume_upload_image': { image_name: 'odd', disk_format: 'vmdk' } };
    expect((await action(id, odd)).status).toBe(400);
  });
});

test('snapshots are made, shown, changed, used and deleted', async () => {
  const { id: volume_id } = await create();
  const made = await call('POST', '/snapshots', { body: { snapshot: { volume_id, name: 's', force: false } } });
  expect(made).toMatchObject({ status: 202, json: { snapshot: { volume_id, status: 'creating', size: 1 } } });
  const { id } = made.json.snapshot;
  await api.settled(id);
  const shown = await call('GET', `/snapshots/${id}`, { version: 'volume 3.41' });
  expect(shown.json.snapshot).toMatchObject({
    status: 'available',
    user_id: api.storage.member.userId,
    'os-extended-snapshot-attributes:progress': '100%',
  });
  expect((await call('GET', `/snapshots/detail?volume_id=${volume_id}`)).json.snapshots).toHaveLength(1);
  expect((await call('GET', '/snapshots?name=none')).json.snapshots).toEqual([]);
  expect((await call('PUT', `/snapshots/${id}`, { body: { snapshot: { name: 't' } } })).json.snapshot.name).toBe('t');
  const metadata = await call('POST', `/snapshots/${id}/metadata`, { body: { metadata: { a: '1' } } });
  expect(metadata.json).toEqual({ metadata: { a: '1' } });
  expect((await create({ size: null, snapshot_id: id })).snapshot_id).toBe(id);
  expect((await action(volume_id, { revert: { snapshot_id: id } }, { version: 'volume 3.40' })).status).toBe(202);
  await api.settled(volume_id);
  const kept = await call('DELETE', `/volumes/${volume_id}`);
  expect(kept.json.badRequest.message).toContain('have snapshots');
  expect((await call('DELETE', `/snapshots/${id}`)).status).toBe(202);
  await api.settled(id);
  expect((await call('GET', `/snapshots/${id}`)).status).toBe(404);
});

test('types, zones, limits, quotas and extensions are told', async () => {
  const types = await call('GET', '/types');
  expect(types.json.volume_types).toMatchObject([{ name: 'local', is_public: true }]);
  const [{ id }] = types.json.volume_types;
  expect((await call('GET', `/types/${id}`)).json.volume_type.id).toBe(id);
  expect((await call('GET', '/types/default')).json.volume_type.id).toBe(id);
  expect((await call('GET', '/types/local')).status).toBe(404);
  expect((await call('GET', `/types/${id}/extra_specs`)).json).toEqual({ extra_specs: {} });
  expect((await call('GET', '/os-availability-zone')).json.availabilityZoneInfo[0].zoneName).toBe('nova');
  expect((await call('GET', '/extensions')).json.extensions.length).toBeGreaterThan(0);
  await create();
  const { absolute } = (await call('GET', '/limits')).json.limits;
  expect(absolute).toMatchObject({ totalVolumesUsed: 1, totalGigabytesUsed: 1 });
  const path = `/os-quota-sets/${api.project}`;
  expect((await call('PUT', path, { body: { quota_set: { volumes: 5 } } })).status).toBe(403);
  const put = await call('PUT', path, { as: 'admin', body: { quota_set: { volumes: 5, snapshots: -1 } } });
  expect(put.json.quota_set).toMatchObject({ volumes: 5, snapshots: -1 });
  expect((await call('PUT', path, { as: 'admin', body: { quota_set: { herds: 3 } } })).status).toBe(400);
  const usage = await call('GET', `${path}?usage=True`);
  expect(usage.json.quota_set.volumes).toEqual({ limit: 5, in_use: 1, reserved: 0 });
  expect((await call('DELETE', path, { as: 'admin' })).status).toBe(200);
  expect((await call('GET', path)).json.quota_set.volumes).toBe(api.storage.cloud.quotas.defaults.volumes);
});

describe("a server's attachments", () => {
  test('through Nova, as each microversion has them', async () => {
    const server = withDashes((await api.storage.server()).id);
    const { id } = await create();
    const path = `/compute/v2.1/servers/${server}/os-volume_attachments`;
    const body = { volumeAttachment: { volumeId: id, device: null } };
    const made = await call('POST', path, { body });
    expect(made.status).toBe(200);
    expect(made.json).toEqual({ volumeAttachment: { id, volumeId: id, serverId: server, device: '/dev/vdb' } });
    expect((await call('GET', `/volumes/${id}`)).json.volume).toMatchObject({ status: 'attaching', attachments: [] });
    await api.settled(server);
    const { attachments, status } = (await call('GET', `/volumes/${id}`)).json.volume;
    expect(status).toBe('in-use');
    expect(attachments).toMatchObject([{ id, volume_id: id, server_id: server, device: '/dev/vdb', host_name: null }]);
    const newest = await call('GET', `${path}/${id}`, { version: 'compute 2.89' });
    expect(newest.json.volumeAttachment).toEqual({
      attachment_id: attachments[0].attachment_id,
      bdm_uuid: attachments[0].attachment_id,
      serverId: server,
      volumeId: id,
      device: '/dev/vdb',
      tag: null,
      delete_on_termination: false,
    });
    expect((await call('POST', path, { body })).status).toBe(400);
    const early = { volumeAttachment: { volumeId: id, delete_on_termination: true } };
    expect((await call('POST', path, { body: early })).json.badRequest.message).toContain(
      "'delete_on_termination' was",
    );
    expect((await call('PUT', `${path}/${id}`, { body: early, version: 'compute 2.85' })).status).toBe(202);
    expect((await call('GET', path)).json.volumeAttachments).toHaveLength(1);
    const update = (wanted: object, by: object = {}) =>
      call('PUT', `${path}/${id}`, { body: { volumeAttachment: { volumeId: id, ...wanted } }, ...by });
    const newer = { version: 'compute 2.85' };
    for (const [name, value] of Object.entries({ id: server, serverId: id, device: '/dev/vdc', tag: 'x' })) {
      const refused = await update({ [name]: value }, newer);
      expect(refused).toMatchObject({
        status: 400,
        json: { badRequest: { message: `The ${name} property is not mutable` } },
      });
    }
    expect((await update({ id, serverId: server, device: '/dev/vdb', tag: null }, newer)).status).toBe(202);
    // Before 2.85 there was nothing else than swapping, which is the volume service's alone.
    const other = { volumeId: (await create()).id };
    for (const [wanted, version] of [
      [{}, 'compute 2.84'],
      [other, 'compute 2.84'],
      [other, 'compute 2.85'],
      [{ volumeId: server }, 'compute 2.1'],
    ] as const) {
      expect((await update(wanted, { version })).status).toBe(403);
      const refused = await update(wanted, { version, as: 'admin' });
      expect(refused.status).toBe(409);
      const message = `volume ${id} is not migrating; this API should only be called by Cinder`;
      expect(refused.json.conflictingRequest.message).toBe(message);
    }
    expect((await call('PUT', `${path}/${server}`, { body: { volumeAttachment: other }, as: 'admin' })).status).toBe(
      404,
    );
    expect(await call('DELETE', `${path}/${id}`)).toMatchObject({ status: 202, json: undefined });
    await api.settled(server);
    expect((await call('GET', `${path}/${id}`)).status).toBe(404);
    expect((await call('DELETE', `${path}/${id}`)).status).toBe(404);
    expect((await call('GET', `/volumes/${id}`)).json.volume).toMatchObject({ status: 'available', attachments: [] });
  });

  test('online extension is there from 3.42 on', async () => {
    const server = await api.storage.server();
    const { id } = await create();
    await call('POST', `/compute/v2.1/servers/${server.id}/os-volume_attachments`, {
      body: { volumeAttachment: { volumeId: id } },
    });
    await api.settled(server.id);
    expect((await action(id, { 'os-extend': { new_size: 2 } })).status).toBe(400);
    expect((await action(id, { 'os-extend': { new_size: 2 } }, { version: 'volume 3.42' })).status).toBe(202);
    await api.settled(server.id);
    expect((await call('GET', `/volumes/${id}`)).json.volume).toMatchObject({ size: 2, status: 'in-use' });
  });
});
