import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { parseId } from '../../../env/env.ts';
import { computeDialects } from './compute.ts';
import { ComputeApi } from './test-compute-api.ts';

const base = '/compute/v2.1';

let api: ComputeApi;
let id: string;
beforeAll(async () => {
  api = await ComputeApi.start(computeDialects, { shutdownGrace: 0 });
  await api.addMember('alice');
  id = await api.server({}, 'alice');
});
afterAll(() => api.stop());

const setPassword = { changePassword: { adminPass: 'n3w-Passw0rd' } };

it('a password is set by the agent in the guest, and kept nowhere', async () => {
  const agent = api.unkai.agents[0]!.agent;
  const set = vi.spyOn(agent, 'setGuestPassword');
  expect(await api.act(id, setPassword, { as: 'alice' })).toMatchObject({ status: 202, body: undefined });
  expect(set).toHaveBeenCalledWith(parseId(id), { user: 'root', password: 'n3w-Passw0rd' });
  const rows = await api.unkai.cloud.db.read.selectFrom('actions').selectAll().execute();
  expect(rows.some(({ kind }) => kind === 'server.change-password')).toBe(true);
  expect(JSON.stringify(rows)).not.toContain('n3w-Passw0rd');
  const log = await api.call('GET', `${base}/servers/${id}/os-instance-actions`, { as: 'alice' });
  expect(log.body.instanceActions[0].action).toBe('changePassword');
});

it('a password is refused where no agent answers, where it is none, and of a server that is off', async () => {
  const agent = api.unkai.agents[0]!.agent;
  const missing = vi.spyOn(agent, 'hasGuestAgent').mockResolvedValueOnce(false);
  expect(await api.act(id, setPassword, { as: 'alice' })).toMatchObject({
    status: 409,
    body: { conflictingRequest: { message: 'QEMU guest agent is not enabled' } },
  });
  missing.mockRestore();
  for (const changePassword of [{}, { adminPass: 7 }, { adminPass: 'x', user: 'root' }, null]) {
    expect((await api.act(id, { changePassword }, { as: 'alice' })).status).toBe(400);
  }
  await api.act(id, { 'os-stop': null }, { as: 'alice' });
  expect((await api.act(id, setPassword, { as: 'alice' })).body.conflictingRequest.message).toBe(
    `Cannot 'changePassword' instance ${id} while it is in vm_state stopped`,
  );
  await api.act(id, { 'os-start': null }, { as: 'alice' });
});

it('diagnostics have names of devices before 2.48, and one shape from then on', async () => {
  const path = `${base}/servers/${id}/diagnostics`;
  expect((await api.call('GET', path, { as: 'alice' })).status).toBe(403);
  expect(await api.call('GET', path)).toEqual({
    status: 200,
    headers: expect.anything(),
    body: {
      ...{ memory: 131072, 'memory-rss': 0, cpu0_time: 0 },
      ...{ vda_read: 0, vda_read_req: 0, vda_write: 0, vda_write_req: 0, vda_errors: 0 },
    },
  });
  const { body } = await api.call('GET', path, { version: '2.48' });
  expect(body).toMatchObject({
    ...{ state: 'running', driver: 'libvirt', hypervisor: 'qemu', config_drive: false },
    ...{ num_cpus: 1, num_disks: 1, memory_details: { maximum: 128, used: 0 } },
    cpu_details: [{ id: 0, time: 0, utilisation: null }],
    disk_details: [{ read_bytes: 0, read_requests: 0, write_bytes: 0, write_requests: 0, errors_count: 0 }],
  });
  expect(body.nic_details).toHaveLength(body.num_nics);
  await api.act(id, { 'os-stop': null }, { as: 'alice' });
  expect((await api.call('GET', path)).body.conflictingRequest.message).toBe(
    `Cannot 'get_diagnostics' instance ${id} while it is in power state shutdown`,
  );
});
