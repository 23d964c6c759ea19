import pino from 'pino';
import { createApiServer } from '../../../api/server.ts';
import type { Cloud } from '../../../cloud/cloud.ts';
import { sha512Hex } from '../../../cloud/identity/passwords.ts';
import { operator } from '../../../cloud/identity/subject.ts';
import { adminPassword, testIdentity } from '../../../cloud/identity/test-identity.ts';
import { usualCatalog } from './catalog.ts';
import { identityDialect } from './identity.ts';

interface Options {
  token?: string;
  headers?: Record<string, string>;
  body?: unknown;
}

type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export type IdentityApi = Awaited<ReturnType<typeof testIdentityApi>>;

/** The Identity API alone over an engine in memory, or on the given database, with tokens of `admin` and of the account `hanako`. For tests. */
export async function testIdentityApi(given: Parameters<typeof testIdentity>[0] = {}) {
  const { core, db, env, identity } = await testIdentity(given);
  const faults = { isQuiet: true };
  const cloud = { ...core, identity, faults, registerMetrics: () => {} } as unknown as Cloud;
  const app = createApiServer({
    cloud,
    dialects: [identityDialect([...usualCatalog.identity, ...usualCatalog.compute, ...usualCatalog.volume])],
    log: pino({ level: 'silent' }),
    isReady: () => true,
  });
  const hanako = await identity.createAccount(operator(), { name: 'hanako', passwordSha512: sha512Hex('pw') });

  async function send(method: Method, path: string, { token, headers, body }: Options = {}) {
    const answer = await app.inject({
      method,
      url: `/identity${path}`,
      headers: { host: 'cloud.example', ...(token === undefined ? {} : { 'x-auth-token': token }), ...headers },
      ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
    });
    return { status: answer.statusCode, headers: answer.headers, text: answer.body };
  }

  async function call(method: Method, path: string, options: Options = {}) {
    const answer = await send(method, path, options);
    return { ...answer, json: answer.text === '' ? undefined : JSON.parse(answer.text) };
  }

  function login(name: string, password: string, scope?: unknown) {
    const user = { name, domain: { id: 'default' }, password };
    return call('POST', '/v3/auth/tokens', {
      body: { auth: { identity: { methods: ['password'], password: { user } }, scope } },
    });
  }

  const tokenOf = async (name: string, password: string) =>
    String((await login(name, password)).headers['x-subject-token']);

  async function close(): Promise<void> {
    await app.close();
    await db.close();
  }

  const [admin, member] = [await tokenOf('admin', adminPassword), await tokenOf('hanako', 'pw')];
  return { call, send, login, tokenOf, admin, member, hanako, db, env, identity, close };
}
