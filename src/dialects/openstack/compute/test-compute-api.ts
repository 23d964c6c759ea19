import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { FastifyInstance, InjectOptions } from 'fastify';
import pino from 'pino';
import { expect, vi } from 'vitest';
import type { Dialect } from '../../../api/dialect.ts';
import { createApiServer } from '../../../api/server.ts';
import { type OpenedUnkai, openUnkai } from '../../../assembly/open-unkai.ts';
import { operator, type Subject } from '../../../cloud/identity/subject.ts';
import type { CloudSettings } from '../../../cloud/settings.ts';
import { withDashes } from '../../../env/env.ts';
import { identityDialect } from '../identity/identity.ts';

export interface ApiAnswer {
  status: number;
  headers: Record<string, unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: the bodies of every operation there is
  body: any;
}

const adminPassword = 'test-password';
const log = pino({ level: 'silent' });

/** A whole cloud over a simulated host, with the given APIs, in a temporary folder. */
export class ComputeApi {
  readonly unkai: OpenedUnkai;
  readonly app: FastifyInstance;
  readonly #folder: string;
  readonly #tokens = new Map<string, string>();
  projectId = '';
  imageId = '';

  private constructor(folder: string, unkai: OpenedUnkai, dialects: readonly Dialect[]) {
    this.#folder = folder;
    this.unkai = unkai;
    this.app = createApiServer({
      cloud: unkai.cloud,
      dialects: [identityDialect([]), ...dialects],
      log,
      isReady: () => true,
    });
  }

  static async start(
    dialects: readonly Dialect[],
    settings: Partial<CloudSettings> = {},
    hosts = 1,
    zones: readonly string[] = [],
  ): Promise<ComputeApi> {
    const folder = await mkdtemp(join(tmpdir(), 'unkai-compute-'));
    const place = { dataDir: folder, hypervisor: 'simulated', hosts, zones } as const;
    const unkai = await openUnkai({ ...place, adminPassword, log, settings });
    const api = new ComputeApi(folder, unkai, dialects);
    await api.signIn('admin', adminPassword);
    api.imageId = await api.#image();
    return api;
  }

  async stop(): Promise<void> {
    await this.app.close();
    await this.unkai.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** The operator as a subject, for calls to the engine itself. */
  get operator(): Subject {
    return operator();
  }

  async #image(): Promise<string> {
    const { images } = this.unkai.cloud;
    const format = { diskFormat: 'raw', containerFormat: 'bare', visibility: 'public' } as const;
    const { id } = await images.create(this.operator, { name: 'img', ...format });
    await images.upload(this.operator, id, Readable.from([Buffer.alloc(1 << 20, 7)]));
    return withDashes(id);
  }

  async signIn(user: string, password: string): Promise<void> {
    const domain = { id: 'default' };
    const payload = {
      auth: {
        identity: { methods: ['password'], password: { user: { name: user, domain, password } } },
        scope: { project: { name: user, domain } },
      },
    };
    const answer = await this.app.inject({ method: 'POST', url: '/identity/v3/auth/tokens', payload });
    expect(answer.statusCode).toBe(201);
    this.#tokens.set(user, String(answer.headers['x-subject-token']));
    if (user === 'admin') this.projectId = answer.json().token.project.id;
  }

  /** The token of someone who has signed in, for requests that `call` does not make. */
  token(user = 'admin'): string {
    return this.#tokens.get(user)!;
  }

  /** Makes a project with a member of the same name, who then is signed in. */
  async addMember(name: string): Promise<string> {
    const { sha512Hex } = await import('../../../cloud/identity/passwords.ts');
    const { identity } = this.unkai.cloud;
    const account = { name, passwordSha512: sha512Hex(name) };
    const { project } = await identity.createAccount(this.operator, account);
    await this.signIn(name, name);
    return project.id;
  }

  async call(
    method: InjectOptions['method'],
    url: string,
    options: { as?: string; body?: unknown; version?: string } = {},
  ): Promise<ApiAnswer> {
    const { as = 'admin', body, version } = options;
    const answer = await this.app.inject({
      method,
      url,
      headers: {
        host: 'cloud.example.com',
        ...(as === 'nobody' ? {} : { 'x-auth-token': this.#tokens.get(as)! }),
        ...(version ? { 'openstack-api-version': version.includes(' ') ? version : `compute ${version}` } : {}),
      },
      ...(body === undefined ? {} : { payload: body as object }),
    });
    const text = answer.body;
    return { status: answer.statusCode, headers: answer.headers, body: text === '' ? undefined : answer.json() };
  }

  /** Makes a server and waits until nothing is under way on it. */
  async server(more: object = {}, as = 'admin'): Promise<string> {
    const server = { name: 'one', imageRef: this.imageId, flavorRef: '42', ...more };
    const made = await this.call('POST', '/compute/v2.1/servers', { as, body: { server } });
    expect(made, JSON.stringify(made.body)).toMatchObject({ status: 202 });
    await this.settled(made.body.server.id, as);
    return made.body.server.id;
  }

  async settled(id: string, as = 'admin'): Promise<void> {
    await vi.waitFor(
      async () => {
        const { body } = await this.call('GET', `/compute/v2.1/servers/${id}`, { as });
        expect(body.server['OS-EXT-STS:task_state']).toBeNull();
      },
      { interval: 5, timeout: 5000 },
    );
  }

  /** Asks for an action, and waits until it is done. */
  async act(id: string, body: object, options: { as?: string; version?: string } = {}): Promise<ApiAnswer> {
    const answer = await this.call('POST', `/compute/v2.1/servers/${id}/action`, { ...options, body });
    if (answer.status < 300) await this.settled(id, options.as);
    return answer;
  }
}
