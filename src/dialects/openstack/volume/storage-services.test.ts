import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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

async function newVolume(body: object = { size: 1 }): Promise<string> {
  const answer = await call('POST', '/volumes', { body: { volume: body } });
  expect(answer.status).toBe(202);
  await api.settled(answer.json.volume.id);
  return answer.json.volume.id;
}

const shown = async (id: string) => (await call('GET', `/volumes/${id}`, { as: 'admin' })).json.volume;

async function newType(body: object): Promise<string> {
  const answer = await call('POST', '/types', { as: 'admin', body: { volume_type: body } });
  expect(answer.status).toBe(200);
  return answer.json.volume_type.id;
}

test('QoS specs are listed page by page', async () => {
  const ids: string[] = [];
  for (const name of ['slow', 'slower', 'slowest']) {
    const answer = await call('POST', '/qos-specs', { as: 'admin', body: { qos_specs: { name } } });
    ids.push(answer.json.qos_specs.id);
  }
  const list = async (query: string) => (await call('GET', `/qos-specs?${query}`, { as: 'admin' })).json;
  const first = await list('limit=2&sort=name:asc');
  expect(first.qos_specs.map(({ id }: { id: string }) => id)).toEqual(ids.slice(0, 2));
  expect(first.qos_specs_links[0].href).toContain(`marker=${ids[1]}`);
  const second = await list(`limit=2&sort=name:asc&marker=${ids[1]}`);
  expect(second).toMatchObject({ qos_specs: [{ id: ids[2] }] });
  expect(second.qos_specs_links).toBeUndefined();
});

