import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withDashes } from '../../../env/env.ts';
import { volume as volumeDialect } from '../volume/volume.ts';
import { computeDialects } from './compute.ts';
import { ComputeApi } from './test-compute-api.ts';

const servers = '/compute/v2.1/servers';
let api: ComputeApi;
beforeAll(async () => {
  api = await ComputeApi.start([...computeDialects, volumeDialect]);
});
afterAll(() => api?.stop());

async function image(minDiskGb: number): Promise<string> {
  const { images } = api.unkai.cloud;
  const format = { diskFormat: 'raw', containerFormat: 'bare', visibility: 'public' } as const;
  const { id } = await images.create(api.operator, { name: `needs ${minDiskGb}`, minDiskGb, ...format });
  await images.upload(api.operator, id, Readable.from([Buffer.alloc(1 << 20, minDiskGb)]));
  return withDashes(id);
}

test('the volume that a server boots from is written anew from 2.93 on, and is the same volume', async () => {
  const mapping = {
    boot_index: 0,
    uuid: api.imageId,
    source_type: 'image',
    destination_type: 'volume',
    volume_size: 2,
  };
  const id = await api.server({ imageRef: '', block_device_mapping_v2: [mapping] });
  const [other, tooLarge] = [await image(2), await image(3)];
  const shown = async () => {
    const { server } = (await api.call('GET', `${servers}/${id}`)).body;
    const [{ id: volumeId }] = server['os-extended-volumes:volumes_attached'];
    const { volume } = (await api.call('GET', `/volume/v3/${api.projectId}/volumes/${volumeId}`)).body;
    const { image_id: imageId } = volume.volume_image_metadata;
    return { status: server.status, image: server.image, volumeId, size: volume.size, state: volume.status, imageId };
  };
  const before = await shown();
  expect(before).toMatchObject({ status: 'ACTIVE', image: '', size: 2, state: 'in-use', imageId: api.imageId });
  const rebuild = (imageRef: string, version: string) => api.act(id, { rebuild: { imageRef } }, { version });

  expect((await rebuild(other, '2.92')).body.badRequest.message).toMatch(/with a different image for a volume-backed/);
  expect((await rebuild(tooLarge, '2.93')).body.badRequest.message).toMatch(/needs 3GB, and the volume has 2GB/);
  expect(await shown()).toEqual(before);
  const answer = await rebuild(other, '2.93');
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 202, body: { server: { image: '' } } });
  expect(await shown()).toEqual({ ...before, imageId: other });
});
