import { type IncomingMessage, METHODS } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Cloud } from '../cloud/cloud.ts';
import { CloudError, databaseRefusal } from '../cloud/errors.ts';
import { isAllowed, type Subject } from '../cloud/identity/subject.ts';
import {
  type Dialect,
  type DialectGroup,
  type Failure,
  InvalidRequest,
  NoSuchOperation,
  UnexpectedError,
} from './dialect.ts';
import { dryRunModeOf, planOf } from './dry-run.ts';
import { meetFaults } from './faults.ts';
import { readText } from './json-body.ts';
import type { AnyOperation, Call } from './operation.ts';
import type { Ready } from './ready.ts';
import { type FoundRoute, groupFinder, type Route, Routes, slot } from './routes.ts';
import { checkDepth, checkStorable } from './storable-text.ts';

export interface MountOptions {
  cloud: Cloud;
  /** The public origin, where the one in the request's Host header is not what clients should be told. */
  publicOrigin?: string;
  newRequestId(): string;
  /** Called after each answer, for metrics. */
  observe(operation: AnyOperation, status: number, seconds: number): void;
}

/** What is known of a request by the time its handler runs. */
interface RequestState {
  requestId: string;
  subject: Subject | undefined;
  context: Record<string, unknown>;
  origin: string;
  started: number;
  /** The dialect that answers, whether it has a route for the request or not. */
  dialect: Dialect;
  found: FoundRoute | undefined;
  /** Known from the start where the route has only one, else once the body has been read. */
  operation: AnyOperation | undefined;
}

/** A request that has arrived at a dialect's paths. */
interface Arrived extends FastifyRequest {
  dialectState?: RequestState;
}

/** Whatever a request may ask for: a method that no operation has is refused by the dialect whose path it is, too. */
const everyMethod = METHODS.filter((method) => method !== 'CONNECT');

/** Serves all paths that no other route of the server has: loads the dialects they belong to, and lets them answer. */
export function mountDialects(app: FastifyInstance, groups: readonly DialectGroup[], options: MountOptions): void {
  const groupOf = groupFinder(groups);
  const loaded = new Map<DialectGroup, Routes>();
  const loading = new Map<DialectGroup, Promise<Routes>>();

  function load(group: DialectGroup): Promise<Routes> {
    const known = loading.get(group);
    if (known) return known;
    const under = group.load().then((dialects) => {
      const routes = new Routes(dialects);
      loaded.set(group, routes);
      return routes;
    });
    loading.set(group, under);
    // What could not be loaded is tried again by the next request.
    under.catch(() => loading.delete(group));
    return under;
  }

  // Nothing is awaited that is there already: most requests go from here to their handler in one turn.
  function arrive(request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void {
    const path = pathOf(request.url);
    const group = groupOf(path);
    if (!group) {
      // Nobody looks at its body: there is none whose words say what is wrong with it.
      reply.code(404).send({ error: { code: 404, message: `Nothing is served at ${path}.` } });
      return;
    }
    const routes = loaded.get(group);
    const admitted = routes
      ? attempt(() => enter(routes, path, request, reply))
      : load(group).then((ready) => enter(ready, path, request, reply));
    if (admitted instanceof Promise) admitted.then(() => done(), done);
    else done(admitted);
  }

  function enter(
    routes: Routes,
    path: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> | undefined {
    const nul = request.url.indexOf('%00');
    // No resource has a name with NUL in it.
    const found = nul === -1 || nul > path.length ? routes.find(request.method, request.url) : undefined;
    const state: RequestState = {
      requestId: options.newRequestId(),
      subject: undefined,
      context: {},
      origin: options.publicOrigin ?? originOf(request),
      started: performance.now(),
      dialect: found?.route.dialect ?? routes.owner(path),
      found,
      operation: undefined,
    };
    (request as Arrived).dialectState = state;
    if (!found) throw noRoute(request, reply, nul === -1 ? routes.methodsAt(request.url) : []);
    if (nul !== -1) throw new InvalidRequest('query', '', 'The query must not contain NUL characters.', 'characters');
    request.params = found.params;
    return admit(state, found.route, options, request, reply);
  }

  app.decorateRequest('dialectState');
  for (const method of everyMethod) if (!app.supportedMethods.includes(method)) app.addHttpMethod(method);
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    const parseJson = scope.getDefaultJsonParser('error', 'error');
    // Clients forget the content type, or send others with JSON in them; only the bytes count.
    scope.addContentTypeParser('*', (request: FastifyRequest, payload: IncomingMessage, done: BodyDone) => {
      if ((request as Arrived).dialectState?.found?.route.consumes) return done(null, payload);
      readText(payload).then((text) => {
        if (text === '') done(null, undefined);
        else parseJson(request, text, (error, body) => done(error ?? unstorable(text, body), body));
      }, done);
    });
    scope.route({
      method: everyMethod,
      url: '*',
      onRequest: arrive,
      errorHandler: (error, request, reply) => answerFailure(options, error, request, reply),
      handler: (request, reply) => perform(options, request, reply),
    });
  });
}

