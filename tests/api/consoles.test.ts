import { once } from 'node:events';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createWebSocketStream, WebSocket } from 'ws';
import { SerialShell } from '../../src/agent/hypervisor/qemu/serial-shell.fixture.ts';
import { createApiServer } from '../../src/api/server.ts';
import { tinyLinuxId } from '../../src/assembly/tinylinux.ts';
import { operator } from '../../src/cloud/identity/subject.ts';
import { openstackDialect } from '../../src/dialects/openstack/common/openstack-dialect.ts';
import { computeMicroversions } from '../../src/dialects/openstack/compute/microversions.ts';
import { serverConsoleOperations } from '../../src/dialects/openstack/compute/server-consoles.ts';
import { suspendRescueActions } from '../../src/dialects/openstack/compute/server-suspend-rescue.ts';
import { withDashes } from '../../src/env/env.ts';
import { TestCloud } from '../support/cloud.ts';

const limit = 300_000;
let cloud: TestCloud;
let app: FastifyInstance;
let origin: string;
let serverId: string;
let token: string;
let requests = 0;
const subject = () => operator(`req-00000000-0000-4000-8000-${String(++requests).padStart(12, '0')}`);

beforeAll(async () => {
  cloud = await TestCloud.start({ hypervisor: 'qemu', tinyLinux: true });
  const dialect = openstackDialect({
    service: 'compute',
    title: 'Consoles',
    version: '2.1',
    mounts: ['/compute/v2.1'],
    operations: [...serverConsoleOperations, ...suspendRescueActions],
    microversions: computeMicroversions,
  });
  const log = { level: 'silent', child: () => log } as never as Parameters<typeof createApiServer>[0]['log'];
  for (const level of ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    Object.assign(log, { [level]() {} });
  app = createApiServer({ cloud: cloud.cloud, dialects: [dialect], log, isReady: () => true });
  origin = await app.listen({ host: '127.0.0.1', port: 0 });
  token = (await cloud.openstack()).token;
  const flavors = await cloud.cloud.flavors.list(subject(), {});
  const flavor = flavors.filter(({ memoryMb }) => memoryMb >= 96).sort((a, b) => a.memoryMb - b.memoryMb)[0]!;
  const [made] = await cloud.cloud.servers.create(subject(), {
    name: 'seen',
    flavorId: flavor.id,
    imageId: tinyLinuxId,
    networks: 'none',
    securityGroups: [],
  });
  await ended(made!);
  serverId = made!.server.id;
}, limit);

afterAll(async () => {
  await app.close();
  await cloud.close();
}, limit);

async function ended({ actionId }: { actionId?: string }): Promise<void> {
  expect(await cloud.cloud.runner.wait(actionId!, { timeoutMs: limit })).toEqual({ state: 'succeeded' });
}

async function call(path: string, body: object, version = '2.53') {
  const response = await app.inject({
    method: 'POST',
    url: `/compute/v2.1/servers/${withDashes(serverId)}${path}`,
    headers: { 'x-auth-token': token, 'openstack-api-version': `compute ${version}` },
    payload: body,
  });
  return { status: response.statusCode, body: response.body === '' ? undefined : response.json() };
}

/** The address of a new way in, on the server of this test. */
async function open(protocol: string, type: string): Promise<URL> {
  const { status, body } = await call('/remote-consoles', { remote_console: { protocol, type } });
  expect(status).toBe(200);
  const url = new URL(body.remote_console.url);
  return new URL(`${url.pathname}${url.search}`, origin.replace('http', 'ws'));
}

const refusal = async (url: URL, headers: Record<string, string> = {}) => {
  const client = new WebSocket(url, { headers });
  client.on('error', () => {});
  const [request, response] = await once(client, 'unexpected-response');
  const text = (await response.toArray()).join('');
  request.destroy();
  return { status: response.statusCode, text };
};

test(
  'the serial port of a guest is a shell, and goes to who comes last',
  async () => {
    const agent = cloud.agents[0]!.agent;
    await expect.poll(() => agent.consoleLog(serverId), { timeout: limit, interval: 50 }).toMatch(/TinyLinux ready/);
    const url = await open('serial', 'serial');
    const client = new WebSocket(url, ['binary'], { origin });
    await once(client, 'open');
    expect(client.protocol).toBe('binary');
    const shell = new SerialShell(createWebSocketStream(client) as never);
    expect(await shell.run('echo $((6 * 7))')).toBe('42\n');
    const closed = once(client, 'close');
    const later = new WebSocket(await open('serial', 'serial'));
    await once(later, 'open');
    await closed;
    expect(await new SerialShell(createWebSocketStream(later) as never).run('echo again')).toBe('again\n');
    later.terminate();
  },
  limit,
);

test('the screen speaks RFB, and a token is good once', async () => {
  const url = await open('vnc', 'novnc');
  const client = new WebSocket(url);
  const [greeting] = await once(client, 'message');
  expect(String(greeting)).toBe('RFB 003.008\n');
  expect(await refusal(url)).toEqual({ status: 403, text: '' });
  client.terminate();
});

test('pages of other sites, other kinds and other tokens are not let in', async () => {
  const url = await open('vnc', 'novnc');
  for (const from of ['https://127.0.0.1', 'http://example.com', 'null']) {
    expect(await refusal(url, { origin: from })).toEqual({ status: 403, text: '' });
  }
  const other = new URL(url);
  other.pathname = '/console/serial';
  expect(await refusal(other)).toEqual({ status: 403, text: '' });
  expect(await refusal(url)).toEqual({ status: 403, text: '' }); // it was shown at the wrong door
  other.searchParams.delete('token');
  expect(await refusal(other)).toEqual({ status: 403, text: '' });
  expect(await refusal(new URL('/compute/v2.1', url))).toEqual({ status: 404, text: '' });
  const plain = await fetch(new URL(url.pathname, origin));
  expect(plain.status).toBe(426);
  const kept = await cloud.cloud.db.read.selectFrom('console_tokens').selectAll().execute();
  expect(JSON.stringify(kept)).not.toContain(url.searchParams.get('token'));
});

test(
  'what was given out before the server stopped lets nobody in, and who is in is out',
  async () => {
    expect((await call('/action', { 'os-getVNCConsole': { type: 'novnc' } }, '2.1')).status).toBe(200);
    expect((await call('/action', { 'os-getVNCConsole': { type: 'spice-html5' } }, '2.1')).body).toEqual({
      badRequest: { code: 400, message: 'Unavailable console type spice-html5.' },
    });
    const waiting = await open('vnc', 'novnc');
    const client = new WebSocket(await open('serial', 'serial'));
    await once(client, 'open');
    const closed = once(client, 'close');
    expect(await call('/action', { suspend: null })).toEqual({ status: 202, body: undefined });
    await closed;
    expect(await refusal(waiting)).toEqual({ status: 403, text: '' });
    await cloud.cloud.runner.idle();
    const { status, body } = await call('/remote-consoles', { remote_console: { protocol: 'vnc', type: 'novnc' } });
    expect([status, body.conflictingRequest.message]).toEqual([409, `Instance ${withDashes(serverId)} is not ready`]);
    expect((await call('/action', { resume: null })).status).toBe(202);
    await cloud.cloud.runner.idle();
    const rescued = await call('/action', { rescue: { adminPass: 'secret' } });
    expect(rescued).toEqual({ status: 200, body: { adminPass: 'secret' } });
    await cloud.cloud.runner.idle();
    expect((await call('/action', { suspend: null })).status).toBe(409);
    expect((await call('/action', { unrescue: null })).status).toBe(202);
    await cloud.cloud.runner.idle();
    expect((await call('/action', { trigger_crash_dump: null })).status).toBe(202);
    await cloud.cloud.runner.idle();
    expect((await call('/action', { 'os-resetState': { state: 'active' } })).status).toBe(202);
  },
  limit,
);
