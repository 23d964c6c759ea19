import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { SimulatedHost } from '../../../agent/hypervisor/simulated/simulated-host.ts';
import { parseId } from '../../../env/env.ts';
import { volume as volumeDialect } from '../volume/volume.ts';
import { computeDialects } from './compute.ts';
import { ComputeApi } from './test-compute-api.ts';

const servers = '/compute/v2.1/servers';
let api: ComputeApi;
beforeAll(async () => {
  api = await ComputeApi.start([...computeDialects, volumeDialect]);
});
afterAll(() => api?.stop());

/** What the metadata service tells the server's guest of its devices. */
async function devicesOf(serverId: string) {
  const { db } = api.unkai.cloud;
  const place = db.read.selectFrom('ports').innerJoin('port_addresses', 'port_addresses.port_id', 'ports.id');
  const { network_id: networkId, ip_address: address } = await place
    .select(['ports.network_id', 'port_addresses.ip_address'])
    .where('ports.device_id', '=', parseId(serverId)!)
    .executeTakeFirstOrThrow();
  const host = api.unkai.agents[0]!.agent as unknown as SimulatedHost;
  const path = '/openstack/latest/meta_data.json';
  const answer = await host.networks.askMetadata({ networkId, address, method: 'GET', path });
  return JSON.parse(String(answer!.body)).devices as Array<{ tags: string[] }>;
}

async function volume(): Promise<string> {
  const url = `/volume/v3/${api.projectId}/volumes`;
  const { id } = (await api.call('POST', url, { body: { volume: { size: 1 } } })).body.volume;
  await vi.waitFor(async () => expect((await api.call('GET', `${url}/${id}`)).body.volume.status).toBe('available'), {
    timeout: 20_000,
  });
  return id;
}

async function networkId(): Promise<string> {
  const ports = await api.unkai.cloud.networks.ports.list(api.operator, {});
  const found = ports.find(({ deviceOwner }) => deviceOwner === 'compute:nova');
  return found!.networkId;
}

test('a guest finds the devices that it was made with by their tags, which its API shows', async () => {
  await api.server();
  const disk = await volume();
  const server = {
    ...{ name: 'tagged', imageRef: api.imageId, flavorRef: '42' },
    networks: [{ uuid: await networkId(), tag: 'front' }, { uuid: await networkId() }],
    block_device_mapping_v2: [
      { boot_index: 0, uuid: api.imageId, source_type: 'image', destination_type: 'local', tag: 'system' },
      { boot_index: -1, uuid: disk, source_type: 'volume', destination_type: 'volume', tag: 'data' },
    ],
  };
  const made = await api.call('POST', servers, { body: { server }, version: '2.42' });
  expect(made, JSON.stringify(made.body)).toMatchObject({ status: 202 });
  const { id } = made.body.server;
  await api.settled(id);

  const devices = await devicesOf(id);
  const pci = { bus: 'pci', address: expect.stringMatching(/^0000:00:[0-9a-f]{2}\.0$/) };
  expect(devices).toHaveLength(3);
  expect(devices).toContainEqual({ type: 'nic', ...pci, mac: expect.any(String), vf_trusted: false, tags: ['front'] });
  expect(devices).toContainEqual({ type: 'disk', ...pci, serial: disk, path: '/dev/vdb', tags: ['data'] });
  expect(devices).toContainEqual(expect.objectContaining({ type: 'disk', path: '/dev/vda', tags: ['system'] }));

  const attachment = `${servers}/${id}/os-volume_attachments/${disk}`;
  expect((await api.call('GET', attachment, { version: '2.70' })).body.volumeAttachment.tag).toBe('data');
  const interfaces = `${servers}/${id}/os-interface`;
  const shown = (await api.call('GET', interfaces, { version: '2.70' })).body.interfaceAttachments;
  expect(shown.map(({ tag }: { tag: string | null }) => tag)).toEqual(expect.arrayContaining(['front', null]));
  expect((await api.call('GET', attachment, { version: '2.69' })).body.volumeAttachment).not.toHaveProperty('tag');
});

test('tags come and go with what is attached later', async () => {
  const id = await api.server();
  expect(await devicesOf(id)).toEqual([]);
  const [version, disk] = ['2.70', await volume()];
  const attachments = `${servers}/${id}/os-volume_attachments`;
  const body = { volumeAttachment: { volumeId: disk, tag: 'data' } };
  expect((await api.call('POST', attachments, { body, version })).body.volumeAttachment.tag).toBe('data');
  await api.settled(id);
  const wanted = { interfaceAttachment: { tag: 'back' } };
  const given = (await api.call('POST', `${servers}/${id}/os-interface`, { body: wanted, version })).body;
  expect(given.interfaceAttachment, JSON.stringify(given)).toMatchObject({ tag: 'back' });
  const told = async () => (await devicesOf(id)).flatMap(({ tags }) => tags).toSorted();
  await expect.poll(told).toEqual(['back', 'data']);

  await api.call('DELETE', `${attachments}/${disk}`);
  await expect.poll(told).toEqual(['back']);
  await api.call('DELETE', `${servers}/${id}/os-interface/${given.interfaceAttachment.port_id}`);
  await expect.poll(told).toEqual([]);
});

test.each([
  ['2.31', 'networks'],
  ['2.32', undefined],
  ['2.37', 'networks'],
  ['2.42', undefined],
])('tags of interfaces at %s, as Nova knows them: %s', async (version, refused) => {
  await api.server();
  const server = {
    name: 'one',
    imageRef: api.imageId,
    flavorRef: '42',
    networks: [{ uuid: await networkId(), tag: 'a' }],
  };
  const answer = await api.call('POST', servers, { body: { server }, version });
  expect(answer.status).toBe(refused ? 400 : 202);
  if (refused) expect(answer.body.badRequest.message).toMatch(/'tag' was unexpected/);
});

test('disks had tags in 2.32 alone before 2.42, and a tag is one word', async () => {
  await api.server();
  const ask = (tag: string, version: string) => {
    const mapping = { boot_index: 0, uuid: api.imageId, source_type: 'image', destination_type: 'local', tag };
    const server = { name: 'one', flavorRef: '42', networks: 'auto', block_device_mapping_v2: [mapping] };
    return api.call('POST', servers, { body: { server: { ...server, imageRef: api.imageId } }, version });
  };
  expect((await ask('a', '2.37')).body.badRequest.message).toMatch(/'tag' was unexpected/);
  expect((await ask('a,b', '2.42')).status).toBe(400);
  expect((await ask('a', '2.42')).status).toBe(202);
});