type BodyDone = (error: Error | null, body?: unknown) => void;

/** Tells a method that a path does not have, with those that it has (RFC 9110, 15.5.6), from a path that nobody has. */
function noRoute(request: FastifyRequest, reply: FastifyReply, methods: readonly string[]): NoSuchOperation {
  if (methods.length === 0) return new NoSuchOperation('path', 'The resource could not be found.');
  reply.header('allow', methods.join(', '));
  return new NoSuchOperation('method', `The method ${request.method} is not allowed here.`);
}

function pathOf(url: string): string {
  const end = url.indexOf('?');
  return end === -1 ? url : url.slice(0, end);
}

/** What keeps a body from being taken, where something does. */
function unstorable(text: string, body: unknown): Error | null {
  const thrown = attempt(() => {
    checkDepth(text, body);
    checkStorable(text, body);
  });
  return thrown instanceof Error ? thrown : null;
}

/** What was thrown, where something was. */
function attempt<T>(work: () => T): T | Error {
  try {
    return work();
  } catch (error) {
    return error as Error;
  }
}

/** Before a byte of the body is read: who asks, which version, is it allowed at all. */
function admit(
  state: RequestState,
  route: Route,
  options: MountOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> | undefined {
  const { dialect, choices } = route;
  if (choices.length === 1) state.operation = choices[0]!.operation;
  const subject = dialect.authenticate(request, options.cloud, state.requestId);
  if (subject instanceof Promise) return subject.then((found) => admitSubject(state, found, route, request, reply));
  admitSubject(state, subject, route, request, reply);
  return undefined;
}

function admitSubject(
  state: RequestState,
  subject: Subject | undefined,
  { dialect, choices }: Route,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  state.subject = subject;
  const allow = choices[0]!.operation.allow;
  if (!subject && choices.every(({ operation }) => operation.allow !== 'anyone')) {
    throw new CloudError('unauthenticated', 'The request you have made requires authentication.');
  }
  if (choices.length === 1 && !isAllowed(subject, allow)) throw refused(choices[0]!.operation);
  if (dialect.prepare) state.context = dialect.prepare(request, subject);
  reply.headers(dialect.headers(state.requestId, state.context));
}

function refused(operation: AnyOperation): CloudError {
  return new CloudError('forbidden', `Policy doesn't allow ${operation.id} to be performed.`, { reason: operation.id });
}

async function perform(options: MountOptions, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const state = (request as Arrived).dialectState!;
  const { dialect, choices, mount } = state.found!.route;
  const { ready, body } = choose(dialect, choices, request);
  const { operation, validate } = ready;
  state.operation = operation;
  if (choices.length > 1 && !isAllowed(state.subject, operation.allow)) throw refused(operation);
  const params = renamed(choices[0]!.operation, operation, request.params as Record<string, string>);
  validate.params(params);
  validate.query(request.query);
  if (!operation.consumes) validate.body(body);
  const { mountParams, base } = mountedAt(mount, params, state.origin);
  const dryRun = dryRunModeOf(request);
  if (dryRun === 'validate') return reply.send({ dry_run: 'validate', operation: operation.id });
  const call = {
    cloud: options.cloud,
    subject: state.subject,
    params,
    query: request.query,
    body,
    requestId: state.requestId,
    mount: mountParams,
    base,
    origin: state.origin,
    context: state.context,
    raw: request,
    reply,
  } as Call<never, never, never>;
  if (dryRun) return reply.send(await planOf(options.cloud, operation, state, async () => operation.handle(call)));
  if (!options.cloud.faults.isQuiet) await meetFaults(options.cloud, operation, state.subject, body);
  const answer = await operation.handle(call);
  const status = answer.status ?? ready.usualStatus;
  reply.code(status);
  if (answer.headers) reply.headers(answer.headers);
  options.observe(operation, status, (performance.now() - state.started) / 1000);
  if (answer.body === undefined || answer.body === null) return reply.send();
  const text = ready.serialise(status, answer);
  if (text === undefined) return reply.send(answer.body);
  if (!reply.hasHeader('content-type')) reply.header('content-type', 'application/json');
  return reply.send(text);
}

/** Picks the operation that the body's key names, where several share a route; or as the dialect has it. */
function choose(dialect: Dialect, choices: readonly Ready[], request: FastifyRequest): { ready: Ready; body: unknown } {
  const body = request.body;
  if (dialect.select) {
    const { operation, body: chosen } = dialect.select(
      choices.map((choice) => choice.operation),
      request,
    );
    return { ready: choices.find((choice) => choice.operation === operation)!, body: chosen };
  }
  if (choices.length === 1 && !choices[0]!.operation.bodyKey) return { ready: choices[0]!, body };
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new InvalidRequest('body', '', 'The request body must be a JSON object.', 'type', { type: 'object' }, body);
  }
  const found = choices.filter(({ operation }) => Object.hasOwn(body, operation.bodyKey!));
  if (found.length !== 1) throw new NoSuchOperation('bodyKey', Object.keys(body).join(', '));
  const ready = found[0]!;
  return { ready, body: (body as Record<string, unknown>)[ready.operation.bodyKey!] };
}

