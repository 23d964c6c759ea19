import type { FastifyInstance } from 'fastify';
import pino from 'pino';
import { createApiServer } from '../../../api/server.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { TestCloud, testSubject } from '../../../cloud/images/test-cloud.ts';
import { image } from './image.ts';

export const subjects = {
  alice: testSubject('alice'),
  bob: testSubject('bob'),
  carol: testSubject('carol'),
  admin: testSubject('admin', { isAdmin: true }),
};
export type Name = keyof typeof subjects;

/** The image API over the parts of the engine that it needs, called without a network. */
export class TestApi {
  readonly cloud: TestCloud;
  readonly app: FastifyInstance;

  private constructor(cloud: TestCloud, app: FastifyInstance) {
    this.cloud = cloud;
    this.app = app;
  }

  static async start(options: Parameters<typeof TestCloud.start>[0] = {}): Promise<TestApi> {
    const cloud = await TestCloud.start(options);
    const identity = {
      subjectOf(token: string, requestId: string) {
        const subject = subjects[token as Name];
        if (!subject) throw new CloudError('unauthenticated', 'bad token');
        return { ...subject, requestId };
      },
    };
    const app = createApiServer({
      cloud: cloud.asCloud({ identity, registerMetrics() {}, zones: { names: async () => new Map() } }),
      dialects: [image],
      log: pino({ level: 'silent' }),
      isReady: () => true,
    });
    return new TestApi(cloud, app);
  }

  async call(
    method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    { as = 'alice', body, headers = {} }: { as?: Name; body?: unknown; headers?: Record<string, string> } = {},
  ) {
    const type = Buffer.isBuffer(body) ? { 'content-type': 'application/octet-stream' } : {};
    const response = await this.app.inject({
      method,
      url: `/image${path}`,
      headers: { 'x-auth-token': as, accept: 'application/json', ...type, ...headers },
      payload: body as object | undefined,
    });
    const isJson = String(response.headers['content-type']).startsWith('application/json');
    return {
      status: response.statusCode,
      headers: response.headers,
      body: isJson ? JSON.parse(response.body) : response.body,
      bytes: response.rawPayload,
    };
  }

  /** A queued raw image. */
  async create(body: object = {}, as: Name = 'alice'): Promise<Record<string, string> & { id: string }> {
    const answer = await this.call('POST', '/v2/images', {
      as,
      body: { name: 'i', disk_format: 'raw', container_format: 'bare', ...body },
    });
    if (answer.status !== 201) throw new Error(`the image was not created: ${answer.status}`);
    return answer.body;
  }

  async show(id: string, as: Name = 'alice'): Promise<Record<string, string>> {
    return (await this.call('GET', `/v2/images/${id}`, { as })).body;
  }

  async ids(query = '', as: Name = 'alice'): Promise<string[]> {
    const { body } = await this.call('GET', `/v2/images${query}`, { as });
    return body.images.map(({ id }: { id: string }) => id);
  }

  /** Waits until every action on images has ended. */
  async settled(): Promise<void> {
    await this.cloud.core.runner.idle();
  }

  async stop(): Promise<void> {
    await this.app.close();
    await this.cloud.stop();
  }
}
