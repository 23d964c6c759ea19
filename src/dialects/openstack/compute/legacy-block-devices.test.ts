import { afterAll, beforeAll, expect, test } from 'vitest';
import { volume as volumeDialect } from '../volume/volume.ts';
import { computeDialects } from './compute.ts';
import { legacyBlockDevices } from './legacy-block-devices.ts';
import { ComputeApi } from './test-compute-api.ts';

let api: ComputeApi;
beforeAll(async () => {
  api = await ComputeApi.start([...computeDialects, volumeDialect]);
});
afterAll(() => api?.stop());

const volume_id = 'c0ffee11-a5e0-4c1d-a11a-71e711a00501';
const id = 'c0ffee11a5e04c1da11a71e711a00501';
const read = (mappings: Parameters<typeof legacyBlockDevices>[0], hasImage = false) =>
  legacyBlockDevices(mappings, { hasImage, refuseMultiattach: true });

test('without an image the server boots from the first that is not blank', () => {
  const found = read([
    { virtual_name: 'ephemeral0', device_name: 'vdb' },
    { volume_id, device_name: '/dev/vda', delete_on_termination: '1' },
    { snapshot_id: volume_id, volume_size: '2' },
  ]);
  expect(found).toMatchObject([
    { bootIndex: null, source: 'blank', destination: 'local', deleteOnTermination: true },
    { bootIndex: 0, source: 'volume', destination: 'volume', id, deleteOnTermination: true },
    { bootIndex: null, source: 'snapshot', destination: 'volume', id, sizeGb: 2, deleteOnTermination: false },
  ]);
});

test('with an image none of them is booted from; swap is measured in MiB, and what is not to be is left out', () => {
  const found = read([{ volume_id }, { virtual_name: 'swap', volume_size: 64 }, { no_device: true }], true);
  expect(found).toMatchObject([
    { bootIndex: null, source: 'volume' },
    { source: 'blank', guestFormat: 'swap', sizeMb: 64 },
  ]);
});

test('what says nothing is refused', () => {
  expect(() => read([{ device_name: 'vda' }])).toThrow(/Unrecognized legacy format/);
  expect(() => read([{ volume_id: 'none' }])).toThrow(/volume_id/);
});

test('a server boots from a volume that was named in the first form', async () => {
  const volumes = `/volume/v3/${api.projectId}/volumes`;
  const { volume } = (await api.call('POST', volumes, { body: { volume: { size: 1, imageRef: api.imageId } } })).body;
  await api.unkai.cloud.runner.idle();
  const block_device_mapping = [{ volume_id: volume.id, device_name: 'vda', delete_on_termination: '1' }];
  const id = await api.server({ imageRef: '', block_device_mapping });
  const { server } = (await api.call('GET', `/compute/v2.1/servers/${id}`, { version: '2.3' })).body;
  const attached = [{ id: volume.id, delete_on_termination: true }];
  expect(server).toMatchObject({ image: '', status: 'ACTIVE', 'os-extended-volumes:volumes_attached': attached });

  const newer = [{ source_type: 'volume', destination_type: 'volume', uuid: volume.id, boot_index: 0 }];
  const both = { name: 'both', flavorRef: '42', block_device_mapping, block_device_mapping_v2: newer };
  const refused = await api.call('POST', '/compute/v2.1/servers', { body: { server: both } });
  expect(refused).toMatchObject({ status: 400 });
  expect(refused.body.badRequest.message).toMatch(/different block_device_mapping syntaxes/);
});
