import fastJson from 'fast-json-stringify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { TSchema } from 'typebox';
import type { Cloud } from '../cloud/cloud.ts';
import { CloudError } from '../cloud/errors.ts';
import { isAllowed, type Subject } from '../cloud/identity/subject.ts';
import { type Dialect, type Failure, InvalidRequest, NoSuchOperation, UnexpectedError } from './dialect.ts';
import type { AnyOperation, Call } from './operation.ts';
import { type Validator, validatorCompiler } from './validation.ts';

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
  /** Known from the start where the route has only one, else once the body has been read. */
  operation: AnyOperation | undefined;
}

/** An operation with all that is compiled of it, which happens at its first request: a start compiles nothing. */
class Ready {
  readonly operation: AnyOperation;
  readonly #compile: (operation: AnyOperation) => Validator;
  #validator: Validator | undefined;
  #serialisers: Map<number, (body: unknown) => string> | undefined;
  /** The status of an answer that names none: the first of the operation's. */
  readonly usualStatus: number;
  readonly #shared = new WeakMap<object, string>();

  constructor(operation: AnyOperation, compile: (operation: AnyOperation) => Validator) {
    this.operation = operation;
    this.usualStatus = Number(Object.keys(operation.responses)[0]);
    this.#compile = compile;
  }

  get validate(): Validator {
    this.#validator ??= this.#compile(this.operation);
    return this.#validator;
  }

  /** Undefined for statuses whose body is no JSON, or not described. */
  serialiser(status: number): ((body: unknown) => string) | undefined {
    this.#serialisers ??= serialisers(this.operation);
    return this.#serialisers.get(status);
  }

  /** As the serialiser does it, or as it did before with the same object. */
  serialiseShared(body: object, serialise: (body: unknown) => string): string {
    const known = this.#shared.get(body);
    if (known !== undefined) return known;
    const text = serialise(body);
    this.#shared.set(body, text);
    return text;
  }
}

/** A parameter in a path, as `{server_id}`. */
const slot = /\{(\w+)\}/g;

const states = new WeakMap<FastifyRequest, RequestState>();

/** Registers every operation of the dialect as routes. */
export function mountDialect(app: FastifyInstance, dialect: Dialect, options: MountOptions): void {
  const compile = validatorCompiler(dialect);
  const routes = new Map<string, Ready[]>();
  for (const operation of dialect.operations) {
    const key = `${operation.method} ${operation.path.replaceAll(slot, '{}')}`;
    routes.set(key, [...(routes.get(key) ?? []), new Ready(operation, compile)]);
  }
  for (const choices of routes.values()) {
    const { method, path, consumes } = choices[0]!.operation;
    for (const mount of dialect.mounts) {
      const url = toFastifyPath(mount + path) || '/';
      const register = (scope: FastifyInstance) => {
        scope.route({
          method,
          url,
          onRequest: (request, reply) => admit(dialect, choices, options, request, reply),
          errorHandler: (error, request, reply) => answerFailure(dialect, options, error, request, reply),
          handler: (request, reply) => perform(dialect, choices, options, mount, request, reply),
        });
      };
      if (!consumes) register(app);
      else {
        app.register(async (scope) => {
          acceptStreams(scope);
          register(scope);
        });
      }
    }
  }
}

/** Before a byte of the body is read: who asks, which version, is it allowed at all. */
async function admit(
  dialect: Dialect,
  choices: Ready[],
  options: MountOptions,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const state: RequestState = {
    requestId: options.newRequestId(),
    subject: undefined,
    context: {},
    origin: options.publicOrigin ?? originOf(request),
    started: performance.now(),
    operation: choices.length === 1 ? choices[0]!.operation : undefined,
  };
  states.set(request, state);
  const subject = dialect.authenticate(request, options.cloud, state.requestId);
  state.subject = subject instanceof Promise ? await subject : subject;
  const allow = choices[0]!.operation.allow;
  if (!state.subject && choices.every(({ operation }) => operation.allow !== 'anyone')) {
    throw new CloudError('unauthenticated', 'The request you have made requires authentication.');
  }
  if (choices.length === 1 && !isAllowed(state.subject, allow)) throw refused(choices[0]!.operation);
  if (dialect.prepare) state.context = dialect.prepare(request, state.subject);
  reply.headers(dialect.headers(state.requestId, state.context));
}

