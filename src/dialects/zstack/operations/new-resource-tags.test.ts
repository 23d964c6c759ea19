import type { TSchema } from 'typebox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../../env/env.ts';
import { realEnv } from '../../../env/real.ts';
import { SettledAccount } from '../settled-account.fixture.ts';
import { TestZStack } from '../zstack.fixture.ts';
import { zstack as dialect } from '../zstack.ts';

type Body = Record<string, unknown>;
type Schema = TSchema & { properties?: Record<string, unknown> };

const env = realEnv();
let zstack: TestZStack;
let alice: SettledAccount;
beforeAll(async () => {
  zstack = await TestZStack.start();
  alice = await SettledAccount.settle(zstack, 'alice');
});
afterAll(async () => {
  await zstack?.stop();
});

/** Creations by their name, beside those that begin with `Create`. */
const creates = /^(Create|SubmitLongJob|Add(Image|IpRange|ImageStore|Ceph))/;
/** A tag is made for a resource, whose uuid it names. */
const ofTags = new Set(['CreateUserTag', 'CreateSystemTag', 'CreateSystemTags']);

async function pattern(params: Body, headers?: Record<string, string>): Promise<string> {
  const { json } = await zstack.run('POST', '/tags', { params }, headers);
  return String((json['inventory'] as Body)['uuid']);
}

const tagsOf = (uuid: unknown) => zstack.query(`/user-tags?q=resourceUuid=${uuid}&sort=tag`, alice.headers);

describe('whatever makes something', () => {
  const creations = dialect.operations.filter(
    ({ id, method }) => method === 'POST' && creates.test(id) && !ofTags.has(id),
  );

  it.each(creations.map(({ id, body }) => [id, body as Schema] as const))(
    '%s takes the uuid and the tags that it shall have',
    (_, body) => {
      expect(Object.keys(body?.properties ?? {})).toEqual(
        expect.arrayContaining(['resourceUuid', 'tagUuids', 'systemTags', 'userTags']),
      );
    },
  );

  /** Alice's own, one for each kind of resource that is made in its own way. */
  const made: ReadonlyArray<readonly [path: string, params: () => Body]> = [
    ['/volumes/data', () => ({ name: 'tagged', diskSize: 2 ** 30 })],
    ['/security-groups', () => ({ name: 'tagged' })],
    ['/vips', () => ({ name: 'tagged', l3NetworkUuid: outside })],
  ];
  let outside: unknown;

  it.each(made)('gives it these: POST %s', async (path, params) => {
    outside = (await zstack.query('/l3-networks?q=name=outside'))[0]!['uuid'];
    const uuid = newId(env);
    const tag = await pattern({ name: 'shiny', value: `shiny-${uuid.slice(0, 4)}` }, alice.headers);
    const wanted = { ...params(), resourceUuid: uuid, tagUuids: [tag], userTags: ['mine'] };
    const { json, text } = await zstack.run('POST', path, { params: wanted }, alice.headers);
    expect(json, text).toMatchObject({ inventory: { uuid } });
    expect(await tagsOf(uuid)).toMatchObject([
      { tag: 'mine' },
      { tag: `shiny-${uuid.slice(0, 4)}`, tagPatternUuid: tag },
    ]);
  });

  it('makes nothing where a tag pattern is not there, is another account’s, or needs words', async () => {
    const theirs = await pattern({ name: 'theirs', value: 'theirs' });
    const withToken = await pattern({ name: 'level', value: 'level::{n}', type: 'withToken' }, alice.headers);
    const refusals: Array<[uuid: string, code: string, details: string]> = [
      [newId(env), 'SYS.1003', 'invalid field[tagUuids], resource[uuid:'],
      [theirs, 'SYS.1003', 'invalid field[tagUuids], resource[uuid:'],
      [withToken, 'SYS.1007', 'tokens must say what n'],
    ];
    for (const [uuid, code, details] of refusals) {
      const wanted = { name: 'untagged', diskSize: 2 ** 30, tagUuids: [uuid] };
      const { json } = await zstack.run('POST', '/volumes/data', { params: wanted }, alice.headers);
      expect(json).toMatchObject({ error: { code, details: expect.stringContaining(details) } });
    }
    expect(await zstack.query('/volumes?q=name=untagged', alice.headers)).toEqual([]);
  });

  it('says so where what it makes can have no tags', async () => {
    const tag = await pattern({ name: 'shiny', value: 'shiny' });
    const { json } = await zstack.run('POST', '/accounts/groups', { params: { name: 'x', tagUuids: [tag] } });
    expect(json).toMatchObject({ error: { code: 'SYS.1007', details: expect.stringContaining('tagUuids') } });
  });

  it('takes a uuid for accounts, sizes and key pairs, too, which must be one', async () => {
    const type = Buffer.from('ssh-ed25519');
    const wire = Buffer.concat([Buffer.from([0, 0, 0, 11]), type, Buffer.from([0, 0, 0, 32]), Buffer.alloc(32, 7)]);
    const publicKey = `ssh-ed25519 ${wire.toString('base64')}`;
    const requests: Array<[string, Body]> = [
      ['/accounts', { name: 'chosen', password: 'b'.repeat(128) }],
      ['/instance-offerings', { name: 'chosen', cpuNum: 1, memorySize: 2 ** 27 }],
      ['/ssh-key-pair', { name: 'chosen', publicKey }],
    ];
    for (const [path, params] of requests) {
      const resourceUuid = newId(env);
      const { json, text } = await zstack.run('POST', path, { params: { ...params, resourceUuid } });
      expect(json, text).toMatchObject({ inventory: { uuid: resourceUuid } });
    }
    const bad = await zstack.run('POST', '/zones', { params: { name: 'a', resourceUuid: 'no uuid' } });
    expect(bad.json).toMatchObject({ error: { code: 'SYS.1007' } });
  });
});
