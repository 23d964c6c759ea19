import pino from 'pino';
import { expect } from 'vitest';
import { createApiServer } from '../../../api/server.ts';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { CloudCore } from '../../../cloud/core.ts';
import { openIdentity } from '../../../cloud/identity/identity.ts';
import { sha512Hex } from '../../../cloud/identity/passwords.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import { Networks } from '../../../cloud/networks/networks.ts';
import { Quotas } from '../../../cloud/quotas/quotas.ts';
import { defaultSettings } from '../../../cloud/settings.ts';
import { openSqlite } from '../../../database/sqlite.ts';
import { realEnv } from '../../../env/real.ts';
import { identityDialect } from '../identity/identity.ts';
import { network } from './network.ts';

export type Json = Record<string, never> & { [key: string]: Json };
export type Answer = { status: number; body: Json; headers: Record<string, unknown> };

type Identity = Awaited<ReturnType<typeof openIdentity>>;
type Parts = { networks: Networks; quotas: Quotas; identity: Identity };

/** The network API of a cloud of its own, with the users `admin`, `alice` and `bob` in projects of their own. */
export class NetworkApi {
  readonly tokens: Record<string, string> = {};
  readonly networks: Networks;
  readonly quotas: Quotas;
  readonly #identity: Identity;
  readonly #app: ReturnType<typeof createApiServer>;
  readonly #close: () => Promise<void>;

  private constructor(app: ReturnType<typeof createApiServer>, parts: Parts, close: () => Promise<void>) {
    this.#app = app;
    this.networks = parts.networks;
    this.quotas = parts.quotas;
    this.#identity = parts.identity;
    this.#close = close;
  }

  static async start(): Promise<NetworkApi> {
    const db = await openSqlite(':memory:');
    const log = pino({ level: 'silent' });
    const core = { env: realEnv(), db, settings: defaultSettings, log } as unknown as CloudCore;
    const identity = await openIdentity(core);
    await identity.bootstrap({ adminPassword: 'secret' });
    const quotas = new Quotas(core);
    const networks = new Networks(core, quotas);
    const faults = { isQuiet: true };
    // No server has any of its ports.
    const servers = { deletePort: (subject: Subject, id: string) => networks.ports.delete(subject, id) };
    const parts = { identity, quotas, networks, servers, faults };
    const cloud = { ...core, ...parts, registerMetrics: () => {} } as unknown as Cloud;
    const app = createApiServer({ cloud, dialects: [identityDialect([]), network], log, isReady: () => true });
    const api = new NetworkApi(app, parts, async () => {
      await app.close();
      identity.stop();
      await db.close();
    });
    await api.#signIn('admin');
    for (const name of ['alice', 'bob']) {
      const subject = identity.subjectOf(api.tokens['admin']!, 'req-test');
      await identity.createAccount(subject, { name, passwordSha512: sha512Hex('secret') });
      await api.#signIn(name);
    }
    return api;
  }

  async call(
    who: string,
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const token = this.tokens[who];
    const answer = await this.#app.inject({
      method,
      url: `/network${path}`,
      headers: { ...(token ? { 'x-auth-token': token } : {}), ...headers },
      payload: body,
    });
    return { status: answer.statusCode, body: answer.body ? answer.json() : {}, headers: answer.headers };
  }

  async made(who: string, collection: string, key: string, body: object): Promise<Json> {
    const answer = await this.call(who, 'POST', `/v2.0/${collection}`, { [key]: body });
    expect(answer).toMatchObject({ status: 201 });
    return answer.body[key]!;
  }

  /** Who this user is to the engine. */
  subject(who: string): Subject {
    return this.#identity.subjectOf(this.tokens[who]!, 'req-test');
  }

  close(): Promise<void> {
    return this.#close();
  }

  async #signIn(name: string): Promise<void> {
    const domain = { id: 'default' };
    const payload = {
      auth: {
        identity: { methods: ['password'], password: { user: { name, domain, password: 'secret' } } },
        scope: { project: { name, domain } },
      },
    };
    const answer = await this.#app.inject({ method: 'POST', url: '/identity/v3/auth/tokens', payload });
    expect(answer.body, name).toContain('token');
    this.tokens[name] = String(answer.headers['x-subject-token']);
  }
}