test('a storage that was added is one more pool of each host, and of the volumes in it', async () => {
  const root = await mkdtemp(join(tmpdir(), 'unkai-pool-'));
  try {
    const { storages, hosts } = api.storage.cloud;
    const [host] = await hosts.list();
    const { id } = await storages.add({ name: 'big', zoneId: host!.zoneId, path: join(root, 'big') });
    await storages.attach(id, host!.clusterId);
    const pool = `${host!.name}@local#${id}`;
    const pools = async () =>
      (await call('GET', '/scheduler-stats/get_pools?detail=true', { as: 'admin' })).json.pools as Array<{
        name: string;
        capabilities: Record<string, unknown>;
      }>;
    expect((await pools()).map(({ name }) => name)).toEqual([`${host!.name}@local#local`, pool]);
    expect((await pools())[1]!.capabilities).toMatchObject({
      ...{ pool_name: id, location_info: join(root, 'big'), backend_state: 'up', allocated_capacity_gb: 0 },
    });
    // Each comes to where most room is.
    const own = await newVolume({ size: 10 });
    const there = [await shown(own), await shown(await newVolume())].map((one) => one['os-vol-host-attr:host']);
    expect(there).toContain(pool);
    const taken = (await pools()).reduce((sum, one) => sum + Number(one.capabilities['allocated_capacity_gb']), 0);
    expect(taken).toBe(11);
    const { volumes } = (await call('GET', '/volumes/detail', { as: 'admin' })).json;
    for (const one of volumes) await call('DELETE', `/volumes/${one.id}`, { as: 'admin' });
    await api.storage.cloud.runner.idle();
    await storages.detach(id, host!.clusterId);
    await storages.remove(id);
    expect(await pools()).toHaveLength(1);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});

describe('a volume type', () => {
  test('that is not public is for whom it was given to', async () => {
    const id = await newType({ name: 'secret', 'os-volume-type-access:is_public': false });
    expect((await call('GET', `/types/${id}`)).status).toBe(404);
    const body = { volume: { size: 1, volume_type: 'secret' } };
    expect((await call('POST', '/volumes', { body })).status).toBe(404);
    const access = { addProjectAccess: { project: api.project } };
    expect((await call('POST', `/types/${id}/action`, { as: 'admin', body: access })).status).toBe(202);
    expect((await shown(await newVolume(body.volume))).volume_type).toBe('secret');
    expect((await call('DELETE', `/types/${id}`, { as: 'admin' })).status).toBe(400);
  });

  test('that no storage can be puts its volumes in error, and says why', async () => {
    await newType({ name: 'odd', extra_specs: { vendor_name: 'Nobody' } });
    const id = await newVolume({ size: 1, volume_type: 'odd' });
    expect((await shown(id)).status).toBe('error');
    const { messages } = (await call('GET', `/messages?resource_uuid=${id}`)).json;
    expect(messages).toMatchObject([{ message_level: 'ERROR', event_id: 'VOLUME_VOLUME_001_002', resource_uuid: id }]);
    expect((await call('GET', `/messages/${messages[0].id}`, { as: 'stranger' })).status).toBe(404);
    expect((await call('DELETE', `/messages/${messages[0].id}`)).status).toBe(204);
    expect((await call('GET', '/messages')).json.messages).toEqual([]);
  });

  test('that asks for encryption is refused, not only called so', async () => {
    const id = await newType({ name: 'locked' });
    const encryption = { provider: 'luks', cipher: 'aes-xts-plain64', key_size: 256 };
    const made = await call('POST', `/types/${id}/encryption`, { as: 'admin', body: { encryption } });
    expect(made.json.encryption).toMatchObject({ ...encryption, control_location: 'front-end' });
    // Old clients leave the provider empty where they change something else.
    const other = { encryption: { provider: '', control_location: 'back-end' } };
    const path = `/types/${id}/encryption/${made.json.encryption.encryption_id}`;
    const changed = await call('PUT', path, { as: 'admin', body: other });
    expect(changed).toMatchObject({ status: 200, json: other });
    const refused = await call('POST', '/volumes', { body: { volume: { size: 1, volume_type: 'locked' } } });
    expect(refused.status).toBe(400);
    expect(refused.json.badRequest.message).toContain('no storage that encrypts');
  });

  test('can be another one for a volume, and has quotas of its own', async () => {
    const id = await newType({ name: 'gold' });
    const volumeId = await newVolume();
    const quotas = { quota_set: { volumes_gold: 0 } };
    await call('PUT', `/os-quota-sets/${api.project}`, { as: 'admin', body: quotas });
    const retype = { 'os-retype': { new_type: 'gold', migration_policy: 'never' } };
    expect((await call('POST', `/volumes/${volumeId}/action`, { body: retype })).status).toBe(413);
    await call('DELETE', `/os-quota-sets/${api.project}`, { as: 'admin' });
    expect((await call('POST', `/volumes/${volumeId}/action`, { body: retype })).status).toBe(202);
    expect(await shown(volumeId)).toMatchObject({ volume_type: 'gold', volume_type_id: id });
  });
});

test('a transfer makes a volume and its snapshots those of who has the key', async () => {
  const id = await newVolume();
  const { snapshot } = (await call('POST', '/snapshots', { body: { snapshot: { volume_id: id } } })).json;
  await api.settled(snapshot.id);
  const { transfer } = (await call('POST', '/volume-transfers', { body: { transfer: { volume_id: id } } })).json;
  expect((await shown(id)).status).toBe('awaiting-transfer');
  const accept = (auth_key: string) =>
    call('POST', `/volume-transfers/${transfer.id}/accept`, { as: 'stranger', body: { accept: { auth_key } } });
  expect((await accept('wrong')).status).toBe(400);
  expect((await accept(transfer.auth_key)).status).toBe(202);
  expect((await accept(transfer.auth_key)).status).toBe(404);
  expect((await call('GET', `/volumes/${id}`)).status).toBe(404);
  expect((await call('GET', `/volumes/${id}`, { as: 'stranger' })).json.volume.status).toBe('available');
  expect((await call('GET', `/snapshots/${snapshot.id}`, { as: 'stranger' })).status).toBe(200);
});

describe('a backup', () => {
  async function newBackup(body: object): Promise<string> {
    const answer = await call('POST', '/backups', { body: { backup: body } });
    expect(answer.status).toBe(202);
    await api.settled(answer.json.backup.id);
    return answer.json.backup.id;
  }
  const backup = async (id: string) => (await call('GET', `/backups/${id}`)).json.backup;

  test('is made, kept by those that are the difference to it, restored and deleted', async () => {
    const id = await newVolume({ size: 1, name: 'data', metadata: { tier: 'gold' } });
    expect((await call('POST', '/backups', { body: { backup: { volume_id: id, incremental: true } } })).status).toBe(
      400,
    );
    const full = await newBackup({ volume_id: id, name: 'monday' });
    const more = await newBackup({ volume_id: id, incremental: true });
    expect(await backup(full)).toMatchObject({
      status: 'available',
      is_incremental: false,
      has_dependent_backups: true,
    });
    expect(await backup(more)).toMatchObject({ is_incremental: true, size: 1 });
    expect((await call('DELETE', `/backups/${full}`)).status).toBe(400);
    const { restore } = (await call('POST', `/backups/${more}/restore`, { body: { restore: {} } })).json;
    await api.settled(restore.volume_id);
    expect(await shown(restore.volume_id)).toMatchObject({ status: 'available', size: 1, metadata: { tier: 'gold' } });
    const onto = await call('POST', `/backups/${full}/restore`, { body: { restore: { volume_id: id } } });
    expect(onto.status).toBe(202);
    await api.settled(id);
    expect((await shown(id)).status).toBe('available');
    for (const one of [more, full]) {
      expect((await call('DELETE', `/backups/${one}`)).status).toBe(202);
      await api.settled(one);
      expect((await call('GET', `/backups/${one}`)).status).toBe(404);
    }
    expect(await api.storage.cloud.blockStorage.backupStore.list()).toEqual({ backups: [], others: [] });
  });

  test('is found again by its record', async () => {
    const id = await newBackup({ volume_id: await newVolume() });
    const exported = await call('GET', `/backups/${id}/export_record`, { as: 'admin' });
    const record = exported.json['backup-record'];
    const parsed = JSON.parse(Buffer.from(record.backup_url, 'base64').toString());
    const other = 'c0ffee00-0000-4000-8000-000000000001';
    const backup_url = Buffer.from(JSON.stringify({ ...parsed, id: other })).toString('base64');
    const body = { 'backup-record': { ...record, backup_url } };
    expect((await call('POST', '/backups/import_record', { as: 'admin', body })).status).toBe(201);
    await call('DELETE', `/backups/${id}`);
    await api.settled(id);
    const { restore } = (await call('POST', `/backups/${other}/restore`, { as: 'admin', body: { restore: {} } })).json;
    await api.settled(restore.volume_id);
    expect((await shown(restore.volume_id)).status).toBe('available');
  });
});

test('an attachment keeps a volume for something else, and servers do not get it meanwhile', async () => {
  const id = await newVolume();
  const wanted = { attachment: { volume_uuid: id } };
  const { attachment } = (await call('POST', '/attachments', { body: wanted })).json;
  expect(attachment).toMatchObject({ status: 'reserved', connection_info: {} });
  expect((await call('POST', '/attachments', { body: wanted })).status).toBe(400);
  const path = `/attachments/${attachment.id}`;
  const connect = (host: string) => call('PUT', path, { body: { attachment: { connector: { host } } } });
  expect((await connect('elsewhere')).status).toBe(400);
  const connected = (await connect('simulated')).json.attachment;
  expect(connected.connection_info).toMatchObject({ driver_volume_type: 'file', data: { access_mode: 'rw' } });
  expect((await call('POST', `${path}/action`, { body: { 'os-complete': null } })).status).toBe(204);
  expect(await shown(id)).toMatchObject({ status: 'in-use', attachments: [{ attachment_id: attachment.id }] });
  const server = await api.storage.server();
  const attach = api.storage.cloud.blockStorage.attach(api.storage.member, server.id, {
    volumeId: id.replaceAll('-', ''),
  });
  await expect(attach).rejects.toMatchObject({ code: 'invalid' });
  expect((await call('DELETE', path)).json).toEqual({ attachments: [] });
  expect((await shown(id)).status).toBe('available');
});

test('what the cloud has for volumes is told to administrators', async () => {
  const { services } = (await call('GET', '/os-services', { as: 'admin' })).json;
  expect(services).toContainEqual(expect.objectContaining({ binary: 'cinder-volume', host: 'simulated@local' }));
  expect((await call('GET', '/os-services')).status).toBe(403);
  const { pools } = (await call('GET', '/scheduler-stats/get_pools?detail=true', { as: 'admin' })).json;
  expect(pools[0]).toMatchObject({ name: 'simulated@local#local', capabilities: { vendor_name: 'Unkai' } });
  expect((await call('GET', '/os-hosts/simulated@local', { as: 'admin' })).json.host[0].resource.project).toBe(
    '(total)',
  );
  const disable = { host: 'simulated@local', binary: 'cinder-volume' };
  expect((await call('PUT', '/os-services/disable', { as: 'admin', body: disable })).status).toBe(400);
});
