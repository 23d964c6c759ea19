import { afterAll, beforeAll, expect, test } from 'vitest';
import { VolumeApi, type Who } from './test-volume-api.ts';
import { volume } from './volume.ts';

let api: VolumeApi;
beforeAll(async () => {
  api = await VolumeApi.start([volume], 2);
});
afterAll(() => api.stop());

const call = (method: 'GET' | 'POST', path: string, body?: unknown, as: Who = 'admin', minor = 70) =>
  api.call(method, `/volume/v3${path}`, { as, body, version: `volume 3.${minor}` });
const shown = async (id: string, as: Who = 'admin') => (await call('GET', `/volumes/${id}`, undefined, as)).json.volume;
const migrate = (id: string, body: object, as: Who = 'admin', minor = 70) =>
  call('POST', `/volumes/${id}/action`, { 'os-migrate_volume': body }, as, minor);
const hostOf = ({ 'os-vol-host-attr:host': host }: Record<string, string>) => host!;

async function freeVolume(): Promise<{ id: string; here: string; there: string }> {
  const { id } = (await call('POST', '/volumes', { volume: { size: 1 } }, 'member')).json.volume;
  await api.settled(id);
  const here = hostOf(await shown(id));
  const services = (await call('GET', '/os-services?binary=cinder-volume')).json.services as Array<{ host: string }>;
  const there = services.map(({ host }) => `${host}#local`).find((host) => host !== here)!;
  return { id, here, there };
}

test('a volume moves to the host that is named, as administrators see', async () => {
  const { id, there } = await freeVolume();
  expect((await migrate(id, { host: there, force_host_copy: false, lock_volume: 'True' })).status).toBe(202);
  await api.settled(id);
  const now = await shown(id);
  expect(hostOf(now)).toBe(there);
  const told = { status: 'available', migration_status: 'success', 'os-vol-mig-status-attr:migstat': 'success' };
  expect(now).toMatchObject(told);
  expect(await shown(id, 'member')).toMatchObject({ status: 'available', migration_status: null });
  const reset = { 'os-reset_status': { migration_status: 'none' } };
  expect((await call('POST', `/volumes/${id}/action`, reset)).status).toBe(202);
  expect(await shown(id)).toMatchObject({ status: 'available', migration_status: null });
});

test('what is asked for in vain is refused as Cinder does', async () => {
  const { id, here, there } = await freeVolume();
  const status = async (...asked: Parameters<typeof migrate>) => (await migrate(...asked)).status;
  expect(await status(id, { host: here })).toBe(400);
  expect(await status(id, { host: there.replace('#local', '#nowhere') })).toBe(400);
  expect(await status(id, { host: 'nowhere@local#local' })).toBe(404);
  expect(await status('no-such-volume', { host: there })).toBe(404);
  expect(await status(id, { host: there }, 'member')).toBe(403);
  expect(await status(id, { host: there, lock_volume: 'perhaps' })).toBe(400);
  expect(await status(id, { host: 7 })).toBe(400);
  expect(await status(id, {})).toBe(400);
  expect(await status(id, { host: there, cluster: 'all' })).toBe(400);
  expect(await status(id, { cluster: 'all' })).toBe(404);
  expect(await status(id, { cluster: 'all' }, 'admin', 15)).toBe(400);
  const { cloud } = api.storage;
  const host = (await cloud.hosts.list()).find(({ name }) => there.startsWith(`${name}@`))!;
  await cloud.hosts.setState(host.id, 'disabled');
  expect(await status(id, { host: there })).toBe(404);
  await cloud.hosts.setState(host.id, 'enabled');
  expect(await shown(id)).toMatchObject({ status: 'available', migration_status: null });
});

test('whether a volume is attached can be said as it is, and not otherwise', async () => {
  const { id } = await freeVolume();
  const reset = async (body: object) =>
    (await call('POST', `/volumes/${id}/action`, { 'os-reset_status': body })).status;
  expect(await reset({ attach_status: 'detached' })).toBe(202);
  expect(await reset({ status: 'error', attach_status: 'detached' })).toBe(202);
  expect(await shown(id)).toMatchObject({ status: 'error' });
  expect(await reset({ attach_status: 'attached' })).toBe(400);
  expect(await reset({ attach_status: 'deleted' })).toBe(400);
  expect(await reset({ migration_status: 'migrating' })).toBe(400);
  expect(await reset({ status: null })).toBe(400);
  expect(await shown(id)).toMatchObject({ status: 'error' });
});
