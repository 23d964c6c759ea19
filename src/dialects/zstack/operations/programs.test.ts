import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;
const adminUuid = '36c27e8ff05c4780bf6d2fa65700f22e';

describe('what programs use', () => {
  let test: TestZStack;

  beforeAll(async () => {
    test = await TestZStack.start();
  });
  afterAll(async () => {
    await test.stop();
  });

  async function made(path: string, params: Body): Promise<Body> {
    const { status, json, text } = await test.call('POST', path, { params });
    expect(status, text).toBe(200);
    return json['inventory'] as Body;
  }

  const signed = (key: Body, method: string, path: string, date = new Date().toUTCString()) => {
    const text = `${method}\n${date}\n/v1${path}`;
    const signature = createHmac('sha1', String(key['AccessKeySecret'])).update(text).digest('base64');
    return { authorization: `ZStack ${key['AccessKeyID']}:${signature}`, date };
  };

  it('signs requests by access keys', async () => {
    const key = await made('/accesskeys', { accountUuid: adminUuid, userUuid: adminUuid });
    expect(key['AccessKeySecret']).toHaveLength(40);
    const zones = (headers: Record<string, string>) => test.call('GET', '/zones?limit=1', undefined, headers);
    expect((await zones(signed(key, 'GET', '/zones'))).json['inventories']).toHaveLength(1);
    const wrong = await zones(signed({ ...key, AccessKeySecret: 'x' }, 'GET', '/zones'));
    expect(wrong).toMatchObject({ status: 503, json: { error: { details: 'wrong accessKey signature' } } });
    const late = await zones(signed(key, 'GET', '/zones', new Date(Date.now() - 16 * 60_000).toUTCString()));
    expect(late).toMatchObject({ status: 403, text: 'requestTimeTooSkewed' });
    const china = new Date(Date.now() + 8 * 3600_000).toUTCString().replace('GMT', 'CST');
    expect((await zones(signed(key, 'GET', '/zones', china))).status).toBe(200);
    expect(await zones({ authorization: 'ZStack nocolon', date: china })).toMatchObject({ status: 400 });
    const [shown] = await test.query('/accesskeys');
    expect(shown).not.toHaveProperty('AccessKeySecret');
    const change = { changeAccessKeyState: { stateEvent: 'disable' } };
    await test.call('PUT', `/accesskeys/${key['uuid']}/actions`, change);
    expect((await zones(signed(key, 'GET', '/zones'))).json['error']).toMatchObject({ code: 'ID.1001' });
    await test.call('DELETE', `/accesskeys/${key['uuid']}`);
    expect(await test.query('/accesskeys')).toEqual([]);
  });

  it('makes access keys for oneself only', async () => {
    const authorization = `OAuth ${await test.newAccount('greedy')}`;
    const body = { params: { accountUuid: adminUuid, userUuid: adminUuid } };
    const { json } = await test.call('POST', '/accesskeys', body, { authorization });
    expect(json['error']).toMatchObject({ code: 'ID.1002' });
  });

  const zql = async (text: string, headers?: Record<string, string>) => {
    const { json } = await test.call('GET', `/zql?zql=${encodeURIComponent(text)}`, undefined, headers);
    return json as { results?: Body[]; error?: Body };
  };

  it('answers ZQL by what the database holds', async () => {
    for (const [name, size] of [
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ] as const) {
      await made('/disk-offerings', {
        name,
        diskSize: size * 1024,
        description: name === 'c' ? 'it’s, odd' : undefined,
      });
    }
    const names = async (text: string) =>
      ((await zql(text)).results![0]!['inventories'] as Body[]).map(({ name }) => name);
    expect(await names("query diskOffering where name = 'a' or diskSize > 2048 order by name desc")).toEqual([
      'c',
      'a',
    ]);
    expect(
      await names(
        "query diskoffering where (name in ('a','b') and diskSize >= 2048) or description is not null order by name",
      ),
    ).toEqual(['b', 'c']);
    expect(await names("query diskoffering where description in ('it’s, odd', 'x')")).toEqual(['c']);
    expect(
      await names(
        "query diskoffering where name not in (query diskoffering.name where diskSize < 3000) and name like 'C'",
      ),
    ).toEqual(['c']);
    const [page, sum, count] = (
      await zql(
        'query diskoffering.name order by name limit 1 offset 1 return with (total); sum diskoffering.diskSize; count diskoffering',
      )
    ).results!;
    expect(page).toEqual({ inventories: [{ name: 'b' }], total: 3 });
    expect(sum).toEqual({ inventories: [{ diskSize: 6 * 1024 }] });
    expect(count).toEqual({ total: 3 });
    const [groups, sums] = (
      await zql('query diskoffering.state group by state, type; sum diskoffering.diskSize group by state, type')
    ).results!;
    expect(groups).toEqual({ inventories: [{ state: 'Enabled' }] });
    expect(sums).toEqual({ inventories: [{ state: 'Enabled', type: 'zstack', diskSize: 6 * 1024 }] });
    expect((await zql('query diskoffering where')).error).toMatchObject({
      details: '[query diskoffering where] is not valid ZQL, at column 25: unexpected end',
    });
    expect((await zql('count normalIpRange')).error).toBeUndefined();
    expect(
      (await zql("query cluster where zone.name = 'nova' and zone.isDefault = true")).results![0]!['inventories'],
    ).toHaveLength(1);
    expect((await zql("query diskoffering where name = 'a'; drop table servers")).error).toMatchObject({
      code: 'SYS.1007',
    });
    expect((await zql('query nothing')).error).toMatchObject({ code: 'SYS.1007' });
    expect((await zql("query image where nothing = 'x'")).error).toMatchObject({ code: 'SYS.1000' });
  });

  it('shows an account by ZQL what it may see, in sub-queries too', async () => {
    await made('/security-groups', { name: 'secret' });
    const headers = { authorization: `OAuth ${await test.newAccount('curious')}` };
    const seen = await zql("query securityGroup where name = 'secret'", headers);
    expect(seen.results![0]!['inventories']).toEqual([]);
    const inside = await zql("count zone where name in (query host.name where name like '%')", headers);
    expect(inside.results![0]!['total']).toBe(0);
    const sum = await zql("query zone where host.name like '%'", headers);
    expect(sum.results![0]!['inventories']).toEqual([]);
  });

  it('says so where the uuid that a client chose is taken', async () => {
    const resourceUuid = '9e6d5c4b3a2f41908f7e6d5c4b3a2f1e';
    const volume = await made('/volumes/data', { name: 'v', diskSize: 2 ** 30 });
    for (const [path, params] of [
      ['/disk-offerings', { name: 'taken', diskSize: 512 }],
      ['/security-groups', { name: 'taken' }],
      ['/volumes/data', { name: 'taken', diskSize: 2 ** 30 }],
      [`/volumes/${volume['uuid']}/volume-snapshots`, { name: 'taken' }],
      ['/zones', { name: 'taken' }],
    ] as const) {
      await made(path, { ...params, resourceUuid });
      const more = path === '/zones' ? { name: 'other' } : {};
      const again = await test.call('POST', path, { params: { ...params, ...more, resourceUuid } });
      expect(again, path).toMatchObject({ status: 503, json: { error: { code: 'SYS.1007' } } });
    }
  });

  it('keeps the answers of long jobs', async () => {
    const zone = (await test.query('/zones'))[0]!['uuid'];
    const jobData = JSON.stringify({ name: 'by-long-job', diskSize: 4096 });
    const job = await made('/longjobs', { jobName: 'APICreateDiskOfferingMsg', jobData, name: 'size' });
    expect(job).toMatchObject({ name: 'size', jobName: 'APICreateDiskOfferingMsg' });
    const ended = await until(
      async () => (await test.query(`/longjobs/${job['uuid']}`))[0]!,
      ({ state }) => state !== 'Running',
    );
    expect(ended).toMatchObject({ state: 'Succeeded', apiId: expect.stringMatching(/^[0-9a-f]{32}$/) });
    expect(JSON.parse(String(ended['jobResult']))).toMatchObject({
      inventory: { name: 'by-long-job', diskSize: 4096 },
    });
    const bad = await made('/longjobs', {
      jobName: 'APICreateL3NetworkMsg',
      jobData: JSON.stringify({ name: 'x', l2NetworkUuid: zone }),
    });
    const failed = await until(
      async () => (await test.query(`/longjobs/${bad['uuid']}`))[0]!,
      ({ state }) => state !== 'Running',
    );
    expect(failed['state']).toBe('Failed');
    expect(String(failed['jobResult'])).toContain('SYS.1003');
    const again = await test.call('PUT', `/longjobs/${job['uuid']}/actions`, { rerunLongJob: {} });
    expect(again.json['inventory']).toMatchObject({ uuid: job['uuid'] });
    await until(
      async () => (await test.query(`/longjobs/${job['uuid']}`))[0]!,
      ({ state }) => state !== 'Running',
    );
    expect(await test.query('/disk-offerings?q=name=by-long-job')).toHaveLength(2);
    expect((await test.call('DELETE', `/longjobs/${job['uuid']}`)).json).toEqual({});
    const nothing = await test.call('POST', '/longjobs', { params: { jobName: 'APIQueryImageMsg', jobData: '{}' } });
    expect(nothing.json['error']).toMatchObject({ code: 'SYS.1007' });
  });

  it('runs a long job again for what its owner says that it is about, or else for what it makes anew', async () => {
    const targetResourceUuid = 'ab'.repeat(16);
    const jobData = JSON.stringify({ name: 'again', diskSize: 4096 });
    for (const named of [{ targetResourceUuid }, {}]) {
      const job = await made('/longjobs', { jobName: 'APICreateDiskOfferingMsg', jobData, ...named });
      const ended = () =>
        until(
          async () => (await test.query(`/longjobs/${job['uuid']}`))[0]!,
          ({ state }) => state !== 'Running',
        );
      const first = await ended();
      await test.call('PUT', `/longjobs/${job['uuid']}/actions`, { rerunLongJob: {} });
      const second = await ended();
      const { inventory } = JSON.parse(String(second['jobResult'])) as { inventory: Body };
      expect(second['targetResourceUuid']).toBe(named.targetResourceUuid ?? inventory['uuid']);
      expect(first['targetResourceUuid'] === second['targetResourceUuid']).toBe(named.targetResourceUuid !== undefined);
    }
  });

  it('refuses administrators’ work as a long job of an account', async () => {
    const authorization = `OAuth ${await test.newAccount('sly')}`;
    const params = { jobName: 'APICreateDiskOfferingMsg', jobData: JSON.stringify({ name: 'x', diskSize: 512 }) };
    const { json } = await test.call('POST', '/longjobs', { params }, { authorization });
    expect(json['error']).toMatchObject({ code: 'ID.1002' });
  });

  async function until(read: () => Promise<Body>, holds: (value: Body) => boolean): Promise<Body> {
    const deadline = Date.now() + 60_000;
    for (;;) {
      const value = await read();
      if (holds(value)) return value;
      if (Date.now() > deadline) throw new Error(`it did not come about: ${JSON.stringify(value)}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
});
