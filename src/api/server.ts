import { randomUUID } from 'node:crypto';
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Cloud } from '../cloud/cloud.ts';
import { serveConsoles } from './console-proxy.ts';
import { type ConsolePages, serveConsole } from './console-site.ts';
import type { Dialect, DialectGroup } from './dialect.ts';
import { serveEventStreams } from './event-stream.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { mountDialects } from './mount.ts';
import { openApiDocument } from './openapi.ts';
import type { DialectName } from './operation.ts';
import { requestTarget } from './request-target.ts';
import { groupOfLoaded, maxParamLength } from './routes.ts';

export interface ApiServerOptions {
  cloud: Cloud;
  /** Dialects, or groups of them that are loaded when somebody asks for them. */
  dialects: ReadonlyArray<Dialect | DialectGroup>;
  log: FastifyBaseLogger;
  /** The origin that links should name, where it is not the one that clients' Host headers say. */
  publicOrigin?: string;
  /** The web console's pages, where it is served. */
  console?: ConsolePages;
  /** Whether the cloud takes work: what `/readyz` says. */
  isReady(): boolean;
}

/** One HTTP server for every dialect, with health, metrics and OpenAPI documents beside them. */
export function createApiServer(options: ApiServerOptions): FastifyInstance {
  const app = fastify({
    loggerInstance: options.log,
    logController: new LogController({ disableRequestLogging: true }),
    // A large image on a slow line takes its time; headers must come quickly (Node's own limit of 60 s).
    requestTimeout: 0,
    keepAliveTimeout: 75_000,
    routerOptions: { ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, maxParamLength },
    // Who is heard while the cloud stops is answered like anybody else, and told that the connection ends.
    return503OnClosing: false,
    rewriteUrl: ({ url }) => requestTarget(url ?? '/'),
    genReqId: () => '',
    // What is logged of a request names it by itself.
    childLoggerFactory: (log) => log,
    http: {
      // Java's HTTP client offers HTTP/2 with its first request (Upgrade: h2c); whoever can't, answers it as it is (RFC 9110, 7.8).
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
      // A request without a body has no stream to be read to its end.
      optimizeEmptyRequests: true,
    },
  }) as unknown as FastifyInstance;
  const metrics = createMetrics(options.cloud);
  const groups = grouped(options.dialects);
  addOwnRoutes(app, options, groups, metrics);
  serveConsoles(app, options);
  serveEventStreams(app);
  if (options.console) {
    const names = [...new Set(groups.flatMap((group) => group.names))];
    serveConsole(app, options.console, { names, read: (name) => documentOf(groups, name as DialectName) });
  }
  mountDialects(app, groups, {
    cloud: options.cloud,
    publicOrigin: options.publicOrigin,
    newRequestId: () => `req-${randomUUID()}`,
    observe: metrics.observe,
  });
  return app;
}

function grouped(dialects: ApiServerOptions['dialects']): DialectGroup[] {
  const loaded = dialects.filter((one): one is Dialect => 'operations' in one);
  const groups = dialects.filter((one): one is DialectGroup => 'load' in one);
  return loaded.length > 0 ? [...groups, groupOfLoaded(loaded)] : groups;
}

function addOwnRoutes(
  app: FastifyInstance,
  options: ApiServerOptions,
  groups: readonly DialectGroup[],
  metrics: Metrics,
): void {
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const ready = options.isReady();
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'starting' });
  });
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()));
  const names = [...new Set(groups.flatMap((group) => group.names))];
  app.get('/openapi', async () => ({ documents: names.map((name) => `/openapi/${name}.json`) }));
  for (const name of names) {
    let document: Promise<object> | undefined;
    app.get(`/openapi/${name}.json`, () => {
      document ??= documentOf(groups, name);
      return document;
    });
  }
}

async function documentOf(groups: readonly DialectGroup[], name: DialectName): Promise<object> {
  const holders = groups.filter(({ names }) => names.includes(name));
  const dialects = (await Promise.all(holders.map((group) => group.load()))).flat();
  return openApiDocument(dialects.filter((dialect) => dialect.name === name));
}
