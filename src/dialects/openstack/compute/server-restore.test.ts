import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { confirmDueResizes } from '../../../cloud/servers/confirm-due.ts';
import { reclaimServers } from '../../../cloud/servers/reclaim.ts';
import { parseId } from '../../../env/env.ts';
import { computeDialects } from './compute.ts';
import { ComputeApi } from './test-compute-api.ts';

const base = '/compute/v2.1';

let api: ComputeApi;
beforeAll(async () => {
  api = await ComputeApi.start(computeDialects, { reclaimInterval: 3600, resizeConfirmWindow: 60, shutdownGrace: 0 });
  await api.addMember('alice');
});
afterAll(() => api.stop());

const show = async (id: string) => await api.call('GET', `${base}/servers/${id}`, { as: 'alice' });
const idsIn = async (query: string, as: string): Promise<string[]> => {
  const { status, body } = await api.call('GET', `${base}/servers/detail?${query}`, { as, version: '2.79' });
  expect(status, JSON.stringify(body)).toBe(200);
  return body.servers.map((server: { id: string }) => server.id);
};
const remove = async (id: string) => {
  expect((await api.call('DELETE', `${base}/servers/${id}`, { as: 'alice' })).status).toBe(204);
  await api.settled(id, 'alice');
};
const isGone = (id: string) =>
  vi.waitFor(async () => expect((await show(id)).status).toBe(404), { interval: 5, timeout: 60_000 });

describe('a deleted server, while the reclaim interval lasts', () => {
  it('is SOFT_DELETED, hidden from lists but those of administrators who ask for it, and can be restored', async () => {
    const id = await api.server({}, 'alice');
    await remove(id);
    expect((await show(id)).body.server).toMatchObject({
      status: 'SOFT_DELETED',
      'OS-EXT-STS:vm_state': 'soft-delete',
      'OS-EXT-STS:power_state': 4,
    });
    for (const query of ['', 'status=SOFT_DELETED', 'deleted=true', 'soft_deleted=true']) {
      expect(await idsIn(query, 'alice')).not.toContain(id);
    }
    expect(await idsIn('all_tenants=1', 'admin')).not.toContain(id);
    for (const query of ['status=SOFT_DELETED', 'deleted=true', 'deleted=true&status=SOFT_DELETED', 'soft_deleted=1']) {
      expect(await idsIn(`all_tenants=1&${query}`, 'admin'), query).toContain(id);
    }
    expect(await idsIn('all_tenants=1&deleted=true&soft_deleted=false', 'admin')).not.toContain(id);

    expect((await api.act(id, { 'os-start': null }, { as: 'alice' })).body.conflictingRequest.message).toBe(
      `Cannot 'start' instance ${id} while it is in vm_state soft-delete`,
    );
    expect((await api.act(id, { restore: null }, { as: 'alice' })).status).toBe(202);
    expect((await show(id)).body.server).toMatchObject({ status: 'ACTIVE', 'OS-EXT-STS:power_state': 1 });
    expect(await idsIn('', 'alice')).toContain(id);
    const conflict = await api.act(id, { restore: null }, { as: 'alice' });
    expect(conflict.body.conflictingRequest.message).toBe(
      `Cannot 'restore' instance ${id} while it is in vm_state active`,
    );
    const { body } = await api.call('GET', `${base}/servers/${id}/os-instance-actions`, { as: 'alice' });
    expect(body.instanceActions.map(({ action }: { action: string }) => action)).toEqual([
      'restore',
      'delete',
      'create',
    ]);
    await api.unkai.cloud.servers.forceDelete(api.operator, parseId(id)!);
    await isGone(id);
  });

  it('is deleted for good by forceDelete, and when its time is over', async () => {
    const [first, second, third] = [
      await api.server({}, 'alice'),
      await api.server({}, 'alice'),
      await api.server({}, 'alice'),
    ];
    await remove(first);
    expect(
      (await api.call('POST', `${base}/servers/${first}/action`, { as: 'alice', body: { forceDelete: null } })).status,
    ).toBe(202);
    await isGone(first);
    await remove(second);
    const { cloud } = api.unkai;
    await cloud.servers.softDelete(api.operator, parseId(third)!, 0);
    await api.settled(third, 'alice');
    expect(await reclaimServers(cloud)).toEqual({ due: 1, reclaimed: 1, failed: 0 });
    await isGone(third);
    expect(await reclaimServers(cloud)).toEqual({ due: 0, reclaimed: 0, failed: 0 });
    expect((await show(second)).body.server.status).toBe('SOFT_DELETED');
  });

  it('does not count against quotas, but must fit into them to be restored', async () => {
    const id = await api.server({}, 'alice');
    await remove(id);
    const { quotas, servers } = api.unkai.cloud;
    const { projectId } = await servers.byId(parseId(id)!);
    await quotas.setLimits(api.operator, projectId, { instances: 1 });
    const other = await api.server({}, 'alice');
    expect((await api.act(id, { restore: null }, { as: 'alice' })).status).toBe(403);
    await quotas.setLimits(api.operator, projectId, { instances: -1 });
    expect((await api.act(id, { restore: null }, { as: 'alice' })).status).toBe(202);
    for (const one of [id, other]) await servers.forceDelete(api.operator, parseId(one)!);
  });

  it.each([
    ['suspended', { suspend: null }, 'ACTIVE'],
    ['stopped', { 'os-stop': null }, 'ACTIVE'],
    ['paused', { pause: null }, 'ACTIVE'],
    ['resized', { resize: { flavorRef: '84' } }, 'VERIFY_RESIZE'],
    ['shelved', { shelve: null }, 'SHELVED_OFFLOADED'],
    ['rescued', { rescue: null }, 'RESCUE'],
  ])('that was %s comes back', async (_, action, status) => {
    const id = await api.server({}, 'alice');
    await api.act(id, action, { as: 'alice' });
    await remove(id);
    expect((await show(id)).body.server.status).toBe('SOFT_DELETED');
    await api.act(id, { restore: null }, { as: 'alice' });
    expect((await show(id)).body.server.status).toBe(status);
    await api.unkai.cloud.servers.forceDelete(api.operator, parseId(id)!);
  });
});

it('resizes are confirmed when the window for it is over', async () => {
  const [due, fresh] = [await api.server({}, 'alice'), await api.server({}, 'alice')];
  for (const id of [due, fresh]) await api.act(id, { resize: { flavorRef: '84' } }, { as: 'alice' });
  const { cloud } = api.unkai;
  await cloud.db.write((tx) =>
    tx
      .updateTable('servers')
      .set({ launched_at: cloud.env.now() - 61_000_000 })
      .where('id', '=', parseId(due)!)
      .execute(),
  );
  expect(await confirmDueResizes(cloud)).toEqual({ due: 1, confirmed: 1, failed: 0 });
  await api.settled(due, 'alice');
  expect((await show(due)).body.server.status).toBe('ACTIVE');
  expect((await show(fresh)).body.server.status).toBe('VERIFY_RESIZE');
  expect(await confirmDueResizes(cloud)).toEqual({ due: 0, confirmed: 0, failed: 0 });
});
