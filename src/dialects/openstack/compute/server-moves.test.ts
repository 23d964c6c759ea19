import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { native } from '../../native/native.ts';
import { computeDialects } from './compute.ts';
import { ComputeApi } from './test-compute-api.ts';

let api: ComputeApi;
const servers = '/compute/v2.1/servers';

beforeAll(async () => {
  api = await ComputeApi.start([...computeDialects, native], {}, 3);
});
afterAll(() => api.stop());

const act = (id: string, body: object, version?: string, as = 'admin') =>
  api.call('POST', `${servers}/${id}/action`, { body, version, as });

async function shown(id: string) {
  const { body } = await api.call('GET', `${servers}/${id}`);
  return { status: body.server.status, host: body.server['OS-EXT-SRV-ATTR:host'] };
}

async function migrations(id: string) {
  const { body } = await api.call('GET', `/compute/v2.1/os-migrations?instance_uuid=${id}`, { version: '2.80' });
  return body.migrations;
}

const others = (host: string) => ['simulated', 'simulated-2', 'simulated-3'].filter((name) => name !== host);

/** Says that a host is down, or up again. */
async function forceDown(host: string, forced_down: boolean): Promise<void> {
  const { body } = await api.call('GET', `/compute/v2.1/os-services?host=${host}`, { version: '2.53' });
  const url = `/compute/v2.1/os-services/${body.services[0].id}`;
  expect(await api.call('PUT', url, { body: { forced_down }, version: '2.53' })).toMatchObject({ status: 200 });
}

describe('servers move between hosts', () => {
  it('cold, to a host of choice, and stay there or go back', async () => {
    const id = await api.server();
    const { host } = await shown(id);
    const [target] = others(host);
    expect((await act(id, { migrate: { host: target } }, '2.56')).status).toBe(202);
    await api.settled(id);
    expect(await shown(id)).toEqual({ status: 'VERIFY_RESIZE', host: target });
    expect((await migrations(id))[0]).toMatchObject({
      migration_type: 'migration',
      status: 'finished',
      source_compute: host,
      dest_compute: target,
    });
    expect((await act(id, { revertResize: null })).status).toBe(202);
    await api.settled(id);
    expect(await shown(id)).toEqual({ status: 'ACTIVE', host });
    expect((await migrations(id))[0].status).toBe('reverted');

    expect((await act(id, { migrate: null })).status).toBe(202);
    await api.settled(id);
    const moved = (await shown(id)).host;
    expect(moved).not.toBe(host);
    expect((await act(id, { confirmResize: null })).status).toBe(204);
    await api.settled(id);
    expect(await shown(id)).toEqual({ status: 'ACTIVE', host: moved });
  });

  it('while they run, as each microversion asks for it', async () => {
    const id = await api.server();
    const { host } = await shown(id);
    const [first, second] = others(host) as [string, string];
    const old = { host: first, block_migration: false, disk_over_commit: false };
    expect((await act(id, { 'os-migrateLive': { host: first, block_migration: 'auto' } }, '2.1')).status).toBe(400);
    expect((await act(id, { 'os-migrateLive': old }, '2.25')).status).toBe(400);
    expect((await act(id, { 'os-migrateLive': old }, '2.1')).status).toBe(202);
    await api.settled(id);
    expect(await shown(id)).toEqual({ status: 'ACTIVE', host: first });
    const forced = { host: second, block_migration: 'auto', force: true };
    expect((await act(id, { 'os-migrateLive': forced }, '2.68')).status).toBe(400);
    expect((await act(id, { 'os-migrateLive': forced }, '2.30')).status).toBe(202);
    await api.settled(id);
    expect(await shown(id)).toEqual({ status: 'ACTIVE', host: second });
    expect((await migrations(id))[0]).toMatchObject({ migration_type: 'live-migration', status: 'completed' });
    expect((await act(id, { 'os-migrateLive': { host: second, block_migration: 'auto' } }, '2.25')).status).toBe(400);
    const nowhere = { host: 'nowhere', block_migration: 'auto' };
    expect((await act(id, { 'os-migrateLive': nowhere }, '2.25')).status).toBe(400);
    const under = await api.call('GET', `${servers}/${id}/migrations`, { version: '2.23' });
    expect(under.body).toEqual({ migrations: [] });
    expect((await api.call('DELETE', `${servers}/${id}/migrations/1`, { version: '2.24' })).status).toBe(404);
  });

  it('from a host that is down, but from no other', async () => {
    const id = await api.server();
    const { host } = await shown(id);
    const refused = await act(id, { evacuate: {} }, '2.14');
    expect(refused.status).toBe(400);
    expect(refused.body.badRequest.message).toBe(`Compute service of ${host} is still in use.`);
    await forceDown(host, true);
    const answer = await act(id, { evacuate: { onSharedStorage: false } }, '2.1');
    expect(answer.status).toBe(200);
    expect(answer.body.adminPass).toEqual(expect.any(String));
    await api.settled(id);
    const { status, host: now } = await shown(id);
    expect(status).toBe('ACTIVE');
    expect(others(host)).toContain(now);
    expect((await migrations(id))[0]).toMatchObject({ migration_type: 'evacuation', status: 'done' });
    await forceDown(host, false);
  });

  it('only at the word of an operator, who is told where they could go', async () => {
    const project = await api.addMember('somebody');
    expect(project).toBeDefined();
    const id = await api.server({}, 'admin');
    const { host } = await shown(id);
    const [down, up] = others(host) as [string, string];
    await forceDown(down, true);
    const { body } = await api.call('GET', `/unkai/v1/servers/${id}/migration-targets`);
    expect(
      body.targets.map(({ name, is_possible, reasons }: Record<string, unknown>) => [name, is_possible, reasons]),
    ).toEqual(
      [
        [down, false, ['said to be down']],
        [up, true, []],
      ].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    );
    await forceDown(down, false);
    for (const action of [
      { migrate: null },
      { 'os-migrateLive': { host: null, block_migration: 'auto' } },
      { evacuate: {} },
    ])
      expect((await act(id, action, '2.30', 'somebody')).status).toBe(403);
  });
});
