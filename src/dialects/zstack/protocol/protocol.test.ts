import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../../env/env.ts';
import { realEnv } from '../../../env/real.ts';
import { ImageFiles } from '../image-files.fixture.ts';
import { sha512, TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;
const env = realEnv();

let zstack: TestZStack;
let files: ImageFiles;
let backupStorage: string;
beforeAll(async () => {
  zstack = await TestZStack.start();
  files = await ImageFiles.start();
  backupStorage = (await zstack.query('/backup-storage'))[0]!['uuid'] as string;
});
afterAll(async () => {
  await files.stop();
  await zstack.stop();
});

const slowImage = () => ({
  params: { name: 'slow', url: files.url('slow.qcow2'), backupStorageUuids: [backupStorage] },
});
const quickTag = (tag: string) => ({
  params: { resourceType: 'AccountVO', resourceUuid: '36c27e8ff05c4780bf6d2fa65700f22e', tag },
});
const pathOf = (reply: { json: Body }) => new URL(reply.json['location'] as string).pathname.replace('/zstack/v1', '');

describe('sessions', () => {
  const nobody = { authorization: '' };

  it.each(['logInByAccount', 'logIn', 'params'])('open with the fields under %s', async (key) => {
    const body = { [key]: { accountName: 'admin', password: sha512('password'), captchaUuid: '', clientInfo: {} } };
    const { status, json } = await zstack.call('PUT', '/accounts/login', body, nobody);
    expect(status).toBe(200);
    expect(json['inventory']).toEqual({
      uuid: expect.stringMatching(/^[0-9a-f]{32}$/),
      accountUuid: '36c27e8ff05c4780bf6d2fa65700f22e',
      userUuid: '36c27e8ff05c4780bf6d2fa65700f22e',
      userType: 'AccountVO',
      expiredDate: expect.stringMatching(/^[A-Z][a-z]{2} \d{1,2}, \d{4} \d{1,2}:\d{2}:\d{2} [AP]M$/),
      createDate: expect.any(String),
    });
  });

  it('do not open with a wrong password, or none', async () => {
    const wrong = { logInByAccount: { accountName: 'admin', password: sha512('x') } };
    expect(await zstack.call('PUT', '/accounts/login', wrong, nobody)).toMatchObject({
      status: 503,
      json: {
        error: {
          code: 'ID.1000',
          description: 'Unable to authenticate a user',
          details: 'wrong account name or password',
        },
      },
    });
    const { json } = await zstack.call('PUT', '/accounts/login', { logInByAccount: { accountName: 'admin' } }, nobody);
    expect(json).toMatchObject({
      error: {
        code: 'SYS.1007',
        details:
          'field[password] of message[org.zstack.header.identity.APILogInByAccountMsg] is mandatory, can not be null',
      },
    });
  });

  it('are needed: without one a request is malformed, with a bad one it is refused', async () => {
    const missing = await zstack.call('GET', '/images', undefined, nobody);
    expect(missing).toMatchObject({ status: 400, text: "missing header 'Authorization'" });
    const scheme = await zstack.call('GET', '/images', undefined, { authorization: 'Bearer x' });
    expect(scheme).toMatchObject({ status: 400, text: "Authorization type must be 'OAuth'" });
    const expired = await zstack.call('GET', '/images', undefined, { authorization: `OAuth ${newId(env)}` });
    expect(expired).toMatchObject({ status: 503, json: { error: { code: 'ID.1001', details: 'Session expired' } } });
  });

  it('can be asked for, renewed and closed', async () => {
    const session = await zstack.logIn('admin', 'password');
    const valid = () => zstack.call('GET', `/accounts/sessions/${session}/valid`, undefined, nobody);
    expect((await valid()).json).toEqual({ valid: true });
    const renewed = await zstack.call('PUT', `/accounts/sessions/${session}/renew`, { renewSession: { duration: 60 } });
    expect(renewed).toMatchObject({ status: 200, json: { inventory: { uuid: session } } });
    const tooShort = await zstack.call('PUT', `/accounts/sessions/${session}/renew`, { renewSession: { duration: 1 } });
    expect(tooShort.json).toMatchObject({ error: { details: 'field[duration] must be in range of [60, 31536000]' } });
    const closed = await zstack.call('DELETE', `/accounts/sessions/${session}?deleteMode=`, undefined, nobody);
    expect(closed).toMatchObject({ status: 200, json: {} });
    expect((await valid()).json).toEqual({ valid: false });
  });
});

describe('requests', () => {
  it('reach the same operations with and without the context path', async () => {
    const { statusCode } = await zstack.app.inject({
      method: 'PUT',
      url: '/v1/management-nodes/actions',
      payload: { getVersion: {} },
    });
    expect(statusCode).toBe(200);
  });

  it('to nothing are told so, in plain text', async () => {
    expect(await zstack.call('GET', '/nothing/here')).toMatchObject({
      status: 404,
      text: 'no api mapping to /v1/nothing/here',
    });
    expect(await zstack.call('PUT', '/images')).toMatchObject({ status: 405 });
    expect(await zstack.call('POST', `/api-jobs/${newId(env)}`)).toMatchObject({
      status: 405,
      text: 'only GET method is allowed for querying job status',
    });
  });

  it('for what ZStack has and this cloud has not are told so', async () => {
    for (const [method, path, body, id] of [
      ['GET', '/access-control-lists', undefined, 'QueryAccessControlList'],
      ['GET', `/access-control-lists/${newId(env)}`, undefined, 'QueryAccessControlList'],
      ['POST', '/access-control-lists', { params: {} }, 'CreateAccessControlList'],
      ['PUT', `/images/${newId(env)}/actions`, { setImageSecurityLevel: { level: '1' } }, 'SetImageSecurityLevel'],
    ] as const) {
      expect(await zstack.call(method, path, body)).toMatchObject({
        status: 503,
        json: { error: { code: 'SYS.1014', details: `the operation[${id}] is not offered by this cloud` } },
      });
    }
  });

  it.each([65, 512, 513, 2000])('for an id of %i characters are told that it is too long', async (length) => {
    const id = 'a'.repeat(length);
    const details = expect.stringContaining(`exceeds max length of string. expected was <= 64, actual was ${length}`);
    for (const [method, path, body] of [
      ['DELETE', `/images/${id}`, undefined],
      ['PUT', `/images/${id}/actions`, { updateImage: { name: 'x' } }],
    ] as const) {
      const { status, json } = await zstack.run(method, path, body);
      expect({ status, json }).toMatchObject({ status: 503, json: { error: { code: 'SYS.1007', details } } });
    }
  });

  it('of browsers on other pages are allowed', async () => {
    const preflight = await zstack.call('OPTIONS', '/images');
    expect(preflight.status).toBe(204);
    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-headers': expect.stringContaining('Authorization'),
    });
    expect((await zstack.call('GET', '/zones')).headers).toMatchObject({ 'access-control-allow-origin': '*' });
  });

  it.each([
    [
      'PUT',
      '/management-nodes/actions',
      {},
      "the body doesn't contain action mapping to the URL[/v1/management-nodes/actions]",
    ],
    [
      'PUT',
      '/management-nodes/actions',
      { params: {} },
      "the body doesn't contain action mapping to the URL[/v1/management-nodes/actions]",
    ],
    ['POST', '/images', [], 'the request body must be a JSON object'],
    ['POST', '/images', { params: 'x' }, '[params] in the request body must be a JSON object'],
    [
      'POST',
      '/images',
      { params: { system: 'yes' } },
      'Invalid value for boolean field [system], [yes] is not a valid boolean string[true, false].',
    ],
    [
      'POST',
      '/instance-offerings',
      { params: { cpuNum: 'two' } },
      '[cpuNum] field is excepted an int or long, but was [two].',
    ],
    ['POST', '/images', '{', undefined],
  ])('%s %s %j is malformed: %s', async (method, path, body, text) => {
    const reply = await zstack.call(method, path, body);
    expect(reply.status).toBe(400);
    if (text) expect(reply.text).toBe(text);
  });

  it.each([
    [
      { name: 'x'.repeat(256) },
      'field[name] of message[org.zstack.header.configuration.APICreateInstanceOfferingMsg] exceeds max length of string. expected was <= 255, actual was 256',
    ],
    [{ name: '' }, 'field[name] cannot be an empty string'],
    [{ cpuNum: 0 }, 'field[cpuNum] must be in range of [1, 1024]'],
    [
      { cpuNum: null },
      'field[cpuNum] of message[org.zstack.header.configuration.APICreateInstanceOfferingMsg] is mandatory, can not be null',
    ],
  ])('with the field %j break a rule: %s', async (field, details) => {
    const params = { name: 'x', cpuNum: 1, memorySize: 134217728, ...field };
    const { status, json } = await zstack.call('POST', '/instance-offerings', { params });
    expect({ status, json }).toMatchObject({ status: 503, json: { error: { code: 'SYS.1007', details } } });
  });

  it('may give numbers and booleans as text, and say what nobody knows', async () => {
    const params = { name: 'from text', cpuNum: '2', memorySize: '134217728', unheardOf: { a: 1 } };
    const { status, json } = await zstack.call('POST', '/instance-offerings', { params, requestIp: '1.2.3.4' });
    expect(status).toBe(200);
    expect(json['inventory']).toMatchObject({ cpuNum: 2, memorySize: 134217728, state: 'Enabled' });
  });

  it('may index the lists of a query string', async () => {
    const other = newId(env);
    const one = await zstack.call('GET', `/backup-storage/capacities?backupStorageUuids.0=${other}`);
    expect(one.json).toEqual({ totalCapacity: 0, availableCapacity: 0 });
    const two = await zstack.call(
      'GET',
      `/backup-storage/capacities?backupStorageUuids.1=${backupStorage}&backupStorageUuids.0=${other}`,
    );
    expect(two.json['totalCapacity']).toBeGreaterThan(0);
  });

  it('for queries are checked before anything is read', async () => {
    expect(await zstack.call('GET', '/images?limit=ten')).toMatchObject({
      status: 400,
      text: "Invalid query parameter. 'limit' must be an integer",
    });
    const noOperator = await zstack.call('GET', '/images?q=name');
    expect(noOperator.status).toBe(400);
    expect(noOperator.text).toContain("The 'name' in the parameter[q] doesn't contain any query operator");
    expect((await zstack.call('GET', '/images?q=foo=1')).json).toMatchObject({
      error: { code: 'SYS.1000', details: 'inventory[ImageInventory] has no field[foo]' },
    });
    expect((await zstack.call('GET', '/images?count=true')).json).toEqual({ total: expect.any(Number), schema: {} });
  });
});

