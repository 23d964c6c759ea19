import { afterEach, expect, it } from 'vitest';
import { eachDatabase } from '../../../../tests/support/postgres.ts';
import { sha512Hex } from '../../../cloud/identity/passwords.ts';
import { noCompliance, type SecurityCompliance } from '../../../cloud/identity/security-compliance.ts';
import { type IdentityApi, testIdentityApi } from './test-identity-api.ts';

const day = 24 * 3600;

eachDatabase('the rules for passwords and sign-ins', (openDatabase) => {
  let api: IdentityApi;
  let userId: string;
  afterEach(() => api.close());

  async function setUp(rules: Partial<SecurityCompliance>) {
    const settings = { securityCompliance: { ...noCompliance, ...rules } };
    api = await testIdentityApi({ db: await openDatabase(), settings });
    userId = await newUser();
  }

  const admin = async () => await api.tokenOf('admin', 'password');

  async function newUser(options: object = {}, name = 'jiro'): Promise<string> {
    const user = { name, password: 'first', options };
    const { status, json } = await api.call('POST', '/v3/users', { token: await admin(), body: { user } });
    expect(status).toBe(201);
    return json.user.id;
  }

  const signIn = (password: string) => api.login('jiro', password);
  const change = async (user: object) =>
    await api.call('PATCH', `/v3/users/${userId}`, { token: await admin(), body: { user } });
  const shown = async () => (await api.call('GET', `/v3/users/${userId}`, { token: await admin() })).json.user;
  const changeOwn = (original_password: string, password: string) =>
    api.call('POST', `/v3/users/${userId}/password`, { body: { user: { original_password, password } } });

  it('lets nobody choose one of their last passwords, and administrators give any', async () => {
    await setUp({ uniqueLastPasswordCount: 3 });
    expect((await changeOwn('first', 'second')).status).toBe(204);
    const again = await changeOwn('second', 'first');
    expect(again.status).toBe(400);
    expect(again.json.error.message).toBe(
      'The new password cannot be identical to a previous password. The total number which includes the new password that must be unique is 3.',
    );
    expect((await changeOwn('second', 'third')).status).toBe(204);
    expect((await changeOwn('third', 'first')).status).toBe(400);
    expect((await changeOwn('third', 'second')).status).toBe(400);
    expect((await changeOwn('third', 'fourth')).status).toBe(204);
    expect((await changeOwn('fourth', 'first')).status).toBe(204);
    expect((await change({ password: 'fourth' })).status).toBe(200);
    expect((await signIn('fourth')).status).toBe(201);
    // What is too far back is not kept.
    const rows = await api.db.read.selectFrom('former_passwords').select('user_id').execute();
    expect(rows.filter(({ user_id }) => user_id === userId)).toHaveLength(2);
    await api.call('DELETE', `/v3/users/${userId}`, { token: await admin() });
    expect(await api.db.read.selectFrom('former_passwords').selectAll().execute()).toEqual([]);
  });

  it('lets passwords expire, by name, and whoever knows the old one choose another', async () => {
    await setUp({ passwordExpiresDays: 90 });
    const { password_expires_at: expiry } = await shown();
    expect(expiry).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000000$/);
    const { token } = (await signIn('first')).json;
    expect(token.user.password_expires_at).toBe(expiry);
    const list = async (filter: string) => {
      const path = `/v3/users?name=jiro&password_expires_at=${filter}`;
      return (await api.call('GET', path, { token: await admin() })).json.users?.length;
    };
    expect(await list(`lte:${expiry}Z`)).toBe(1);
    expect(await list(`gt:${expiry}Z`)).toBe(0);
    expect(await list('around:tomorrow')).toBeUndefined();

    api.env.advance(90 * day);
    const refused = await signIn('first');
    expect(refused.status).toBe(401);
    expect(refused.json.error.message).toBe(`The password is expired and needs to be changed for user: ${userId}.`);
    // A wrong one is told nothing of it.
    expect((await signIn('wrong')).json.error.message).toBe('The request you have made requires authentication.');
    await expect(api.identity.sessions.openUserSession({ name: 'hanako' }, 'jiro', sha512Hex('first'))).rejects.toThrow(
      'expired',
    );
    expect((await changeOwn('first', 'second')).status).toBe(204);
    expect((await signIn('second')).status).toBe(201);
  });

  it('has passwords that do not expire, where the user is exempt', async () => {
    await setUp({ passwordExpiresDays: 1 });
    const exempt = { ignore_password_expiry: true };
    expect((await change({ options: exempt, password: 'second' })).json.user.password_expires_at).toBeNull();
    await change({ options: { ignore_password_expiry: null }, password: 'third' });
    expect((await shown()).password_expires_at).not.toBeNull();
    await change({ options: exempt });
    api.env.advance(2 * day);
    expect((await signIn('third')).status).toBe(201);
  });

  it('has users replace the passwords that they were given, but the first administrator', async () => {
    await setUp({ changePasswordUponFirstUse: true });
    expect((await signIn('first')).status).toBe(401);
    expect((await changeOwn('first', 'own')).status).toBe(204);
    expect((await signIn('own')).status).toBe(201);
    await change({ password: 'given again' });
    expect((await signIn('given again')).status).toBe(401);
    await change({ password: 'given', options: { ignore_change_password_upon_first_use: true } });
    expect((await signIn('given')).status).toBe(201);
  });

  it('has users keep a password for a while', async () => {
    await setUp({ minimumPasswordAge: 2 });
    const early = await changeOwn('first', 'second');
    expect(early.status).toBe(400);
    expect(early.json.error.message).toContain('it must be used for 2 day(s)');
    expect((await change({ password: 'second' })).status).toBe(200);
    api.env.advance(2 * day);
    expect((await changeOwn('second', 'third')).status).toBe(204);
  });

  it('disables those who do not sign in for long, until somebody enables them again', async () => {
    await setUp({ disableUserAccountDaysInactive: 30 });
    await newUser({ ignore_user_inactivity: true }, 'saburo');
    api.env.advance(20 * day);
    expect((await signIn('first')).status).toBe(201);
    api.env.advance(20 * day);
    expect((await signIn('first')).status).toBe(201);
    api.env.advance(30 * day);
    expect((await signIn('first')).status).toBe(401);
    expect((await shown()).enabled).toBe(false);
    const list = async (enabled: boolean): Promise<string[]> => {
      const answer = await api.call('GET', `/v3/users?enabled=${enabled}`, { token: await admin() });
      return answer.json.users.map(({ name }: { name: string }) => name);
    };
    expect(await list(false)).toEqual(['hanako', 'jiro']);
    expect(await list(true)).toEqual(['admin', 'saburo']);
    expect((await change({ enabled: true })).json.user.enabled).toBe(true);
    expect((await signIn('first')).status).toBe(201);
  });

  it('opens the door again to who was locked out, when an administrator enables them', async () => {
    await setUp({ lockoutFailureAttempts: 2, lockoutDuration: 600 });
    for (const guess of ['a', 'b']) expect((await signIn(guess)).status).toBe(401);
    expect((await signIn('first')).status).toBe(401);
    await change({ enabled: true });
    expect((await signIn('first')).status).toBe(201);
  });
});
