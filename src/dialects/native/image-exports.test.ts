import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { computeDialects } from '../openstack/compute/compute.ts';
import { ComputeApi } from '../openstack/compute/test-compute-api.ts';
import { native } from './native.ts';

let api: ComputeApi;
let link: string;
let id: string;
beforeAll(async () => {
  api = await ComputeApi.start([...computeDialects, native]);
  await api.addMember('alice');
  const begun = await api.call('POST', `/unkai/v1/images/${api.imageId}/exports`, { body: { lifetime: 3600 } });
  expect(begun).toMatchObject({ status: 202, body: { export: { state: 'exporting', url: null } } });
  await api.unkai.cloud.runner.idle();
  const { exports } = (await api.call('GET', `/unkai/v1/images/${api.imageId}/exports`)).body;
  ({ url: link, id } = exports[0]);
});
afterAll(() => api.stop());

const fetchLink = (headers: Record<string, string> = {}, url = link) =>
  api.app.inject({ method: 'GET', url: url.replace('http://cloud.example.com', ''), headers });

describe('an exported image', () => {
  it('is fetched without a token, whole or in parts', async () => {
    const whole = await fetchLink();
    expect(whole.statusCode).toBe(200);
    expect(whole.rawPayload).toEqual(Buffer.alloc(1 << 20, 7));
    const { etag } = whole.headers;
    expect(etag).toMatch(/^"[0-9a-f]{128}"$/);
    const part = await fetchLink({ range: 'bytes=10-19', 'if-range': etag! });
    expect(part).toMatchObject({ statusCode: 206, headers: { 'content-range': 'bytes 10-19/1048576' } });
    expect(part.rawPayload).toEqual(Buffer.alloc(10, 7));
    expect((await fetchLink({ range: 'bytes=10-19', 'if-range': '"other"' })).statusCode).toBe(200);
    expect((await fetchLink({ 'if-none-match': etag! })).statusCode).toBe(304);
    const beyond = await fetchLink({ range: 'bytes=1048576-' });
    expect(beyond).toMatchObject({ statusCode: 416, headers: { 'content-range': 'bytes */1048576' } });
  });

  it('is fetched by nobody whose link is another one, and ends with its deletion', async () => {
    expect((await fetchLink({}, link.replace(/expires=(\d)/, 'expires=9$1'))).statusCode).toBe(403);
    const others = await api.call('DELETE', `/unkai/v1/image-exports/${id}`, { as: 'alice' });
    expect(others.status).toBe(404);
    expect((await api.call('DELETE', `/unkai/v1/image-exports/${id}`)).status).toBe(204);
    expect((await fetchLink()).statusCode).toBe(404);
  });
});
