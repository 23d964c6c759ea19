import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseId, withDashes } from '../../../env/env.ts';
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

test('its own image starts a server anew on the volume as it is, below 2.93 and where there are no versions', async () => {
  const mapping = {
    ...{ boot_index: 0, uuid: api.imageId, volume_size: 2 },
    ...{ source_type: 'image', destination_type: 'volume' },
  };
  const id = await api.server({ imageRef: '', block_device_mapping_v2: [mapping], metadata: { of: 'before' } });
  const disks = () =>
    api.unkai.cloud.db.read
      .selectFrom('servers')
      .innerJoin('volumes', 'volumes.id', 'servers.root_volume_id')
      .innerJoin('disks', 'disks.volume_id', 'volumes.id')
      .select(['disks.id', 'volumes.disk_id', 'volumes.status', 'volumes.image_metadata'])
      .where('servers.id', '=', parseId(id)!)
      .execute();
  const before = await disks();
  expect(before).toHaveLength(1);
  const rebuild = { imageRef: api.imageId, metadata: { of: 'after' } };
  const told = await api.act(id, { rebuild }, { version: '2.92' });
  expect(told, JSON.stringify(told.body)).toMatchObject({ status: 202, body: { server: { image: '' } } });
  const shown = async () => (await api.call('GET', `${servers}/${id}`)).body.server;
  expect(await shown()).toMatchObject({ status: 'ACTIVE', image: '', metadata: { of: 'after' } });
  expect(await disks()).toEqual(before);

  const unversioned = `/compute/v2/${api.projectId}/servers/${id}`;
  const asked = { body: { rebuild: { ...rebuild, metadata: { of: 'none' } } } };
  expect(await api.call('POST', `${unversioned}/action`, asked)).toMatchObject({ status: 202 });
  await api.unkai.cloud.runner.idle();
  expect(await shown()).toMatchObject({ status: 'ACTIVE', metadata: { of: 'none' } });
  expect(await disks()).toEqual(before);
  const events = (await api.call('GET', `${servers}/${id}/os-instance-actions`)).body.instanceActions;
  expect(events.map(({ action }: { action: string }) => action)).toEqual(['rebuild', 'rebuild', 'create']);
});
