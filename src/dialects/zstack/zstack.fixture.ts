import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import pino from 'pino';
import { expect } from 'vitest';
import { createApiServer } from '../../api/server.ts';
import { type OpenedUnkai, openUnkai, type UnkaiOptions } from '../../assembly/open-unkai.ts';
import { startWebHooks } from '../../assembly/web-hooks.ts';
import { zstack } from './zstack.ts';

type Body = Record<string, unknown>;

export interface Reply {
  status: number;
  headers: Record<string, unknown>;
  /** Undefined for plain text. */
  json: Body;
  text: string;
}

/** A whole cloud over a simulated host behind the dialect's HTTP server, for tests. */
export class TestZStack {
  readonly app: FastifyInstance;
  readonly unkai: OpenedUnkai;
  readonly folder: string;
  /** The session of the account admin. */
  session = '';
  readonly #stopWebHooks: () => Promise<void>;

  private constructor(app: FastifyInstance, unkai: OpenedUnkai, folder: string) {
    this.#stopWebHooks = startWebHooks(unkai.cloud);
    this.app = app;
    this.unkai = unkai;
    this.folder = folder;
  }

  static async start(options: Pick<UnkaiOptions, 'settings' | 'hosts' | 'database'> = {}): Promise<TestZStack> {
    const folder = await mkdtemp(join(tmpdir(), 'unkai-zstack-'));
    const log = pino({ level: process.env['UNKAI_TEST_LOG'] ?? 'silent' });
    const world = { dataDir: folder, hypervisor: 'simulated', adminPassword: 'password', log } as const;
    const unkai = await openUnkai({ ...world, ...options });
    const app = createApiServer({ cloud: unkai.cloud, dialects: [zstack], log, isReady: () => true });
    await app.ready();
    const test = new TestZStack(app, unkai, folder);
    test.session = await test.logIn('admin', 'password');
    return test;
  }

  async stop(): Promise<void> {
    await this.app.close();
    await this.#stopWebHooks();
    await this.unkai.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  get cloud() {
    return this.unkai.cloud;
  }

  async logIn(accountName: string, password: string): Promise<string> {
    const body = { logInByAccount: { accountName, password: sha512(password) } };
    const { json } = await this.call('PUT', '/accounts/login', body, { authorization: '' });
    return (json['inventory'] as Body)['uuid'] as string;
  }

  /** Makes an ordinary account and gives its session. */
  async newAccount(name: string): Promise<string> {
    await this.call('POST', '/accounts', { params: { name, password: sha512('secret') } });
    return await this.logIn(name, 'secret');
  }

  /** Sends a request as admin that waits for its job, unless its headers say otherwise: on a busy machine that takes a while. */
  async call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Reply> {
    const usual = {
      authorization: `OAuth ${this.session}`,
      'content-type': 'application/json;charset=UTF-8',
      prefer: 'wait=60',
    };
    const response = await this.app.inject({
      method: method as 'GET',
      url: `/zstack/v1${path}`,
      headers: { ...usual, ...headers },
      ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const isJson = String(response.headers['content-type']).includes('json');
    const json = isJson ? (JSON.parse(response.body) as Body) : ({} as Body);
    return { status: response.statusCode, headers: response.headers, json, text: response.body };
  }

  /** The inventories that a query gives. */
  async query(path: string, headers?: Record<string, string>): Promise<Body[]> {
    const { status, json, text } = await this.call('GET', path, undefined, headers);
    if (status !== 200) throw new Error(`${path} gave ${status}: ${text}`);
    return json['inventories'] as Body[];
  }

  /** Sends a request and polls its job to the end. */
  async run(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply> {
    let reply = await this.call(method, path, body, headers);
    const location = reply.json['location'] as string | undefined;
    while (reply.status === 202 && location) {
      reply = await this.call('GET', new URL(location).pathname.replace('/zstack/v1', ''), undefined, headers);
    }
    return reply;
  }
}

/** The inventory that the answer has. */
export const inventoryOf = ({ json }: Pick<Reply, 'json'>) => json['inventory'] as Body;
export const uuidOf = (reply: Pick<Reply, 'json'>) => String(inventoryOf(reply)['uuid']);

/** What an answer is like that refuses, with these words among others. */
export const failing = (code: string, words: string) => ({
  status: 503,
  json: { error: { code, details: expect.stringContaining(words) } },
});

export function sha512(text: string): string {
  return createHash('sha512').update(text).digest('hex');
}
