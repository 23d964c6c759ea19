import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenStackClient } from '../../src/cli/clients/openstack-client.ts';
import { auditCloud } from '../../src/cloud/audit/audit.ts';
import { TestCloud } from '../support/cloud.ts';

const run = promisify(execFile);
const nothing = '70a599e0-31e7-49b7-b260-868f441e862b';

/** What clients do wrong, in every dialect: its own error, never a 5xx, and nothing left behind. */
describe('bad input', () => {
  let cloud: TestCloud;
  let alice: OpenStackClient;
  let bob: OpenStackClient;
  let session: string;
  let folder: string;

  beforeAll(async () => {
    cloud = await TestCloud.start({ tinyLinux: true, settings: { maxImageSize: 64 * 2 ** 20 } });
    alice = await cloud.member('alice');
    bob = await cloud.member('bob');
    session = (await cloud.zstack({ account: 'alice', password: 'alice' })).session;
    folder = await mkdtemp(join(tmpdir(), 'unkai-bad-input-'));
  });

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
    await cloud?.close();
  });

  const raw = async (method: string, path: string, body: string | Buffer, headers: Record<string, string> = {}) => {
    const answer = await fetch(cloud.origin + path, {
      method,
      headers: {
        'x-auth-token': alice.token,
        authorization: `OAuth ${session}`,
        'content-type': 'application/json',
        ...headers,
      },
      body: body as string,
    });
    return { status: answer.status, text: await answer.text() };
  };
  const newImage = async (extra: object = {}) =>
    (await alice.post('/image/v2/images', { name: 'bad', disk_format: 'qcow2', container_format: 'bare', ...extra }))
      .id as string;
  const upload = (id: string, bytes: Buffer) =>
    raw('PUT', `/image/v2/images/${id}/file`, bytes, {
      'content-type': 'application/octet-stream',
      accept: 'application/json',
    });

  /** Each dialect's way to say 400 for a body that is none. */
  const places = [
    { dialect: 'identity', path: '/identity/v3/auth/tokens', words: '"error"' },
    { dialect: 'compute', path: '/compute/v2.1/servers', words: 'badRequest' },
    { dialect: 'k5', path: '/v2/PROJECT/servers', words: 'badRequest' },
    { dialect: 'image', path: '/image/v2/images', words: '400' },
    { dialect: 'network', path: '/network/v2.0/networks', words: 'NeutronError' },
    { dialect: 'volume', path: '/volume/v3/PROJECT/volumes', words: 'badRequest' },
    { dialect: 'zstack', path: '/zstack/v1/vm-instances', words: '' },
  ];

  it.each(places)('is refused as $dialect refuses it: no JSON, wrong types, too much', async ({ path, words }) => {
    const url = path.replace('PROJECT', alice.projectId);
    for (const body of [
      '{"server": {',
      '[1, 2',
      'hello',
      '"text"',
      '{"server": 7, "network": [], "volume": true, "auth": "x", "params": 3}',
    ]) {
      const { status, text } = await raw('POST', url, body, { accept: 'application/json' });
      expect([400, 503], `${url} ${body}: ${status} ${text}`).toContain(status);
      expect(text).toContain(words);
    }
    const huge = JSON.stringify({ server: { name: 'x'.repeat(2 ** 21) } });
    // ZStack says 503 for every failure of its API.
    expect([413, 503]).toContain((await raw('POST', url, huge)).status);
  });

  it.each(places)('is answered by $dialect at once where nothing follows a content type', async ({ path, words }) => {
    const url = path.replace('PROJECT', alice.projectId);
    const empty = await raw('POST', url, '', { accept: 'application/json' });
    expect([400, 503], empty.text).toContain(empty.status);
    expect(empty.text).toContain(words);
    // Neither a length nor chunks: these methods have no body then (RFC 9112, 6.3).
    for (const method of ['GET', 'DELETE']) {
      const status = await new Promise<number | undefined>((resolve, reject) => {
        const headers = { 'x-auth-token': alice.token, 'content-type': 'application/json' };
        request(cloud.origin + url, { method, headers }, (answer) => resolve(answer.resume().statusCode))
          .on('error', reject)
          .end();
      });
      expect([200, 400, 401, 404, 405], method).toContain(status);
    }
  });

  it('is refused where it is nested beyond reason, and kept where it is not', async () => {
    const headers = { 'x-auth-token': (await cloud.openstack()).token };
    const kept = (levels: number) => '{"a":['.repeat(levels) + ']}'.repeat(levels);
    const wanted = (levels: number) => `{"project":{"name":"deep-${levels}","kept":${kept(levels)}}}`;
    const { status, text } = await raw('POST', '/identity/v3/projects', wanted(90), headers);
    expect(status).toBe(201);
    expect(JSON.stringify(JSON.parse(text).project.kept)).toBe(kept(90));
    for (const levels of [110, 7_000]) {
      const refused = await raw('POST', '/identity/v3/projects', wanted(levels), headers);
      expect(refused.status, refused.text).toBe(400);
    }
  });

  it('names what it does not know', async () => {
    for (const path of [
      `/compute/v2.1/servers/${nothing}`,
      '/compute/v2.1/servers/not-an-id',
      `/compute/v2.1/flavors/${nothing}`,
      `/image/v2/images/${nothing}`,
      '/image/v2/images/not-an-id',
      `/network/v2.0/networks/${nothing}`,
      `/network/v2.0/ports/${nothing}`,
      `/volume/v3/${alice.projectId}/volumes/${nothing}`,
      `/v2/${alice.projectId}/servers/${nothing}`,
      `/v2/${alice.projectId}/images/${nothing}`,
      `/identity/v3/nothing-here`,
      '/compute/v2.1/nothing-here',
    ]) {
      expect((await alice.request('GET', path)).status, path).toBe(404);
    }
    const missing = await raw(
      'PUT',
      `/zstack/v1/vm-instances/${nothing.replaceAll('-', '')}/actions`,
      '{"stopVmInstance":{}}',
    );
    expect(missing.status).toBe(503);
    expect(JSON.parse(missing.text).error.code).toMatch(/^SYS\.100[37]$/);
  });

  it('says which methods a path has, where it has not the one that was asked for', async () => {
    const wrong: Array<[string, string, string]> = [
      ['DELETE', '/identity/v3/auth/projects', 'GET, HEAD'],
      ['PUT', '/compute/v2.1/servers', 'GET, POST, HEAD'],
      ['POST', `/v2/${alice.projectId}/images`, 'GET, HEAD'],
      ['PUT', '/image/v2/images', 'GET, POST, HEAD'],
      ['PATCH', '/network/v2.0/networks', 'GET, POST, HEAD'],
      ['PATCH', '/zstack/v1/images', 'GET, POST, HEAD'],
    ];
    for (const [method, path, methods] of wrong) {
      const answer = await fetch(cloud.origin + path, { method, headers: { 'x-auth-token': alice.token } });
      await answer.text();
      expect([answer.status, answer.headers.get('allow')], `${method} ${path}`).toEqual([405, methods]);
    }
  });

  it("does not show another project's things, nor let them be touched", async () => {
    const imageId = await newImage();
    const tiny = (await alice.get('/image/v2/images?name=TinyLinux')).images[0].id;
    const { server } = await alice.post('/compute/v2.1/servers', {
      server: { name: 'hers', imageRef: tiny, flavorRef: '42' },
    });
    const attempts: Array<[string, string, unknown?]> = [
      ['GET', `/compute/v2.1/servers/${server.id}`],
      ['DELETE', `/compute/v2.1/servers/${server.id}`],
      ['POST', `/compute/v2.1/servers/${server.id}/action`, { reboot: { type: 'HARD' } }],
      ['GET', `/compute/v2.1/servers/${server.id}/os-instance-actions`],
      ['POST', `/v2/${bob.projectId}/servers/${server.id}/action`, { rebuild: { imageRef: tiny } }],
      ['GET', `/image/v2/images/${imageId}`],
      ['GET', `/image/v2/images/${imageId}/file`],
      ['DELETE', `/image/v2/images/${imageId}`],
    ];
    for (const [method, path, body] of attempts) {
      expect((await bob.request(method, path, body)).status, `${method} ${path}`).toBe(404);
    }
    const stolen = await bob.request('POST', '/compute/v2.1/servers', {
      server: { name: 'x', imageRef: imageId, flavorRef: '42' },
    });
    expect(stolen.status).toBe(400);
    expect((await bob.request('GET', `/v2/${alice.projectId}/servers`)).status).toBe(400);
    const { network } = await bob.post('/network/v2.0/networks', { network: { name: 'his' } });
    const plugged = { port: { network_id: network.id, device_id: server.id, device_owner: 'compute:nova' } };
    expect((await bob.request('POST', '/network/v2.0/ports', plugged)).status).toBe(409);
    await bob.delete(`/network/v2.0/networks/${network.id}`);
    await alice.delete(`/compute/v2.1/servers/${server.id}`);
    await alice.delete(`/image/v2/images/${imageId}`);
  });

  it('leaves nothing of an upload that is cut in the middle', async () => {
    const id = await newImage({ disk_format: 'raw' });
    await new Promise<void>((resolve) => {
      const sent = request(`${cloud.origin}/image/v2/images/${id}/file`, {
        method: 'PUT',
        headers: {
          'x-auth-token': alice.token,
          'content-type': 'application/octet-stream',
          'content-length': 32 * 2 ** 20,
        },
      });
      sent.on('error', () => resolve());
      sent.write(Buffer.alloc(4 * 2 ** 20), () => sent.destroy(new Error('cut')));
    });
    await expect.poll(async () => (await alice.get(`/image/v2/images/${id}`)).status).toBe('queued');
    expect((await upload(id, Buffer.alloc(2 ** 20))).status).toBe(204);
    await alice.delete(`/image/v2/images/${id}`);
  });

  it('refuses images that could harm a host, and those that are too large', async () => {
    const file = join(folder, 'backed.qcow2');
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-u', '-b', '/etc/passwd', '-F', 'raw', file, '64M']);
    const backed = await newImage();
    const refused = await upload(backed, await readFile(file));
    expect(refused.status).toBe(415);
    expect(refused.text).toContain('backing file');
    expect((await alice.get(`/image/v2/images/${backed}`)).status).toBe('queued');
    const large = await newImage({ disk_format: 'raw' });
    expect((await upload(large, Buffer.alloc(65 * 2 ** 20))).status).toBe(413);
    expect((await alice.get(`/image/v2/images/${large}`)).status).toBe('queued');
    for (const id of [backed, large]) await alice.delete(`/image/v2/images/${id}`);
  });

  it('survives random nonsense at every kind of place', async () => {
    const words = [
      '',
      '%00',
      '..%2f..%2fetc%2fpasswd',
      "';drop table servers;--",
      '%F0%9F%98%80',
      'a'.repeat(300),
      '-1',
      'null',
      '{}',
    ];
    const paths = words.flatMap((word) => [
      `/compute/v2.1/servers/${word || 'x'}`,
      `/compute/v2.1/servers?name=${word}&limit=${word}`,
      `/compute/v2.1/servers/detail?sort_key=${word}&marker=${word}`,
      `/image/v2/images?marker=${word}&sort_key=${word}`,
      `/network/v2.0/networks?name=${word}&sort_dir=${word}`,
      `/volume/v3/${alice.projectId}/volumes?limit=${word}`,
      `/zstack/v1/vm-instances?q=name~=${word}&limit=${word}`,
      `/zstack/v1/images?q=${word}&sort=${word}`,
      `/v2/${alice.projectId}/images/detail?changes-since=${word}&server=${word}`,
    ]);
    for (const path of paths) {
      const answer = await fetch(cloud.origin + path, {
        headers: { 'x-auth-token': alice.token, authorization: `OAuth ${session}` },
      });
      const text = await answer.text();
      const crashed = path.startsWith('/zstack')
        ? answer.status === 500 || (text.includes('SYS.1000"') && !text.includes('has no field'))
        : answer.status >= 500;
      expect(crashed, `${path}: ${answer.status} ${text.slice(0, 200)}`).toBe(false);
    }
  });

  it('refuses characters that no database keeps', async () => {
    const id = (await newImage()) as string;
    const requests: Array<[string, string, unknown, number]> = [
      ['POST', '/identity/v3/credentials', { credential: { type: 'cert', blob: '\ud800' } }, 400],
      ['POST', '/compute/v2.1/servers', { server: { name: 'a\0b', imageRef: id, flavorRef: '42' } }, 400],
      ['POST', '/compute/v2.1/os-keypairs', { keypair: { name: 'k', ['x\0']: 1 } }, 400],
      ['PATCH', `/image/v2/images/${id}`, [{ op: 'add', path: '/motto', value: '\0' }], 400],
      ['POST', '/network/v2.0/networks', { network: { name: '\0' } }, 400],
      ['POST', `/volume/v3/${alice.projectId}/volumes`, { volume: { size: 1, name: '\0' } }, 400],
      ['POST', `/v2/${alice.projectId}/servers/${id}/action`, { rebuild: { imageRef: id, name: '\0' } }, 400],
      ['POST', '/zstack/v1/images', { params: { name: '\0' } }, 503],
      ['GET', '/compute/v2.1/servers?name=a%00b', undefined, 400],
      ['GET', '/compute/v2.1/servers/%00', undefined, 404],
      ['GET', '/zstack/v1/images?q=name=%00', undefined, 503],
    ];
    for (const [method, path, body, status] of requests) {
      const type = method === 'PATCH' ? 'application/openstack-images-v2.1-json-patch' : 'application/json';
      const answer = await fetch(cloud.origin + path, {
        method,
        headers: { 'x-auth-token': alice.token, authorization: `OAuth ${session}`, 'content-type': type },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      const text = await answer.text();
      expect(answer.status, `${method} ${path}: ${text}`).toBe(status);
      if (status === 503) expect(JSON.parse(text).error.code).toBe('SYS.1007');
    }
    // An escape that only looks like one, and a whole pair, are texts like others.
    const name = '\\u0000 😀 雲海';
    const kept = await alice.post('/network/v2.0/networks', { network: { name } });
    expect(kept.network.name).toBe(name);
    await alice.delete(`/network/v2.0/networks/${kept.network.id}`);
    await alice.delete(`/image/v2/images/${id}`);
  });

  it('left nothing that should not be', async () => {
    await cloud.cloud.runner.idle();
    const findings = await auditCloud(cloud.cloud);
    expect(findings.filter(({ level }) => level !== 'remaining work')).toEqual([]);
  });
});
