import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { DatabaseUnavailable } from '../../src/database/database.ts';
import { TestCloud } from '../support/cloud.ts';

let cloud: TestCloud;
let headers: string;
beforeAll(async () => {
  cloud = await TestCloud.start();
  const { session } = await cloud.zstack();
  const { token } = await cloud.openstack();
  headers = `X-Auth-Token: ${token}\r\nAuthorization: OAuth ${session}\r\n`;
});
afterAll(async () => {
  await cloud?.close();
});

/** Sends what no client would send, and gives the answer's status and body. */
function ask(method: string, target: string, body: string | Buffer = ''): Promise<{ status: number; text: string }> {
  const { hostname, port, host } = new URL(cloud.origin);
  return new Promise((done, failed) => {
    const socket = connect(Number(port), hostname);
    const chunks: Buffer[] = [];
    socket.on('error', failed);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('close', () => {
      const [head = '', ...text] = Buffer.concat(chunks).toString().split('\r\n\r\n');
      done({ status: Number(head.split(' ', 2)[1]), text: text.join('\r\n\r\n') });
    });
    const length = `Content-Length: ${Buffer.byteLength(body)}\r\n`;
    socket.write(`${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${headers}${length}Connection: close\r\n\r\n`);
    socket.write(body);
  });
}

const dialects = [
  ['/compute/v2.1/servers', '{"itemNotFound":', '{"badMethod":'],
  ['/image/v2/images', '404 Not Found\n', '405 Method Not Allowed\n'],
  ['/network/v2.0/networks', '{"NeutronError":', '{"NeutronError":'],
  ['/identity/v3/projects', '{"error":', '{"error":'],
  ['/zstack/v1/images', 'no api mapping to ', 'The method['],
] as const;

describe.each(dialects)('at %s', (path, missing, method) => {
  it.each(['%zz', '%', '%c0%af', 'a%20b%zz'])('an id as %s is one that nobody has', async (id) => {
    const { status, text } = await ask('PUT', `${path}/no/such/${id}`);
    expect({ status, words: text.slice(0, missing.length) }).toEqual({ status: 404, words: missing });
  });

  it.each(['PROPFIND', 'TRACE', 'QUERY'])('%s is a method that nothing has', async (asked) => {
    const { status, text } = await ask(asked, path);
    expect({ status, words: text.slice(0, method.length) }).toEqual({ status: 405, words: method });
  });

  it('a URL that is given whole is its path', async () => {
    expect(await ask('GET', `http://somewhere.example.com${path}`)).toMatchObject({ status: 200 });
  });
});

describe('a request that is for nobody', () => {
  it.each(['{"a":', '['.repeat(1000) + ']'.repeat(1000), '{"a":"\\u0000"}'])('is not read: %s', async (body) => {
    const { status, text } = await ask('POST', '/nowhere', body);
    expect({ status, said: JSON.parse(text) }).toEqual({
      status: 404,
      said: { error: { code: 404, message: 'Nothing is served at /nowhere.' } },
    });
  });

  it('is said to be so where it asks for nothing in particular', async () => {
    expect(await ask('OPTIONS', '*')).toMatchObject({ status: 404 });
    expect(await ask('GET', 'http://somewhere.example.com')).toMatchObject({ status: 404 });
  });
});

it('a name that is not UTF-8 is refused, and no other name made of it', async () => {
  const body = Buffer.from('{"name":"caf\xe9"}', 'latin1');
  expect(await ask('POST', '/image/v2/images', body)).toMatchObject({ status: 400 });
  const { text } = await ask('GET', '/image/v2/images');
  expect(JSON.parse(text).images).toEqual([]);
});

it.each([
  ['/compute/v2.1/os-keypairs', '{"keypair":{"name":"k"}}', '{"serviceUnavailable":'],
  ['/image/v2/images', '{"name":"i"}', '503 Service Unavailable\n'],
  ['/network/v2.0/networks', '{"network":{"name":"n"}}', '{"NeutronError":'],
  ['/identity/v3/projects', '{"project":{"name":"p"}}', '{"error":{"code":503,'],
  ['/zstack/v1/zones', '{"params":{"name":"z"}}', '{"error":{"code":"SYS.1006",'],
])('a database that can not be written now is told at %s as one who should come again', async (path, body, words) => {
  const write = vi.spyOn(cloud.cloud.db, 'write').mockRejectedValue(new DatabaseUnavailable(new Error('no room')));
  const { status, text } = await ask('POST', path, body);
  write.mockRestore();
  expect({ status, words: text.slice(0, words.length) }).toEqual({ status: 503, words });
});

it('a request that comes while the cloud stops is answered in the words of its dialect', async () => {
  const closing = await TestCloud.start();
  const { hostname, port, host } = new URL(closing.origin);
  let begun = () => {};
  const isHeld = new Promise<void>((resolve) => {
    begun = resolve;
  });
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { token } = await closing.openstack();
  vi.spyOn(closing.cloud.images, 'create').mockImplementation(async () => {
    begun();
    await released;
    throw new DatabaseUnavailable(new Error('held'));
  });
  const socket = connect(Number(port), hostname);
  let heard = '';
  socket.on('data', (chunk) => {
    heard += chunk;
  });
  const ended = new Promise((done) => socket.once('close', done));
  const common = `HTTP/1.1\r\nHost: ${host}\r\n`;
  socket.write(`POST /image/v2/images ${common}X-Auth-Token: ${token}\r\nContent-Length: 2\r\n\r\n{}`);
  await isHeld;
  const closed = closing.close();
  await expect.poll(() => fetch(`${closing.origin}/healthz`).catch(() => 'refused')).toBe('refused');
  socket.write(`GET /compute/v2.1/servers ${common}\r\n`);
  await new Promise((sent) => socket.write('\r\n', sent));
  release();
  await ended;
  await closed;
  expect(heard).toContain('"title":"Unauthorized"');
});
