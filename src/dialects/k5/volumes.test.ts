import { afterEach, beforeEach, expect, test } from 'vitest';
import { openstackDialect } from '../openstack/common/openstack-dialect.ts';
import { VolumeApi } from '../openstack/volume/test-volume-api.ts';
import { k5OldVolumeOperations, k5VolumeAttachmentOperations, k5VolumeOperations } from './volumes.ts';

const shared = { service: 'volume', title: 'K5', version: '2', unknownMembers: 'drop' } as const;
const second = openstackDialect({
  ...shared,
  mounts: ['/v2/{tenant_id}'],
  operations: [...k5VolumeOperations, ...k5VolumeAttachmentOperations],
});
const old = openstackDialect({ ...shared, mounts: ['/v1.1/{tenant_id}'], operations: k5OldVolumeOperations });

let api: VolumeApi;
beforeEach(async () => {
  api = await VolumeApi.start([
    { ...second, name: 'k5' },
    { ...old, name: 'k5' },
  ]);
});
afterEach(() => api.stop());

test('create volume (1) answers 202 in the words of Cinder', async () => {
  const body = { volume: { name: 'data', size: 1, metadata: { a: 'b' } } };
  const made = await api.call('POST', `/v2/${api.project}/volumes`, { body });
  expect(made.status).toBe(202);
  const { id } = made.json.volume;
  expect(made.json.volume).toMatchObject({ name: 'data', status: 'creating', metadata: { a: 'b' } });
  await api.settled(id);
  const shown = await api.call('GET', `/v2/${api.project}/volumes/${id}`);
  expect(shown.json.volume).toMatchObject({ status: 'available', availability_zone: 'nova' });
  expect(shown.headers['openstack-api-version']).toBeUndefined();
  const upload = { 'os-volume_upload_image': { image_name: 'golden', disk_format: 'qcow2', force: true } };
  const image = await api.call('POST', `/v2/${api.project}/volumes/${id}/action`, { body: upload });
  expect(image).toMatchObject({ status: 202, json: { 'os-volume_upload_image': { image_name: 'golden' } } });
  await api.settled(id);
});

test('create volume (2) answers 200 in camel case', async () => {
  const body = { volume: { display_name: 'data', display_description: 'text', size: 1 } };
  const made = await api.call('POST', `/v1.1/${api.project}/os-volumes`, { body });
  expect(made.status).toBe(200);
  const { volume } = made.json;
  expect(volume).toMatchObject({
    displayName: 'data',
    displayDescription: 'text',
    volumeType: 'local',
    availabilityZone: 'nova',
    attachments: [{}],
  });
  expect(volume.createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/);
  await api.settled(volume.id);
  const path = `/v1.1/${api.project}/os-volumes`;
  expect((await api.call('GET', `${path}/detail`)).json.volumes).toMatchObject([
    { id: volume.id, status: 'available' },
  ]);
  expect((await api.call('GET', `${path}/${volume.id}`)).json.volume.status).toBe('available');
  expect((await api.call('DELETE', `${path}/${volume.id}`)).status).toBe(202);
  await api.settled(volume.id);
  expect((await api.call('GET', `${path}/${volume.id}`)).status).toBe(404);
});

test('devices are named as K5 wants them', async () => {
  const server = await api.storage.server();
  const made = await api.call('POST', `/v2/${api.project}/volumes`, { body: { volume: { size: 1 } } });
  const volumeId = made.json.volume.id;
  await api.settled(volumeId);
  const path = `/v2/${api.project}/servers/${server.id}/os-volume_attachments`;
  const attach = (device: string | null) =>
    api.call('POST', path, { body: { volumeAttachment: { volumeId, device } } });
  for (const device of ['/dev/sdb', '/dev/vdB', '/dev/vd1', 'vdb']) expect((await attach(device)).status).toBe(400);
  expect((await attach('/dev/vda')).status).toBe(409);
  const attached = await attach('/dev/vdc');
  expect(attached.json.volumeAttachment).toMatchObject({ id: volumeId, device: '/dev/vdc' });
  await api.settled(server.id);
  expect((await api.call('DELETE', `${path}/${volumeId}`)).status).toBe(202);
  await api.settled(server.id);
});