function refused(operation: AnyOperation): CloudError {
  return new CloudError('forbidden', `Policy doesn't allow ${operation.id} to be performed.`, { reason: operation.id });
}

async function perform(
  dialect: Dialect,
  choices: Ready[],
  options: MountOptions,
  mount: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const state = states.get(request)!;
  const { ready, body } = choose(dialect, choices, request);
  const { operation, validate } = ready;
  state.operation = operation;
  if (choices.length > 1 && !isAllowed(state.subject, operation.allow)) throw refused(operation);
  const params = renamed(choices[0]!.operation, operation, request.params as Record<string, string>);
  validate.params(params);
  validate.query(request.query);
  if (!operation.consumes) validate.body(body);
  const { mountParams, base } = mountedAt(mount, params, state.origin);
  const answer = await operation.handle({
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
  } as Call<never, never, never>);
  const status = answer.status ?? ready.usualStatus;
  reply.code(status);
  if (answer.headers) reply.headers(answer.headers);
  options.observe(operation, status, (performance.now() - state.started) / 1000);
  if (answer.body === undefined || answer.body === null) return reply.send();
  const serialise = ready.serialiser(status);
  if (!serialise) return reply.send(answer.body);
  if (!reply.hasHeader('content-type')) reply.header('content-type', 'application/json');
  return reply.send(answer.isShared ? ready.serialiseShared(answer.body, serialise) : serialise(answer.body));
}

/** Picks the operation that the body's key names, where several share a route; or as the dialect has it. */
function choose(dialect: Dialect, choices: Ready[], request: FastifyRequest): { ready: Ready; body: unknown } {
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
    throw new InvalidRequest('body', '', 'The request body must be a JSON object.', 'type', {}, body);
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
  dialect: Dialect,
  options: MountOptions,
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const state = states.get(request);
  const error = asFailure(thrown);
  const requestId = state?.requestId ?? options.newRequestId();
  if (error instanceof UnexpectedError)
    request.log.error({ err: error.cause, requestId }, 'a request failed unexpectedly');
  else request.log.debug({ requestId, reason: error.message }, 'a request was refused');
  const operation = state?.operation;
  const origin = state?.origin ?? options.publicOrigin ?? originOf(request);
  const failure = await dialect.fail({ error, request, requestId, operation, origin });
  if (operation && state) options.observe(operation, failure.status, (performance.now() - state.started) / 1000);
  reply.code(failure.status).headers({ ...dialect.headers(requestId, state?.context ?? {}), ...failure.headers });
  if (typeof failure.body === 'string') return reply.send(failure.body);
  return reply.header('content-type', 'application/json').send(JSON.stringify(failure.body));
}

/** Answers for paths and methods that no operation of the dialect has. */
export function answerNoRoute(
  dialect: Dialect,
  options: MountOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  what: 'path' | 'method',
): Promise<FastifyReply> {
  const words =
    what === 'path' ? 'The resource could not be found.' : `The method ${request.method} is not allowed here.`;
  return answerFailure(dialect, options, new NoSuchOperation(what, words), request, reply);
}

function asFailure(thrown: unknown): Failure['error'] {
  if (thrown instanceof CloudError || thrown instanceof InvalidRequest) return thrown;
  if (thrown instanceof NoSuchOperation || thrown instanceof UnexpectedError) return thrown;
  const code = (thrown as { code?: string }).code;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new CloudError('too_large', 'The request body is too large.');
  if (thrown instanceof SyntaxError || code?.startsWith('FST_ERR_CTP_')) {
    return new InvalidRequest('body', '', `The request body is not valid JSON: ${(thrown as Error).message}`, 'json');
  }
  return new UnexpectedError(thrown);
}

function serialisers(operation: AnyOperation): Map<number, (body: unknown) => string> {
  const compiled = new Map<number, (body: unknown) => string>();
  for (const [status, schema] of Object.entries(operation.responses)) {
    if (schema === null || schema === 'stream') continue;
    compiled.set(Number(status), fastJson(schema as TSchema as fastJson.AnySchema));
  }
  return compiled;
}

/** `/a/{b}` → `/a/:b` */
function toFastifyPath(path: string): string {
  return path.replaceAll(slot, ':$1');
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
export function originOf(request: FastifyRequest): string {
  const host = request.headers.host;
  if (host && authority.test(host)) return `${request.protocol}://${host}`;
  const { address, port } = request.socket.address() as { address: string; port: number };
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/** Bodies as they come, unread: for image data. */
function acceptStreams(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
}