/** Operations that share a route may name its parameters differently: gives them the names of the chosen one. */
function renamed(routed: AnyOperation, chosen: AnyOperation, params: Record<string, string>): Record<string, string> {
  if (routed.path === chosen.path) return params;
  const names = [...chosen.path.matchAll(slot)].map(([, name]) => name!);
  const given = Object.fromEntries(
    [...routed.path.matchAll(slot)].map(([, name], index) => [names[index]!, params[name!]!]),
  );
  return { ...params, ...given };
}

async function answerFailure(
  options: MountOptions,
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const state = (request as Arrived).dialectState;
  if (!state) throw thrown;
  const refused = databaseRefusal(thrown);
  const error = refused ?? asFailure(thrown);
  const { requestId, dialect, operation, origin } = state;
  if (error instanceof UnexpectedError || refused)
    request.log.error({ err: error.cause, requestId }, 'a request failed unexpectedly');
  else request.log.debug({ requestId, reason: error.message }, 'a request was refused');
  // What is left of a body that was too large is not worth reading.
  if (error instanceof CloudError && error.code === 'too_large') reply.header('connection', 'close');
  const failure = await dialect.fail({ error, request, requestId, operation, origin });
  if (operation) options.observe(operation, failure.status, (performance.now() - state.started) / 1000);
  reply.code(failure.status).headers({ ...dialect.headers(requestId, state.context), ...failure.headers });
  if (error instanceof InvalidRequest && request.headers['unkai-dry-run'] !== undefined) {
    reply.header('unkai-invalid-field', encodeURI(invalidField(error, operation)));
  }
  if (typeof failure.body === 'string') return reply.send(failure.body);
  return reply.header('content-type', 'application/json').send(JSON.stringify(failure.body));
}

/** Where the request is wrong, for forms that say it there: `query.limit`, or `body.server.name` with the body's one key. */
function invalidField({ part, field }: InvalidRequest, operation: AnyOperation | undefined): string {
  const key = part === 'body' ? operation?.bodyKey : undefined;
  return [part, key, field].filter(Boolean).join('.');
}

function asFailure(thrown: unknown): Failure['error'] {
  if (thrown instanceof CloudError || thrown instanceof InvalidRequest) return thrown;
  if (thrown instanceof NoSuchOperation || thrown instanceof UnexpectedError) return thrown;
  const code = (thrown as { code?: string }).code;
  if (thrown instanceof SyntaxError || code?.startsWith('FST_ERR_CTP_')) {
    return new InvalidRequest('body', '', `The request body is not valid JSON: ${(thrown as Error).message}`, 'json');
  }
  return new UnexpectedError(thrown);
}

const noParams = {};

function mountedAt(mount: string, params: Record<string, string>, origin: string) {
  if (!mount.includes('{')) return { mountParams: noParams, base: origin + mount };
  const mountParams: Record<string, string> = {};
  const path = mount.replaceAll(slot, (_, name: string) => {
    mountParams[name] = params[name]!;
    return params[name]!;
  });
  return { mountParams, base: origin + path };
}

const authority = /^[A-Za-z0-9.\-_[\]:]{1,255}$/;

/** The scheme and authority by which the client reached us; forged ones fall back to where we listen. */
function originOf(request: FastifyRequest): string {
  const host = request.headers.host;
  if (host && authority.test(host)) return `${request.protocol}://${host}`;
  const { address, port } = request.socket.address() as { address: string; port: number };
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
}
