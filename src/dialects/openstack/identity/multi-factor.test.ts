import { afterEach, expect, it } from 'vitest';
import { eachDatabase } from '../../../../tests/support/postgres.ts';
import { sha512Hex } from '../../../cloud/identity/passwords.ts';
import { noCompliance, type SecurityCompliance } from '../../../cloud/identity/security-compliance.ts';
import { passcodeAt, totpSecret } from '../../../cloud/identity/totp.ts';
import { type IdentityApi, testIdentityApi } from './test-identity-api.ts';

const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY';
const totp = { multi_factor_auth_enabled: true, multi_factor_auth_rules: [['password', 'totp']] };

eachDatabase('signing in by several methods', (openDatabase) => {
  let api: IdentityApi;
  let userId: string;
  afterEach(() => api.close());

  async function setUp(options: object, rules: Partial<SecurityCompliance> = {}) {
    const settings = { securityCompliance: { ...noCompliance, ...rules } };
    api = await testIdentityApi({ db: await openDatabase(), settings });
    userId = api.hanako.user.id;
    expect((await change({ options })).status).toBe(200);
    const credential = { user_id: userId, type: 'totp', blob: secret };
    expect((await api.call('POST', '/v3/credentials', { token: api.admin, body: { credential } })).status).toBe(201);
  }

  const change = (user: object) => api.call('PATCH', `/v3/users/${userId}`, { token: api.admin, body: { user } });
  const passcode = (offset = 0) => passcodeAt(totpSecret(secret)!, api.env.now() + offset * 1_000_000);
  const password = (value = 'pw') => ({ password: { user: { id: userId, password: value } } });
  const code = (value = passcode()) => ({ totp: { user: { id: userId, passcode: value } } });

  /** Authenticates with the methods that the proof has. */
  function signIn(proof: object, receipt?: string) {
    const headers: Record<string, string> = receipt === undefined ? {} : { 'openstack-auth-receipt': receipt };
    const auth = { identity: { methods: Object.keys(proof), ...proof } };
    return api.call('POST', '/v3/auth/tokens', { headers, body: { auth } });
  }

  it('works with both at once, and the token tells them', async () => {
    await setUp(totp);
    const { status, json } = await signIn({ ...password(), ...code() });
    expect(status).toBe(201);
    expect(json.token).toMatchObject({ methods: ['password', 'totp'], project: { name: 'hanako' } });
    // Somebody's passcode is no proof beside somebody else's password.
    const admin = { password: { user: { name: 'admin', domain: { id: 'default' }, password: 'password' } } };
    expect((await signIn({ ...admin, ...code() })).status).toBe(401);
    expect((await signIn({ ...password('wrong'), ...code() })).headers['openstack-auth-receipt']).toBeUndefined();
    expect((await signIn({ ...password(), ...code('000000') })).headers['openstack-auth-receipt']).toBeUndefined();
  });

  it('works step by step: a receipt says what was right so far', async () => {
    await setUp(totp);
    const first = await signIn(password());
    expect(first.status).toBe(401);
    const { receipt, required_auth_methods } = first.json;
    expect(required_auth_methods).toEqual([['password', 'totp']]);
    expect(receipt).toMatchObject({
      methods: ['password'],
      user: { id: userId, name: 'hanako', domain: { id: 'default', name: 'Default' } },
    });
    expect(Date.parse(receipt.expires_at) - Date.parse(receipt.issued_at)).toBe(300_000);
    const text = String(first.headers['openstack-auth-receipt']);
    expect(first.headers['x-subject-token']).toBeUndefined();
    // It is good for nothing by itself.
    expect((await api.call('GET', '/v3/auth/projects', { token: text })).status).toBe(401);
    expect((await signIn({ token: { id: text } })).status).toBe(404);
    expect((await signIn(code('000000'), text)).status).toBe(401);
    expect((await signIn(code())).json.receipt.methods).toEqual(['totp']);
    api.env.advance(30);
    const second = await signIn(code(), text);
    expect(second.status).toBe(201);
    expect([...second.json.token.methods].sort()).toEqual(['password', 'totp']);
    // A token of both methods gets others.
    const token = { token: { id: String(second.headers['x-subject-token']) } };
    expect((await signIn(token)).status).toBe(201);
  });

  it('takes a passcode once, also of those who come at the same time, and none of before', async () => {
    await setUp(totp);
    const proof = { ...password(), ...code() };
    // What was wrong in another way has not used it.
    expect((await signIn({ ...password('wrong'), ...code() })).status).toBe(401);
    const answers = await Promise.all([signIn(proof), signIn(proof), signIn(proof)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 401, 401]);
    const again = await signIn(proof);
    expect(again.status).toBe(401);
    expect(again.headers['openstack-auth-receipt']).toBeUndefined();
    api.env.advance(29);
    expect((await signIn(proof)).status).toBe(401);
    api.env.advance(1);
    const [older, newest] = [code(passcode(-30)), code()];
    expect((await signIn({ ...password(), ...newest })).status).toBe(201);
    expect((await signIn({ ...password(), ...older })).status).toBe(401);
  });

  it('takes an application credential for what it is only where it is given itself', async () => {
    await setUp({});
    const token = String((await signIn(password())).headers['x-subject-token']);
    const credentials = `/v3/users/${userId}/application_credentials`;
    const body = { application_credential: { name: 'robot', secret: 'whirr' } };
    const { id } = (await api.call('POST', credentials, { token, body })).json.application_credential;
    const robot = { application_credential: { id, secret: 'whirr' } };
    await change({ options: { ...totp, multi_factor_auth_rules: [['application_credential', 'totp']] } });
    const receipt = String((await signIn(robot)).headers['openstack-auth-receipt']);
    // With the receipt alone the token would be the user's own, with all that they may do.
    const byReceipt = await signIn(code(), receipt);
    expect(byReceipt.status).toBe(401);
    expect(byReceipt.json.receipt.methods).toEqual(['totp']);
    const whole = await signIn(robot, String(byReceipt.headers['openstack-auth-receipt']));
    expect(whole.status).toBe(201);
    expect(whole.json.token.application_credential).toMatchObject({ id, restricted: true });
    api.env.advance(30);
    expect((await signIn({ ...robot, ...code() }, receipt)).status).toBe(201);
  });

  it('takes a receipt of this user only, for five minutes, until the password changes', async () => {
    await setUp(totp);
    const receipt = async () => String((await signIn(password())).headers['openstack-auth-receipt']);
    const rules = { multi_factor_auth_rules: [['password', 'totp']] };
    const user = { name: 'jiro', password: 'pw', options: rules };
    const made = await api.call('POST', '/v3/users', { token: api.admin, body: { user } });
    const body = {
      auth: { identity: { methods: ['password'], password: { user: { ...user, id: made.json.user.id } } } },
    };
    const other = await api.call('POST', '/v3/auth/tokens', { body });
    expect(other.json.receipt.user.name).toBe('jiro');
    expect((await signIn(code(), String(other.headers['openstack-auth-receipt']))).status).toBe(401);
    expect((await signIn(code(), `${await receipt()}x`)).status).toBe(401);
    const early = await receipt();
    api.env.advance(299);
    expect((await signIn(code(), early)).status).toBe(201);
    api.env.advance(2);
    expect((await signIn(code(), early)).status).toBe(401);
    const late = await receipt();
    expect((await change({ password: 'pw' })).status).toBe(200);
    expect((await signIn(code(), late)).status).toBe(401);
  });

  it('asks for one of the rules, of those methods that there are, and of nobody without rules', async () => {
    await setUp({
      multi_factor_auth_rules: [
        ['password', 'totp'],
        ['totp', 'kerberos'],
      ],
    });
    expect((await signIn(password())).json.required_auth_methods).toEqual([['password', 'totp'], ['totp']]);
    expect((await signIn(code(passcode(-61)))).status).toBe(401);
    expect((await signIn(code(passcode(-30)))).status).toBe(201);
    expect((await signIn(code())).status).toBe(201);
    await change({ options: { multi_factor_auth_enabled: false } });
    expect((await signIn(password())).status).toBe(201);
    // What a change does not name stays; null takes an option away.
    const { options } = (await change({ options: { multi_factor_auth_enabled: null, lock_password: true } })).json.user;
    expect(options).toEqual({
      lock_password: true,
      multi_factor_auth_rules: [
        ['password', 'totp'],
        ['totp', 'kerberos'],
      ],
    });
    expect((await signIn(password())).status).toBe(401);
    await change({ options: { multi_factor_auth_rules: [] } });
    expect((await signIn(password())).status).toBe(201);
  });

  it('closes the other doors: tokens of one method, application credentials, sessions', async () => {
    await setUp({});
    const token = String((await signIn(password())).headers['x-subject-token']);
    const credentials = `/v3/users/${userId}/application_credentials`;
    const body = { application_credential: { name: 'robot', secret: 'whirr' } };
    const { id } = (await api.call('POST', credentials, { token, body })).json.application_credential;
    const robot = { application_credential: { id, secret: 'whirr' } };
    await change({ options: totp });
    expect((await signIn({ token: { id: token } })).json.receipt.methods).toEqual(['token', 'password']);
    expect((await signIn(robot)).json.receipt.methods).toEqual(['application_credential']);
    const session = () => api.identity.sessions.openSession('hanako', sha512Hex('pw'));
    await expect(session()).rejects.toMatchObject({ code: 'unauthenticated' });
    await change({ options: { multi_factor_auth_rules: [['password', 'totp'], ['application_credential']] } });
    expect((await signIn(robot)).status).toBe(201);
    // The password may still be changed by who knows it.
    const user = { password: 'new', original_password: 'pw' };
    expect((await api.call('POST', `/v3/users/${userId}/password`, { body: { user } })).status).toBe(204);
    expect((await signIn({ ...password('new'), ...code() })).status).toBe(201);
  });

  it('locks out who tries passcodes with a stolen password', async () => {
    await setUp(totp, { lockoutFailureAttempts: 3, lockoutDuration: 60 });
    for (const guess of ['000001', '000002', '000003']) {
      const receipt = String((await signIn(password())).headers['openstack-auth-receipt']);
      expect((await signIn(code(guess), receipt)).status).toBe(401);
    }
    expect((await signIn({ ...password(), ...code() })).status).toBe(401);
    expect((await signIn(password())).headers['openstack-auth-receipt']).toBeUndefined();
    api.env.advance(61);
    expect((await signIn({ ...password(), ...code() })).status).toBe(201);
  });

  it('counts each of many guesses that come at once', async () => {
    await setUp(totp, { lockoutFailureAttempts: 3, lockoutDuration: 60 });
    const guesses = await Promise.all(['000001', '000002', '000003', '000004'].map((guess) => signIn(code(guess))));
    expect(guesses.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
    expect((await signIn({ ...password(), ...code() })).status).toBe(401);
  });

  it('takes a trust for no part of the proof: its token is of who trusted, by what another one proved', async () => {
    await setUp({});
    const own = String((await signIn(password())).headers['x-subject-token']);
    const user = { name: 'jiro', password: 'pw' };
    const made = await api.call('POST', '/v3/users', { token: api.admin, body: { user } });
    const trustee = { id: made.json.user.id, password: 'pw' };
    const project_id = api.hanako.project.id;
    const trust = { trustor_user_id: userId, trustee_user_id: trustee.id, impersonation: true, project_id };
    const given = { trust: { ...trust, roles: [{ name: 'member' }] } };
    const { id } = (await api.call('POST', '/v3/OS-TRUST/trusts', { token: own, body: given })).json.trust;
    const auth = {
      identity: { methods: ['password'], password: { user: trustee } },
      scope: { 'OS-TRUST:trust': { id } },
    };
    const trusted = await api.call('POST', '/v3/auth/tokens', { body: { auth } });
    expect(trusted.json.token.user.id).toBe(userId);
    await change({ options: totp });
    const answer = await signIn({ token: { id: String(trusted.headers['x-subject-token']) } });
    expect(answer.status).toBe(403);
    expect(answer.headers['openstack-auth-receipt']).toBeUndefined();
  });

  it('refuses what can not be asked for, or is no secret', async () => {
    await setUp(totp);
    for (const rules of ['password', ['password'], [[]], [['password', 'password']], [[7]]]) {
      expect((await change({ options: { multi_factor_auth_rules: rules } })).status).toBe(400);
    }
    for (const blob of ['GEZDGNBV', 'not base32', '']) {
      const credential = { user_id: userId, type: 'totp', blob };
      const answer = await api.call('POST', '/v3/credentials', { token: api.admin, body: { credential } });
      expect([answer.status, answer.json.error.code]).toEqual([400, 400]);
    }
    for (const totp of [undefined, {}, { user: { id: userId } }, { user: { name: 'hanako', passcode: '1' } }]) {
      const auth = { identity: { methods: ['totp'], totp } };
      expect((await api.call('POST', '/v3/auth/tokens', { body: { auth } })).status).toBe(400);
    }
    expect((await signIn(code('9'.repeat(4096)))).status).toBe(401);
  });
});
