import { afterAll, beforeAll, expect, test } from 'vitest';
import { computeDialects } from './compute.ts';
import { isGone } from './gone.ts';
import { ComputeApi } from './test-compute-api.ts';

let api: ComputeApi;
beforeAll(async () => {
  api = await ComputeApi.start(computeDialects);
});
afterAll(() => api?.stop());

test.each(['/compute/v2.1', '/compute/v2', 'with the project'])(
  'what Nova has taken back is gone: %s',
  async (start) => {
    const base = start === 'with the project' ? `/compute/v2.1/${api.projectId}` : start;
    for (const path of ['/os-agents', '/os-cells/detail?x=1', '/os-certificates/root', '/os-fping', '/os-cloudpipe']) {
      const { status, body } = await api.call('GET', base + path);
      const message = 'This resource is no longer available. No forwarding address is given.';
      expect([path, status, body]).toEqual([path, 410, { computeFault: { code: 410, message } }]);
    }
    expect((await api.call('GET', `${base}/os-agents/1`)).status).toBe(404);
    expect((await api.call('GET', `${base}/os-nothing`)).status).toBe(404);
  },
);

test('virtual interfaces are gone at every microversion, and so is an action', async () => {
  const id = await api.server();
  for (const version of ['2.1', '2.44', '2.96']) {
    const path = `/compute/v2.1/servers/${id}/os-virtual-interfaces`;
    expect((await api.call('GET', path, { version })).status, version).toBe(410);
  }
  const path = `/compute/v2.1/servers/${id}/action`;
  expect((await api.call('POST', path, { body: { resetNetwork: null } })).status).toBe(410);
  expect((await api.call('POST', path, { body: { resetEverything: null } })).status).toBe(400);
});

test('what is served is not', () => {
  expect(isGone({ method: 'GET', url: '/compute/v2.1/os-networks', body: undefined })).toBe(false);
  expect(isGone({ method: 'POST', url: '/compute/v2.1/os-networks', body: {} })).toBe(true);
});
