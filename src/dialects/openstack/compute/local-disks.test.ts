import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseId } from '../../../env/env.ts';
import { volume as volumeDialect } from '../volume/volume.ts';
import { computeDialects } from './compute.ts';
import { ComputeApi } from './test-compute-api.ts';

const servers = '/compute/v2.1/servers';
let api: ComputeApi;
beforeAll(async () => {
  api = await ComputeApi.start([...computeDialects, volumeDialect]);
  const flavor = { id: 'local', name: 'local', ram: 128, vcpus: 1, disk: 1, swap: 64, 'OS-FLV-EXT-DATA:ephemeral': 2 };
  const made = await api.call('POST', '/compute/v2.1/flavors', { body: { flavor } });
  expect(made.body.flavor).toMatchObject({ swap: 64, 'OS-FLV-EXT-DATA:ephemeral': 2 });
});
afterAll(() => api?.stop());

const root = () => ({ boot_index: 0, uuid: api.imageId, source_type: 'image', destination_type: 'local' });
const local = { boot_index: -1, source_type: 'blank', destination_type: 'local', delete_on_termination: true };

async function refused(mappings: object[], version?: string): Promise<string> {
  const server = { name: 'refused', imageRef: api.imageId, flavorRef: 'local', block_device_mapping_v2: mappings };
  const answer = await api.call('POST', servers, {
    body: { server: { ...server, ...(version ? { networks: 'none' } : {}) } },
    ...(version ? { version } : {}),
  });
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 400 });
  return answer.body.badRequest.message;
}

test('a server has the local disks that its flavor and its user say, which are nobody’s volumes', async () => {
  const mappings = [
    root(),
    { ...local, volume_size: 1, guest_format: 'ext3' },
    { ...local, guest_format: 'swap', volume_size: '32', disk_bus: 'sata', device_type: 'disk' },
  ];
  const id = await api.server({ flavorRef: 'local', block_device_mapping_v2: mappings });
  const disks = await api.unkai.cloud.volumes.ofServer(parseId(id)!);
  expect(disks.map(({ kind, device, size }) => [kind, device, size / 2 ** 20])).toEqual([
    ['root', '/dev/vda', 1024],
    ['ephemeral', '/dev/vdb', 1024],
    ['swap', '/dev/vdc', 32],
  ]);
  const { server } = (await api.call('GET', `${servers}/${id}`, { version: '2.47' })).body;
  expect(server).toMatchObject({ status: 'ACTIVE', flavor: { ephemeral: 2, swap: 64 } });
  expect(server['os-extended-volumes:volumes_attached']).toEqual([]);
  expect((await api.call('GET', `${servers}/${id}/os-volume_attachments`)).body.volumeAttachments).toEqual([]);
  expect((await api.call('GET', `/volume/v3/${api.projectId}/volumes`)).body.volumes).toEqual([]);
  const { hypervisors } = (await api.call('GET', '/compute/v2.1/os-hypervisors/detail')).body;
  expect(hypervisors[0].local_gb_used).toBe(1 + 2 + 1);
});

test('what the flavor does not allow is refused in Nova’s words', async () => {
  expect(await refused([root(), { ...local, volume_size: 3 }])).toBe(
    'Ephemeral disks requested are larger than the instance type allows. If no size is given in one block device mapping, flavor ephemeral size will be used.',
  );
  expect(await refused([root(), { ...local, guest_format: 'swap', volume_size: 65 }])).toBe(
    'Swap drive requested is larger than instance type allows.',
  );
  const swap = { ...local, guest_format: 'swap', volume_size: 1 };
  expect(await refused([root(), swap, swap])).toMatch(/^Block Device Mapping is Invalid: More than one swap drive/);
  expect(await refused([root(), { ...local, uuid: api.imageId }])).toMatch(/Invalid device UUID/);
  expect(await refused([root(), { ...root(), boot_index: 1 }])).toMatch(/Mapping image to local is not supported/);
});

test('from 2.67 on the volumes that are made have the type that is said', async () => {
  const types = `/volume/v3/${api.projectId}/types`;
  await api.call('POST', types, { body: { volume_type: { name: 'fast' } } });
  const image = { uuid: api.imageId, source_type: 'image', destination_type: 'volume', volume_size: 1, boot_index: 0 };
  const ask = (volume_type: string, version: string) => {
    const server = { name: 'typed', flavorRef: '42', networks: 'none' };
    const mapping = { ...image, volume_type, delete_on_termination: true };
    return api.call('POST', servers, { body: { server: { ...server, block_device_mapping_v2: [mapping] } }, version });
  };
  expect(await ask('fast', '2.66')).toMatchObject({ status: 400 });
  const unknown = await ask('slow', '2.67');
  expect(unknown).toMatchObject({
    status: 400,
    body: { badRequest: { message: 'Volume type slow could not be found.' } },
  });
  const made = await ask('fast', '2.67');
  expect(made, JSON.stringify(made.body)).toMatchObject({ status: 202 });
  await api.settled(made.body.server.id);
  const { volumes } = (await api.call('GET', `/volume/v3/${api.projectId}/volumes/detail`)).body;
  expect(volumes).toMatchObject([{ volume_type: 'fast', status: 'in-use', bootable: 'true' }]);
  expect(await refused([root(), { ...local, volume_type: 'fast' }], '2.67')).toMatch(/destination_type=local/);
});

test('a rebuild that is to preserve ephemeral disks is refused, for none does', async () => {
  const id = await api.server({ flavorRef: 'local' });
  const rebuild = { imageRef: api.imageId, preserve_ephemeral: true };
  const answer = await api.act(id, { rebuild });
  expect(answer).toMatchObject({ status: 400 });
  expect(answer.body.badRequest.message).toMatch(/does not support preserving ephemeral partitions/);
});
