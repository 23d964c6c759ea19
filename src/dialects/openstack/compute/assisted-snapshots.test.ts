import { afterAll, beforeAll, expect, it } from 'vitest';
import { computeDialects } from './compute.ts';
import { ComputeApi } from './test-compute-api.ts';

const base = '/compute/v2.1/os-assisted-volume-snapshots';
const snapshotId = 'b1323cda-8e4b-41c1-afc5-2fc791809c8c';
let api: ComputeApi;
let volumeId: string;

beforeAll(async () => {
  api = await ComputeApi.start(computeDialects);
  const { blockStorage, runner } = api.unkai.cloud;
  const { volume, actionId } = await blockStorage.create(api.operator, { size: 2 ** 30 });
  await runner.wait(actionId, { timeoutMs: 60_000 });
  const serverId = await api.server();
  const attaching = await blockStorage.attach(api.operator, serverId.replaceAll('-', ''), { volumeId: volume.id });
  await runner.wait(attaching.actionId, { timeoutMs: 60_000 });
  volumeId = volume.id.replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
});
afterAll(() => api.stop());

const create = (create_info: object, volume_id = volumeId) =>
  api.call('POST', base, { body: { snapshot: { volume_id, create_info } } });
const remove = (query: string, version = '2.1') => api.call('DELETE', `${base}/${snapshotId}?${query}`, { version });
const info = (told: unknown) => `delete_info=${encodeURIComponent(JSON.stringify(told))}`;

it('makes snapshots under the id that is given, and deletes them', async () => {
  const wanted = { snapshot_id: snapshotId, type: 'qcow2', new_file: 'new_file' };
  const made = await create(wanted);
  expect(made).toMatchObject({ status: 200, body: { snapshot: { id: snapshotId, volumeId } } });
  const shown = await api.call('GET', `/compute/v2.1/os-snapshots/${snapshotId}`);
  expect(shown.body.snapshot).toMatchObject({ id: snapshotId, volumeId });
  const again = await create({ ...wanted, id: 'their words' });
  expect(again).toMatchObject({ status: 400, body: { badRequest: { message: expect.stringMatching(/already/) } } });
  const told = { volume_id: volumeId, type: 'qcow2', file_to_merge: 'a', merge_target_file: 'b' };
  expect((await remove(info(told))).status).toBe(204);
  expect((await create({ ...wanted, snapshot_id: volumeId, id: 'their words' })).body.snapshot.id).toBe('their words');
});

it.each([
  ['another type', { type: 'raw' }],
  ['no id', { snapshot_id: undefined }],
  ['an id that is none', { snapshot_id: 'mine' }],
  ['an empty file', { new_file: '' }],
  ['more than there is', { mine: 'x' }],
])('refuses %s', async (_, change) => {
  const { status, body } = await create({ snapshot_id: snapshotId, type: 'qcow2', new_file: 'x', ...change });
  expect([status, Object.keys(body)]).toEqual([400, ['badRequest']]);
});

it.each([
  ['no delete_info', ''],
  ['what is no JSON', 'delete_info=%7B'],
  ['null', info(null)],
  ['a list', info([snapshotId])],
  ['no volume', info({})],
  ['an unknown volume', info({ volume_id: snapshotId })],
  ['a volume that is none', info({ volume_id: 'mine' })],
])('refuses to delete by %s', async (_, query) => {
  expect((await remove(query)).status).toBe(400);
});

it('heeds its query closely from 2.75 on, and knows which snapshots there are', async () => {
  const query = `${info({ volume_id: volumeId })}&colour=blue`;
  expect((await remove(query, '2.74')).status).toBe(404);
  expect((await remove(query, '2.75')).status).toBe(400);
  const unknown = await api.call('DELETE', `${base}/mine?${info({ volume_id: volumeId })}`);
  expect(unknown).toMatchObject({ status: 404, body: { itemNotFound: { code: 404 } } });
});
