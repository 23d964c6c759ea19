import type { FastifyInstance } from 'fastify';
import pino from 'pino';
import type { Dialect } from '../../../api/dialect.ts';
import { createApiServer } from '../../../api/server.ts';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import { StorageCloud } from '../../../cloud/volumes/test-cloud.ts';

export type Who = 'admin' | 'member' | 'stranger';
type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** Dialects over a whole cloud with a simulated host. Tokens are the names of who asks. */
export class VolumeApi {
  readonly storage: StorageCloud;
  readonly #app: FastifyInstance;

  private constructor(storage: StorageCloud, app: FastifyInstance) {
    this.storage = storage;
    this.#app = app;
  }

  static async start(dialects: readonly Dialect[], hosts = 1): Promise<VolumeApi> {
    const storage = await StorageCloud.start({ hosts });
    const subjects: Record<string, Subject> = storage as unknown as Record<Who, Subject>;
    const identity = {
      subjectOf(token: string, requestId: string) {
        if (!['admin', 'member', 'stranger'].includes(token)) throw new CloudError('unauthenticated', 'bad token');
        return { ...subjects[token], requestId };
      },
    };
    const cloud = Object.assign(Object.create(storage.cloud) as Cloud, { identity });
    const app = createApiServer({ cloud, dialects, log: pino({ level: 'silent' }), isReady: () => true });
    return new VolumeApi(storage, app);
  }

  async stop(): Promise<void> {
    await this.#app.close();
    await this.storage.stop();
  }

  get project(): string {
    return this.storage.admin.projectId!;
  }

  async call(method: Method, path: string, options: { as?: Who | null; body?: unknown; version?: string } = {}) {
    const { as = 'member', body, version } = options;
    const answer = await this.#app.inject({
      method,
      url: path,
      headers: {
        ...(as ? { 'x-auth-token': as } : {}),
        ...(version ? { 'openstack-api-version': version } : {}),
      },
      payload: body as object | undefined,
    });
    return {
      status: answer.statusCode,
      headers: answer.headers,
      json: answer.body === '' ? undefined : JSON.parse(answer.body),
    };
  }

  /** Waits until nothing is under way on the resource any more. */
  async settled(resourceId: string): Promise<void> {
    const rows = await this.storage.cloud.db.read
      .selectFrom('actions')
      .select('id')
      .where('resource_id', '=', resourceId.replaceAll('-', ''))
      .where('finished_at', 'is', null)
      .execute();
    for (const { id } of rows) await this.storage.ended(id);
  }
}
