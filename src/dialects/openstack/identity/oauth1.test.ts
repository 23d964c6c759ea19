import { afterAll, beforeAll, expect, test } from 'vitest';
import { eachDatabase } from '../../../../tests/support/postgres.ts';
import { percentEncoded, signatureBase, signatureOf } from '../../../cloud/identity/oauth1/signature.ts';
import { type IdentityApi, testIdentityApi } from './test-identity-api.ts';

interface Key {
  id: string;
  secret: string;
}

interface Signed {
  by?: Key;
  token?: Key;
  more?: Record<string, string>;
  method?: string;
  /** Changes to what is said after it was signed. */
  forged?: Record<string, string>;
}

type Answer = Awaited<ReturnType<IdentityApi['send']>>;

const requestPath = '/v3/OS-OAUTH1/request_token';
const accessPath = '/v3/OS-OAUTH1/access_token';
const oob = { oauth_callback: 'oob' };

eachDatabase('programs that act for users', (openDatabase) => {
  let api: IdentityApi;
  let consumer: { id: string; secret: string };
  let nonces = 0;
  beforeAll(async () => {
    api = await testIdentityApi({ db: await openDatabase() });
    consumer = await newConsumer();
  });
  afterAll(() => api.close());

  async function newConsumer(): Promise<{ id: string; secret: string }> {
    const body = { consumer: { description: 'backups' } };
    const made = await api.call('POST', '/v3/OS-OAUTH1/consumers', { token: api.admin, body });
    expect(made.status).toBe(201);
    return made.json.consumer;
  }

  function authorization(
    path: string,
    { by = consumer, token, more = {}, method = 'HMAC-SHA1', forged = {} }: Signed,
  ): string {
    nonces += 1;
    const words = new Map([
      ['oauth_consumer_key', by.id],
      ...(token ? ([['oauth_token', token.id]] as const) : []),
      ['oauth_signature_method', method],
      ['oauth_timestamp', String(Math.floor(api.env.now() / 1_000_000))],
      ['oauth_nonce', `n${nonces}`],
      ['oauth_version', '1.0'],
      ...Object.entries(more),
    ]);
    const base = signatureBase('POST', `http://cloud.example/identity${path}`, words);
    words.set('oauth_signature', signatureOf(method, base, by.secret, token?.secret ?? '') ?? `${by.secret}&`);
    for (const [name, value] of Object.entries(forged)) words.set(name, value);
    return `OAuth ${[...words].map(([k, v]) => `${percentEncoded(k)}="${percentEncoded(v)}"`).join(', ')}`;
  }

  const send = (path: string, header: string, headers: Record<string, string> = {}, body?: unknown): Promise<Answer> =>
    api.send('POST', path, { headers: { authorization: header, ...headers }, body });

  function keyIn(answer: Answer): Key {
    expect(answer).toMatchObject({ status: 201, headers: { 'content-type': 'application/x-www-form-urlencoded' } });
    const words = new URLSearchParams(answer.text);
    expect(Number.isNaN(Date.parse(words.get('oauth_expires_at')!))).toBe(false);
    return { id: words.get('oauth_token')!, secret: words.get('oauth_token_secret')! };
  }

  async function ask(signed: Signed = {}, project = api.hanako.project.id): Promise<Answer> {
    const header = authorization(requestPath, { more: oob, ...signed });
    return await send(requestPath, header, { 'requested-project-id': project });
  }

  const authorize = (id: string, token = api.member, roles: unknown[] = [{ name: 'reader' }]) =>
    api.call('PUT', `/v3/OS-OAUTH1/authorize/${id}`, { token, body: { roles } });

  /** All the way to an access token of hanako. */
  async function delegated(by = consumer, roles: unknown[] = [{ name: 'reader' }]): Promise<Key> {
    const asked = keyIn(await ask({ by }));
    const { oauth_verifier } = (await authorize(asked.id, api.member, roles)).json.token;
    return keyIn(await send(accessPath, authorization(accessPath, { by, token: asked, more: { oauth_verifier } })));
  }

  const signInHeader = (token: Key, by = consumer) =>
    authorization('/v3/auth/tokens', { by, token, method: 'HMAC-SHA256' });

  function signIn(header: string, scope?: unknown): Promise<Answer> {
    return send('/v3/auth/tokens', header, {}, { auth: { identity: { methods: ['oauth1'], oauth1: {} }, scope } });
  }

  const isGood = async (token: string) =>
    (await api.call('GET', `/v3/users/${api.hanako.user.id}`, { token })).status === 200;

  test('a consumer that acts for a user does not learn or make what it could sign in with as the user', async () => {
    const blob = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
    const credential = { user_id: api.hanako.user.id, type: 'totp', blob };
    const access = await delegated();
    const token = String((await signIn(signInHeader(access))).headers['x-subject-token']);
    const create = (by: string, more = {}) =>
      api.call('POST', '/v3/credentials', { token: by, body: { credential: { ...credential, ...more } } });
    expect((await create(token)).status).toBe(403);
    const cert = (await create(token, { type: 'cert' })).json.credential;
    const change = { token, body: { credential: { type: 'totp' } } };
    expect((await api.call('PATCH', `/v3/credentials/${cert.id}`, change)).status).toBe(403);
    const own = (await create(api.member)).json.credential;
    expect((await api.call('GET', `/v3/credentials/${own.id}`, { token })).status).toBe(404);
    expect((await api.call('DELETE', `/v3/credentials/${own.id}`, { token })).status).toBe(404);
    const ids = async (by: string) =>
      (await api.call('GET', '/v3/credentials', { token: by })).json.credentials.map(({ id }: Key) => id);
    expect(await ids(token)).toEqual([cert.id]);
    expect((await ids(api.member)).toSorted()).toEqual([own.id, cert.id].toSorted());
    for (const id of [own.id, cert.id]) await api.call('DELETE', `/v3/credentials/${id}`, { token: api.member });
    const path = `/v3/users/${api.hanako.user.id}/OS-OAUTH1/access_tokens/${access.id}`;
    expect((await api.call('DELETE', path, { token: api.member })).status).toBe(204);
  });

  test('a consumer acts for a user, with what the user lets it, until the user takes it back', async () => {
    const access = await delegated();
    const answer = await signIn(signInHeader(access));
    expect(answer.status).toBe(201);
    expect(JSON.parse(answer.text).token).toMatchObject({
      methods: ['oauth1'],
      user: { id: api.hanako.user.id },
      project: { id: api.hanako.project.id },
      roles: [{ name: 'reader' }],
      'OS-OAUTH1': { access_token_id: access.id, consumer_id: consumer.id },
    });
    const token = String(answer.headers['x-subject-token']);
    expect(await isGood(token)).toBe(true);
    const path = `/v3/users/${api.hanako.user.id}/OS-OAUTH1/access_tokens`;
    const mine = { token: api.member };
    expect((await api.call('GET', path, mine)).json.access_tokens).toMatchObject([
      { id: access.id, consumer_id: consumer.id, authorizing_user_id: api.hanako.user.id },
    ]);
    expect((await api.call('GET', `${path}/${access.id}`, mine)).text).not.toContain(access.secret);
    const { roles } = (await api.call('GET', `${path}/${access.id}/roles`, mine)).json;
    expect(roles).toMatchObject([{ name: 'reader' }]);
    const [role] = roles;
    expect((await api.call('GET', `${path}/${access.id}/roles/${role.id}`, mine)).json.role.name).toBe('reader');
    expect((await api.call('GET', `${path}/${access.id}/roles/none`, mine)).status).toBe(404);
    expect((await api.call('GET', `/v3/users/${'0'.repeat(32)}/OS-OAUTH1/access_tokens`, mine)).status).toBe(403);
    expect((await api.call('DELETE', `${path}/${access.id}`, mine)).status).toBe(204);
    expect(await isGood(token)).toBe(false);
    expect((await signIn(signInHeader(access))).status).toBe(401);
    expect((await api.call('GET', path, mine)).json.access_tokens).toEqual([]);
  });

  test('what a consumer was let do is neither passed on, nor widened, nor looked at', async () => {
    const access = await delegated();
    const token = String((await signIn(signInHeader(access))).headers['x-subject-token']);
    const asked = keyIn(await ask());
    expect((await authorize(asked.id, token)).status).toBe(403);
    const { id: userId } = api.hanako.user;
    const body = { application_credential: { name: 'more' } };
    expect((await api.call('POST', `/v3/users/${userId}/application_credentials`, { token, body })).status).toBe(403);
    expect((await api.call('GET', `/v3/users/${userId}/OS-OAUTH1/access_tokens`, { token })).status).toBe(403);
    const trust = {
      trustor_user_id: userId,
      trustee_user_id: api.hanako.user.id,
      impersonation: false,
      project_id: api.hanako.project.id,
      roles: [{ name: 'reader' }],
    };
    expect((await api.call('POST', '/v3/OS-TRUST/trusts', { token, body: { trust } })).status).toBe(403);
    const again = await api.call('POST', '/v3/auth/tokens', {
      body: { auth: { identity: { methods: ['token'], token: { id: token } } } },
    });
    expect(again.status).toBe(403);
    const elsewhere = await signIn(signInHeader(access), { project: { id: api.hanako.project.id } });
    expect(elsewhere.status).toBe(401);
  });

  test('a signed request is good once, now, and for what it says', async () => {
    const headers = { 'requested-project-id': api.hanako.project.id };
    const header = authorization(requestPath, { more: oob });
    expect((await send(requestPath, header, headers)).status).toBe(201);
    expect((await send(requestPath, header, headers)).status).toBe(401);
    // What is done twice at once is done once.
    const access = await delegated();
    const twice = signInHeader(access);
    const both = await Promise.all([signIn(twice), signIn(twice)]);
    expect(both.map(({ status }) => status).sort()).toEqual([201, 401]);
    const late = authorization(requestPath, { more: oob });
    api.env.advance(301);
    expect((await send(requestPath, late, headers)).status).toBe(401);
    const wrongs: Signed[] = [
      { forged: { oauth_callback: 'oob2' } },
      { forged: { oauth_timestamp: '1' } },
      { forged: { oauth_nonce: '' } },
      { forged: { oauth_version: '2.0' } },
      { forged: { oauth_timestamp: 'NaN' } },
      { by: { id: consumer.id, secret: 'guessed' } },
      { by: { id: 'nobody', secret: '' } },
      { by: { id: '', secret: '' } },
      { method: 'PLAINTEXT' },
    ];
    for (const wrong of wrongs) {
      expect([wrong, (await ask(wrong)).status]).toEqual([wrong, 401]);
    }
    expect((await ask({ more: { oauth_callback: 'http://evil.example' } })).status).toBe(400);
    expect((await ask({}, 'no-such-project')).status).toBe(404);
    expect((await send(requestPath, authorization(requestPath, { more: oob }))).status).toBe(400);
    for (const none of ['', 'OAuth', 'Basic YTpi', 'OAuth oauth_token="%"']) {
      expect((await signIn(none)).status).toBe(401);
    }
  });

  test('only a user who has the roles authorizes, and the verifier is good once, for its own request', async () => {
    const asked = keyIn(await ask());
    expect((await authorize(asked.id, api.member, [{ name: 'admin' }])).status).toBe(403);
    expect((await authorize(asked.id, api.member, [])).status).toBe(400);
    expect((await authorize('nothing')).status).toBe(404);
    const trade = (verifier: string, token = asked) =>
      send(accessPath, authorization(accessPath, { token, more: { oauth_verifier: verifier } }));
    expect((await trade('')).status).toBe(401);
    const { oauth_verifier } = (await authorize(asked.id)).json.token;
    expect(oauth_verifier).toMatch(/^[2-9A-HJ-NP-Z]{8}$/);
    // Somebody else does not take over what one has said.
    expect((await authorize(asked.id, api.admin)).status).toBe(404);
    expect((await trade(`${oauth_verifier}A`)).status).toBe(401);
    const other = keyIn(await ask());
    expect((await trade(oauth_verifier, other)).status).toBe(401);
    const both = await Promise.all([trade(oauth_verifier), trade(oauth_verifier)]);
    expect(both.map(({ status }) => status).sort()).toEqual([201, 401]);
    expect((await authorize(asked.id)).status).toBe(404);
    const late = keyIn(await ask());
    api.env.advance(8 * 3600 + 1);
    api.admin = await api.tokenOf('admin', 'password');
    api.member = await api.tokenOf('hanako', 'pw');
    expect((await authorize(late.id)).status).toBe(404);
  });

  test('access ends with its time, its consumer, its user, its project and its roles', async () => {
    const old = await delegated();
    api.env.advance(86_401);
    api.admin = await api.tokenOf('admin', 'password');
    api.member = await api.tokenOf('hanako', 'pw');
    expect((await signIn(signInHeader(old))).status).toBe(401);

    const by = await newConsumer();
    const access = await delegated(by);
    const token = String((await signIn(signInHeader(access, by))).headers['x-subject-token']);
    expect(await isGood(token)).toBe(true);
    const path = `/v3/OS-OAUTH1/consumers/${by.id}`;
    expect((await api.call('DELETE', path, { token: api.member })).status).toBe(403);
    expect((await api.call('DELETE', path, { token: api.admin })).status).toBe(204);
    expect((await api.call('GET', path, { token: api.admin })).status).toBe(404);
    expect(await isGood(token)).toBe(false);
    expect((await signIn(signInHeader(access, by))).status).toBe(401);

    const { id: memberRole } = (await api.call('GET', '/v3/roles?name=member', { token: api.admin })).json.roles[0];
    const strong = await delegated(consumer, [{ id: memberRole }]);
    const { project, user } = api.hanako;
    const assigned = `/v3/projects/${project.id}/users/${user.id}/roles/${memberRole}`;
    expect((await api.call('DELETE', assigned, { token: api.admin })).status).toBe(204);
    expect((await signIn(signInHeader(strong))).status).toBe(401);
    await api.call('PUT', assigned, { token: api.admin });
    expect((await signIn(signInHeader(strong))).status).toBe(201);
    const disable = (path: string, key: string, enabled: boolean) =>
      api.call('PATCH', path, { token: api.admin, body: { [key]: { enabled } } });
    for (const [path, key] of [
      [`/v3/projects/${project.id}`, 'project'],
      [`/v3/users/${user.id}`, 'user'],
    ] as const) {
      expect((await disable(path, key, false)).status).toBe(200);
      expect((await signIn(signInHeader(strong))).status).toBe(401);
      expect((await disable(path, key, true)).status).toBe(200);
      expect((await signIn(signInHeader(strong))).status).toBe(201);
    }
    expect((await api.call('DELETE', `/v3/users/${user.id}`, { token: api.admin })).status).toBe(204);
    expect((await signIn(signInHeader(strong))).status).toBe(401);
    expect(
      await api.db.read.selectFrom('oauth_access_tokens').select('id').where('user_id', '=', user.id).execute(),
    ).toEqual([]);
  });

  test('what has expired is deleted', async () => {
    api.env.advance(2 * 86_400);
    await api.identity.delegations.expire();
    for (const table of ['oauth_nonces', 'oauth_request_tokens', 'oauth_access_tokens'] as const) {
      expect(await api.db.read.selectFrom(table).select('id').execute()).toEqual([]);
    }
  });

  test('a consumer is described anew, and its secret is told once', async () => {
    api.admin = await api.tokenOf('admin', 'password');
    const path = `/v3/OS-OAUTH1/consumers/${consumer.id}`;
    const changed = await api.call('PATCH', path, { token: api.admin, body: { consumer: { description: null } } });
    expect(changed.json.consumer).toMatchObject({ id: consumer.id, description: null });
    const secret = { consumer: { secret: 'mine' } };
    expect((await api.call('PATCH', path, { token: api.admin, body: secret })).status).toBe(400);
    const { text } = await api.call('GET', '/v3/OS-OAUTH1/consumers', { token: api.admin });
    expect(text).toContain(consumer.id);
    expect(text).not.toContain(consumer.secret);
  });
});