describe('jobs', () => {
  it('that end in time are answered at once, and can still be asked for', async () => {
    const id = newId(env);
    const done = await zstack.call('POST', '/user-tags', quickTag('one'), { 'x-job-uuid': id });
    expect(done).toMatchObject({ status: 200, json: { inventory: { tag: 'one' }, success: true } });
    expect(done.headers).toMatchObject({ 'x-job-uuid': id });
    const polled = await zstack.call('GET', `/api-jobs/${id}`, undefined, { authorization: '' });
    expect(polled).toMatchObject({ status: 200, json: done.json });
  });

  it('that take longer are answered with the place to ask at', async () => {
    const id = newId(env);
    const headers = { 'x-job-uuid': id, prefer: 'wait=0' };
    const accepted = await zstack.call('POST', '/images', slowImage(), headers);
    expect(accepted).toMatchObject({
      status: 202,
      json: { location: expect.stringMatching(`/zstack/v1/api-jobs/${id}$`), apiTimeout: 72 * 3600 * 1000 },
    });
    expect(await zstack.call('GET', pathOf(accepted))).toMatchObject({ status: 202, json: {} });
    const [progress] = await zstack.query(`/task-progresses/${id}`);
    expect(progress).toMatchObject({ taskUuid: id, taskName: 'AddImage', type: 'Progress' });
    files.release();
    let polled = await zstack.call('GET', pathOf(accepted));
    while (polled.status === 202) polled = await zstack.call('GET', pathOf(accepted));
    expect(polled).toMatchObject({
      status: 200,
      json: { inventory: { name: 'slow', status: 'Ready' }, success: true },
    });
    expect(await zstack.query(`/task-progresses/${id}`)).toMatchObject([{ content: '100' }]);
  });

  it('keep the id that the client chose for one request only', async () => {
    const headers = { 'x-job-uuid': newId(env) };
    expect((await zstack.call('POST', '/user-tags', quickTag('two'), headers)).status).toBe(200);
    expect(await zstack.call('POST', '/user-tags', quickTag('three'), headers)).toMatchObject({
      status: 400,
      text: `Duplicate job uuid[${headers['x-job-uuid']}]`,
    });
    expect(await zstack.call('POST', '/user-tags', quickTag('three'), { 'x-job-uuid': 'mine' })).toMatchObject({
      status: 400,
      text: "Invalid header[X-Job-UUID], it must be a UUID with '-' stripped",
    });
    expect(await zstack.query('/user-tags?q=tag=three')).toEqual([]);
  });

  it('that nobody knows have expired', async () => {
    for (const id of [newId(env), 'nonsense']) {
      expect(await zstack.call('GET', `/api-jobs/${id}`)).toMatchObject({
        status: 404,
        text: 'the job has been expired',
      });
    }
  });

  it('fail for the Java SDK where it polls, and tell it the classes', async () => {
    const java = { 'x-json-schema': 'true', 'x-job-uuid': newId(env) };
    const invalid = await zstack.call('POST', '/images', { params: { name: 'x' } }, java);
    expect(invalid.status).toBe(202);
    expect(await zstack.call('GET', pathOf(invalid), undefined, java)).toMatchObject({
      status: 503,
      json: { error: { code: 'SYS.1007' } },
    });
    const refused = await zstack.call(
      'PUT',
      `/images/${newId(env)}/actions`,
      { recoverImage: {} },
      {
        ...java,
        'x-job-uuid': newId(env),
      },
    );
    expect(refused.status).toBe(202);
    expect((await zstack.call('GET', pathOf(refused))).json).toMatchObject({ error: { code: 'SYS.1003' } });
    const done = await zstack.call('POST', '/user-tags', quickTag('java'), { ...java, 'x-job-uuid': newId(env) });
    expect(done.status).toBe(202);
    const polled = await zstack.call('GET', pathOf(done), undefined, java);
    expect(polled.json).toMatchObject({ schema: { inventory: 'org.zstack.header.tag.UserTagInventory' } });
    const names = await zstack.call('GET', `/resources/names?uuids=${backupStorage}`, undefined, java);
    expect(names.json).toMatchObject({ schema: { 'inventories[0]': 'org.zstack.header.vo.ResourceInventory' } });
    const { json } = await zstack.call('GET', '/backup-storage', undefined, java);
    expect(json['schema']).toEqual({ 'inventories[0]': 'org.zstack.header.storage.backup.BackupStorageInventory' });
  });

  it('tell their web hook how they ended, again until it has understood', async () => {
    const seen: Array<{ headers: Record<string, unknown>; body: Body }> = [];
    let told = () => {};
    const understood = new Promise<void>((resolve) => {
      told = resolve;
    });
    const hook = createServer(async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      seen.push({ headers: request.headers, body: JSON.parse(text) as Body });
      response.writeHead(seen.length < 2 ? 500 : 200).end();
      if (seen.length === 2) told();
    });
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
    try {
      const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/done`;
      const id = newId(env);
      const accepted = await zstack.call('POST', '/user-tags', quickTag('hooked'), {
        'x-web-hook': url,
        'x-job-uuid': id,
      });
      expect(accepted.status).toBe(202);
      await understood;
      expect(seen[1]).toMatchObject({
        headers: { 'x-job-uuid': id, 'x-job-success': 'true' },
        body: { inventory: { tag: 'hooked' }, schema: { inventory: 'org.zstack.header.tag.UserTagInventory' } },
      });
    } finally {
      await new Promise((resolve) => hook.close(resolve));
    }
    const bad = await zstack.call('POST', '/user-tags', quickTag('x'), { 'x-web-hook': 'file:///etc/passwd' });
    expect(bad.status).toBe(400);
  });

  it('tell their web hook also of what was wrong with the request, and answer 202 as ever', async () => {
    const hook = createServer();
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
    const told = new Promise<{ headers: Record<string, unknown>; body: Body }>((resolve) => {
      hook.on('request', async (request, response) => {
        let text = '';
        for await (const chunk of request) text += chunk;
        response.end();
        resolve({ headers: request.headers, body: JSON.parse(text) as Body });
      });
    });
    try {
      const webHook = {
        'x-web-hook': `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`,
        'x-job-uuid': newId(env),
      };
      const accepted = await zstack.call('POST', '/zones', { params: {} }, webHook);
      expect(accepted.status).toBe(202);
      const failure = { error: { code: 'SYS.1007', details: expect.stringContaining('field[name]') } };
      expect(await told).toMatchObject({
        headers: { 'x-job-uuid': webHook['x-job-uuid'], 'x-job-success': 'false' },
        body: failure,
      });
      expect(await zstack.call('GET', pathOf(accepted))).toMatchObject({ status: 503, json: failure });
      // Nobody is told on behalf of those who are not known.
      const stranger = await zstack.call('POST', '/zones', { params: {} }, { ...webHook, authorization: 'OAuth x' });
      expect(stranger).toMatchObject({ status: 503, json: { error: { code: 'ID.1001' } } });
    } finally {
      await new Promise((resolve) => hook.close(resolve));
    }
  });
});
