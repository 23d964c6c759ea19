import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseId } from '../../../env/env.ts';
import { computeDialects } from './compute.ts';
import { ComputeApi } from './test-compute-api.ts';

const servers = '/compute/v2.1/servers';
let api: ComputeApi;

beforeAll(async () => {
  api = await ComputeApi.start(computeDialects);
});
afterAll(() => api.stop());

const says = (properties: Record<string, string>) =>
  api.unkai.cloud.images.update(api.operator, parseId(api.imageId)!, { properties });
const status = async (id: string) => (await api.call('GET', `${servers}/${id}`)).body.server.status;

test('a server that boots from a volume is rescued from 2.87 on, by an image whose disk stands beside its own', async () => {
  const volume = { source_type: 'image', destination_type: 'volume', volume_size: 1, delete_on_termination: true };
  const mapping = { boot_index: 0, uuid: api.imageId, ...volume };
  const id = await api.server({ imageRef: '', block_device_mapping_v2: [mapping] });
  const rescue = (version: string, image: object = { rescue_image_ref: api.imageId }) =>
    api.act(id, { rescue: image }, { version });
  const refused = { status: 400, body: { badRequest: { message: 'Cannot rescue a volume-backed instance' } } };

  expect(await rescue('2.87')).toMatchObject(refused);
  await says({ hw_rescue_device: 'disk', hw_rescue_bus: 'virtio' });
  expect(await rescue('2.86')).toMatchObject(refused);
  // It was not built from an image.
  expect(await rescue('2.87', {})).toMatchObject(refused);
  expect(await rescue('2.87')).toMatchObject({ status: 200 });
  expect(await status(id)).toBe('RESCUE');
  expect((await api.act(id, { unrescue: null })).status).toBe(202);
  expect(await status(id)).toBe('ACTIVE');
});

test('a rescue device that there is not is refused', async () => {
  await says({ hw_rescue_device: 'floppy' });
  const id = await api.server();
  const answer = await api.act(id, { rescue: null });
  expect(answer.status).toBe(400);
  expect(answer.body.badRequest.message).toBe("Requested rescue device 'floppy' is not supported by the hosts.");
  expect(await status(id)).toBe('ACTIVE');
});
