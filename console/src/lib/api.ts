import { record } from './recorder.ts';
import { session, setSession } from './session.ts';

/** A request as the console makes it, and as its samples show it. */
export interface ApiCall {
  method: string;
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
}

/** An API said no. `message` is the sentence that the cloud gave. */
export class ApiError extends Error {
  readonly status: number;
  readonly requestId: string | undefined;
  readonly body: unknown;
  /** Of a dry run that the schema refused: where the request is wrong, as `body.server.name`. */
  readonly invalidField: string | undefined;
  constructor(status: number, message: string, requestId: string | undefined, body: unknown, invalidField?: string) {
    super(message);
    this.status = status;
    this.requestId = requestId;
    this.body = body;
    this.invalidField = invalidField;
  }
}

/** The newest microversion there is: answers carry all that the cloud knows. */
const computeVersion = { 'OpenStack-API-Version': 'compute 2.53' };

export interface Answer<T> {
  status: number;
  headers: Headers;
  body: T;
}

/** Makes a call with the session's token. Throws `ApiError` for every status of 400 and more. */
export async function send<T = unknown>(call: ApiCall, signal?: AbortSignal): Promise<Answer<T>> {
  const { method, path, body, headers = {} } = call;
  const started = performance.now();
  const current = session();
  const isPatch = method === 'PATCH' && path.startsWith('/image/');
  const response = await fetch(path, {
    method,
    signal,
    headers: {
      accept: 'application/json',
      ...(current && !headers['X-Auth-Token'] ? { 'X-Auth-Token': current.token } : {}),
      ...(body === undefined
        ? {}
        : { 'content-type': isPatch ? 'application/openstack-images-v2.1-json-patch' : 'application/json' }),
      ...(path.startsWith('/compute/') ? computeVersion : {}),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const milliseconds = performance.now() - started;
  const text = await response.text();
  const parsed = parse(text);
  record({ at: Date.now(), method, path, headers, body, status: response.status, milliseconds });
  const requestId = response.headers.get('x-openstack-request-id') ?? response.headers.get('x-request-id') ?? undefined;
  if (response.ok) return { status: response.status, headers: response.headers, body: parsed as T };
  if (response.status === 401 && current && !path.startsWith('/identity/v3/auth')) setSession(null);
  throw new ApiError(
    response.status,
    messageOf(parsed) ?? `${response.status} ${response.statusText}`,
    requestId,
    parsed,
    response.headers.get('unkai-invalid-field') ?? undefined,
  );
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await send<T>({ method: 'GET', path }, signal)).body;
}

function parse(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The sentence in a fault, whichever service's form it has. */
export function messageOf(body: unknown): string | undefined {
  if (typeof body === 'string') return /<p>(.*?)<\/p>/s.exec(body)?.[1] ?? (body.length < 500 ? body : undefined);
  if (typeof body !== 'object' || body === null) return undefined;
  const { message, details, description } = body as Record<string, unknown>;
  for (const text of [message, details, description]) if (typeof text === 'string' && text) return text;
  for (const inner of Object.values(body)) {
    const found = typeof inner === 'object' ? messageOf(inner) : undefined;
    if (found) return found;
  }
  return undefined;
}
