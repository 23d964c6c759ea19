import { randomUUID } from 'node:crypto';
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Cloud } from '../cloud/cloud.ts';
import { serveConsoles } from './console-proxy.ts';
import type { Dialect } from './dialect.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { answerNoRoute, type MountOptions, mountDialect } from './mount.ts';
import { openApiDocument } from './openapi.ts';

export interface ApiServerOptions {
  cloud: Cloud;
  dialects: readonly Dialect[];
  log: FastifyBaseLogger;
  /** The origin that links should name, where it is not the one that clients' Host headers say. */
  publicOrigin?: string;
  /** Whether the cloud takes work: what `/readyz` says. */
  isReady(): boolean;
}

/** Largest JSON body, bytes. User data and big metadata stay far below it. */
const maxJsonBody = 2 ** 20;

/** One HTTP server for every dialect, with health, metrics and OpenAPI documents beside them. */
export function createApiServer(options: ApiServerOptions): FastifyInstance {
  const app = fastify({
    loggerInstance: options.log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: maxJsonBody,
    // A large image on a slow line takes its time; headers must come quickly (Node's own limit of 60 s).
    requestTimeout: 0,
    keepAliveTimeout: 75_000,
    routerOptions: { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, maxParamLength: 512 },
    genReqId: () => '',
  }) as unknown as FastifyInstance;
  readJsonWhateverItIsCalled(app);
  const metrics = createMetrics(options.cloud);
  const mountOptions: MountOptions = {
    cloud: options.cloud,
    publicOrigin: options.publicOrigin,
    newRequestId: () => `req-${randomUUID()}`,
    observe: metrics.observe,
  };
  for (const dialect of options.dialects) mountDialect(app, dialect, mountOptions);
  addOwnRoutes(app, options, metrics);
  serveConsoles(app, options);
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0]!;
    const owner = longestMatch(options.dialects, path);
    if (!owner) return reply.code(404).send({ error: { code: 404, message: `Nothing is served at ${path}.` } });
    return answerNoRoute(owner, mountOptions, request, reply, knowsPath(owner, path) ? 'method' : 'path');
  });
  return app;
}

/** Clients forget the content type, or send others with JSON in them; only the bytes count. */
function readJsonWhateverItIsCalled(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (request, text, done) => {
    if (text === '') return done(null, undefined);
    parse(request, text as string, done);
  });
}

function addOwnRoutes(app: FastifyInstance, options: ApiServerOptions, metrics: Metrics): void {
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const ready = options.isReady();
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'starting' });
  });
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()));
  const names = [...new Set(options.dialects.map(({ name }) => name))];
  app.get('/openapi', async () => ({ documents: names.map((name) => `/openapi/${name}.json`) }));
  for (const name of names) {
    let document: object | undefined;
    app.get(`/openapi/${name}.json`, async () => {
      document ??= openApiDocument(options.dialects.filter((dialect) => dialect.name === name));
      return document;
    });
  }
}

/** The dialect whose mount point is the longest prefix of the path. */
function longestMatch(dialects: readonly Dialect[], path: string): Dialect | undefined {
  let best: { dialect: Dialect; length: number } | undefined;
  for (const dialect of dialects) {
    for (const mount of dialect.mounts) {
      const fixed = mount.split('{', 1)[0]!.replace(/\/$/, '');
      const fits = path === fixed || path.startsWith(`${fixed}/`);
      if (fits && (!best || fixed.length > best.length)) best = { dialect, length: fixed.length };
    }
  }
  return best?.dialect;
}

function knowsPath(dialect: Dialect, path: string): boolean {
  const trimmed = path.length > 1 ? path.replace(/\/+$/, '') : path;
  return dialect.mounts.some((mount) =>
    dialect.operations.some((operation) => pattern(mount + operation.path).test(trimmed)),
  );
}

function pattern(path: string): RegExp {
  const escaped = path.replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&').replaceAll(/\{\w+\}/g, '[^/]+');
  return new RegExp(`^${escaped.replace(/\/$/, '')}$`);
}
