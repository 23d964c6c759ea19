import type { AnyOperation, OperationExample } from '../../src/api/operation.ts';
import type { ExampleWorld } from './example-world.ts';

/** A request as it goes over the wire. */
export interface WrongRequest {
  path: string;
  type: string;
  body: string | undefined;
}

/** Ids that are none, or of nothing; as they stand in a path. */
const wrongIds = [
  '00000000-0000-4000-8000-000000000000',
  '00000000000040008000000000000000',
  'x',
  '0',
  '-1',
  '99999999999999999999',
  '%00',
  '%ff',
  '%0a',
  '%20',
  '..%2f..%2fetc%2fpasswd',
  '%F0%9F%98%80',
  "'",
  'a'.repeat(300),
];

/** Values that a member of a body or a query is hardly ever meant to have. */
const wrongValues: readonly unknown[] = [
  null,
  '',
  ' ',
  'x',
  'x'.repeat(256),
  'x'.repeat(70_000),
  '雲海😀',
  '\0',
  '\ud800',
  '\u202e',
  "' or 1=1 --",
  '%',
  '../../etc/passwd',
  '__proto__',
  'constructor',
  '2026-13-45T99:99:99Z',
  '2026-11-21',
  '999.1.1.1',
  '::1',
  '0.0.0.0/0',
  'http://127.0.0.1:1/',
  0,
  -1,
  1.5,
  1e308,
  2 ** 31,
  2 ** 53,
  true,
  [],
  [null],
  [[]],
  {},
  { a: { b: null } },
];

/** Bodies that are no request at all. */
const wrongBodies = ['', 'null', '[]', '{', '"x"', '1', '\0', '[[[[[[', '{"a":1,"a":2}', '{"x":1e999}', '<xml/>'];
const wrongTypes = ['text/plain', 'application/xml', 'x', 'multipart/form-data', 'application/json; charset=utf-16'];

/** Turns requests that are right into requests in which one thing is wrong. `random` gives numbers from 0 up to 1. */
export class WrongRequests {
  readonly #world: ExampleWorld;
  readonly #random: () => number;

  constructor(world: ExampleWorld, random: () => number) {
    this.#world = world;
    this.#random = random;
  }

  async of(mount: string, operation: AnyOperation, example: OperationExample): Promise<WrongRequest> {
    const real = await this.#world.real(operation, example, { isShared: true });
    const type = operation.consumes ? 'application/octet-stream' : 'application/json';
    let body = real.body === undefined ? undefined : JSON.stringify(real.body);
    // What is deleted is not there for the next request.
    const what =
      operation.method === 'DELETE' ? 'id' : this.#pick(['id', 'query', 'body', 'body', 'body', 'text', 'type']);
    if (what === 'body' && body !== undefined) body = JSON.stringify(this.#spoil(JSON.parse(body)));
    if (what === 'text' && operation.method !== 'GET') body = this.#pick(wrongBodies);
    return {
      path:
        this.#path(mount + operation.path, real.params ?? {}, what === 'id') + this.#query(operation, what === 'query'),
      type: what === 'type' ? this.#pick(wrongTypes) : type,
      body: operation.method === 'GET' || operation.method === 'HEAD' ? undefined : body,
    };
  }

  #path(path: string, params: Record<string, string>, isWrong: boolean): string {
    return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
      const given = params[name] ?? this.#world.admin.projectId;
      return isWrong ? this.#pick(wrongIds) : encodeURIComponent(given);
    });
  }

  #query(operation: AnyOperation, isWrong: boolean): string {
    const names = Object.keys((operation.query as { properties?: object } | undefined)?.properties ?? {});
    if (!isWrong || names.length === 0) return '';
    const value = this.#pick(wrongValues);
    const text = typeof value === 'string' ? value.slice(0, 2000).toWellFormed() : JSON.stringify(value);
    return `?${encodeURIComponent(this.#pick(names))}=${encodeURIComponent(text)}`;
  }

  /** The body with one member of another value, one too many or one too few. */
  #spoil(body: unknown): unknown {
    const places = placesIn(body);
    if (places.length === 0) return this.#pick(wrongValues);
    const { holder, key } = this.#pick(places);
    const how = this.#random();
    if (how < 0.1) delete holder[key];
    else if (how < 0.2) holder[this.#pick(['extra', 'constructor', '雲', ''])] = this.#pick(wrongValues);
    else holder[key] = this.#pick(wrongValues);
    return body;
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.#random() * choices.length)]!;
  }
}

interface Place {
  holder: Record<string, unknown>;
  key: string;
}

function placesIn(value: unknown): Place[] {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((key) => [{ holder, key }, ...placesIn(holder[key])]);
}
