import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

let zstack: TestZStack;
let network: string;
let zone: string;
beforeAll(async () => {
  zstack = await TestZStack.start();
  network = String((await zstack.query('/l3-networks'))[0]!['uuid']);
  zone = String((await zstack.query('/zones'))[0]!['uuid']);
});
afterAll(async () => {
  await zstack.stop();
});

async function create(params: Body, headers?: Record<string, string>): Promise<Body> {
  const { status, json, text } = await zstack.run('POST', '/tags', { params }, headers);
  if (status !== 200) throw new Error(text);
  return json['inventory'] as Body;
}

const attach = (pattern: Body, resourceUuids: string[], more: Body = {}) =>
  zstack.run('POST', `/tags/${String(pattern['uuid'])}/resources`, { params: { resourceUuids, ...more } });
const worn = (pattern: Body) => zstack.query(`/user-tags?q=tagPatternUuid=${String(pattern['uuid'])}`);

describe('tag patterns', () => {
  it('are worn by resources of any type, found by them, and taken off', async () => {
    const pattern = await create({ name: 'prod', value: 'prod', description: 'in use', color: '#aa5500' });
    expect(pattern).toMatchObject({ name: 'prod', value: 'prod', color: '#aa5500', type: 'simple' });
    const { status, json } = await attach(pattern, [network, zone]);
    expect({ status, json }).toMatchObject({
      status: 200,
      json: {
        success: true,
        results: [
          {
            success: true,
            inventory: { resourceUuid: network, resourceType: 'L3NetworkVO', tag: 'prod', type: 'User' },
          },
          { success: true, inventory: { resourceUuid: zone, resourceType: 'ZoneVO', tag: 'prod' } },
        ],
      },
    });
    const shown = { tagPatternUuid: pattern['uuid'], tagPattern: { name: 'prod', color: '#aa5500', type: 'simple' } };
    expect(await worn(pattern)).toMatchObject([shown, shown]);
    expect(await zstack.query('/user-tags?q=tagPattern.name=prod&q=resourceType=ZoneVO')).toMatchObject([shown]);
    expect(await zstack.query('/l3-networks?q=__userTag__=prod&fields=uuid')).toEqual([{ uuid: network }]);
    await attach(pattern, [zone]);
    expect(await worn(pattern)).toHaveLength(2);
    // As the Go clients write a list, and a tag that a resource does not wear.
    await zstack.run('DELETE', `/tags/${String(pattern['uuid'])}/resources?resourceUuids=${network},${zone}`);
    await zstack.run('DELETE', `/tags/${String(pattern['uuid'])}/resources?resourceUuids=${network}`);
    expect(await worn(pattern)).toEqual([]);
  });

  it('have words that are filled in where they are put on a resource', async () => {
    const pattern = await create({ name: 'level', value: 'level::{a}::{b}', type: 'withToken' });
    expect(await attach(pattern, [network], { tokens: { a: '1' } })).toMatchObject({
      json: { error: { code: 'SYS.1007', details: expect.stringContaining('tokens must say what b') } },
    });
    await attach(pattern, [network], { tokens: { a: '1', b: '2' } });
    expect(await worn(pattern)).toMatchObject([{ tag: 'level::1::2' }]);
    const change = (updateTag: Body) => zstack.run('PUT', `/tags/${String(pattern['uuid'])}/actions`, { updateTag });
    expect(await change({ value: 'level::{c}::{d}', name: 'levels', color: '#000000' })).toMatchObject({
      json: { inventory: { value: 'level::{c}::{d}', name: 'levels', color: '#000000' } },
    });
    expect(await change({ value: 'other::{c}::{d}' })).toMatchObject({ json: { error: { code: 'SYS.1007' } } });
    await expect(create({ name: 'x', value: 'x', type: 'withToken' })).rejects.toThrow('must have tokens');
    await expect(create({ name: 'x', value: 'x', color: 'red' })).rejects.toThrow(
      /field\[color\].* is not valid: .*pattern/,
    );
    const simple = await create({ name: 'simple', value: 'simple' });
    const renamed = { updateTag: { name: 'plain', value: 'simple' } };
    expect(await zstack.run('PUT', `/tags/${String(simple['uuid'])}/actions`, renamed)).toMatchObject({
      json: { inventory: { name: 'plain', value: 'simple' } },
    });
  });

  it('are put on all resources or on none', async () => {
    const pattern = await create({ name: 'all', value: 'all' });
    const nothing = 'c9f9a1f6a8c84d5a9a0dd1b62e8d2c11';
    expect(await attach(pattern, [network, nothing])).toMatchObject({
      status: 503,
      json: { error: { code: 'SYS.1003', details: expect.stringContaining(nothing) } },
    });
    expect(await worn(pattern)).toEqual([]);
    const tag = { resourceType: 'ZoneVO', resourceUuid: zone, tag: 'all' };
    await zstack.run('POST', '/user-tags', { params: tag });
    expect(await attach(pattern, [network, zone])).toMatchObject({ json: { error: { code: 'TAG.1001' } } });
    expect(await worn(pattern)).toEqual([]);
  });

  it('take their tags with them', async () => {
    const pattern = await create({ name: 'gone', value: 'gone' });
    await attach(pattern, [network]);
    expect(await zstack.run('DELETE', `/tags/${String(pattern['uuid'])}?deleteMode=Enforcing`)).toMatchObject({
      status: 200,
      json: {},
    });
    expect(await zstack.query(`/tags/${String(pattern['uuid'])}`)).toEqual([]);
    expect(await zstack.query('/user-tags?q=tag=gone')).toEqual([]);
    expect(await zstack.run('DELETE', `/tags/${String(pattern['uuid'])}`)).toMatchObject({ status: 200 });
  });

  it('belong to their account', async () => {
    const bob = { authorization: `OAuth ${await zstack.newAccount('bob')}` };
    const pattern = await create({ name: 'mine', value: 'mine' });
    const path = `/tags/${String(pattern['uuid'])}`;
    expect(await zstack.query('/tags', bob)).toEqual([]);
    const refused = { status: 503, json: { error: { code: 'SYS.1003' } } };
    const body = { params: { resourceUuids: [network] } };
    expect(await zstack.run('POST', `${path}/resources`, body, bob)).toMatchObject(refused);
    expect(await zstack.run('PUT', `${path}/actions`, { updateTag: { name: 'his' } }, bob)).toMatchObject(refused);
    await zstack.run('DELETE', path, undefined, bob);
    expect(await zstack.query(path)).toMatchObject([{ name: 'mine' }]);
    const his = await create({ name: 'his', value: 'his' }, bob);
    // The zone is nobody's: only an administrator puts tags on it.
    const other = await zstack.run(
      'POST',
      `/tags/${String(his['uuid'])}/resources`,
      { params: { resourceUuids: [zone] } },
      bob,
    );
    expect(other).toMatchObject(refused);
  });
});
