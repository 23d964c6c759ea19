import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What an API's published schemas demand of answers, as `record.py` wrote it down: a line for each operation (`GET
 * /servers/{}`, with an action's key behind it), and under it a line for each value of its answer: the path, with `?` where
 * the value may be missing; its JSON types, single values or formats, with `+` where an object may have further members;
 * the microversions that this holds for, without their major number; and, where it is known, within which bounds. The path
 * of the status is empty; where it stands alone, the answer has no body. Requests stand likewise behind `> `.
 */
export interface PublishedShapes {
  operations: ReadonlyMap<string, readonly Fact[]>;
}

export interface Fact {
  path: string;
  isRequired: boolean;
  kinds: readonly string[];
  ranges: readonly (readonly [from: number, to: number])[];
  /** How long, large or many it may be, where that is known. */
  bounds: ReadonlyArray<readonly [what: 'length' | 'range' | 'items', from?: number, to?: number]>;
}

export function readShapes(service: 'compute' | 'volume' | 'identity'): PublishedShapes {
  const operations = new Map<string, Fact[]>();
  let facts: Fact[] = [];
  for (const line of readFileSync(join(import.meta.dirname, `${service}.tsv`), 'utf8').split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('\t')) facts.push(fact(line));
    else {
      facts = [];
      operations.set(line, facts);
    }
  }
  return { operations };
}

function fact(line: string): Fact {
  const [, path, kinds, spans, bounds = ''] = line.split('\t') as [string, string, string, string, string?];
  return {
    path: path.replace(/\?$/, ''),
    isRequired: !path.endsWith('?'),
    kinds: kinds.split(/[| ]/),
    ranges: spans.split(',').map((span) => {
      const [from, to] = span.split('-') as [string, string];
      return [Number(from), to === '' ? Number.POSITIVE_INFINITY : Number(to)] as const;
    }),
    bounds: [...bounds.matchAll(/(length|range|items) (-?\d*)\.\.(-?\d*)/g)].map(([, what, from, to]) => {
      const limit = (text: string | undefined) => (text === '' ? undefined : Number(text));
      return [what as 'length' | 'range' | 'items', limit(from), limit(to)] as const;
    }),
  };
}

/** The microversions at which an answer changes its shape, from the first that has the operation on, and the newest. */
export function turningPoints(facts: readonly Fact[], from: number, newest: number): number[] {
  const points = new Set([newest]);
  for (const { ranges } of facts) {
    for (const [first, last] of ranges) for (const point of [first, last + 1]) points.add(Math.max(point, from));
  }
  const known = facts.find(({ path }) => path === '')!.ranges;
  return [...points]
    .filter((point) => point <= newest && known.some(([first, last]) => point >= first && point <= last))
    .sort((a, b) => a - b);
}

/** Where an answer is not as it was published; none where it is. */
export function differences(facts: readonly Fact[], minor: number, status: number, body: unknown): string[] {
  const now = facts.filter(({ ranges }) => ranges.some(([first, last]) => minor >= first && minor <= last));
  const [statuses, ...values] = now;
  const found: string[] = [];
  if (!statuses?.kinds.includes(String(status))) found.push(`status ${status}, not ${statuses?.kinds.join(' or ')}`);
  if (values.length === 0) return isEmpty(body) ? found : [...found, 'a body, where there is none'];
  const byPath = new Map(values.map((value) => [value.path, value]));
  compareMembers(byPath, '', body, found);
  return found;
}

function isEmpty(body: unknown): boolean {
  return body === undefined || body === '' || body === null;
}

function compareMembers(byPath: ReadonlyMap<string, Fact>, path: string, value: unknown, found: string[]): void {
  if (typeof value !== 'object' || value === null) return;
  const join = (name: string) => (path === '' ? name : `${path}.${name}`);
  if (Array.isArray(value)) {
    const items = byPath.get(`${path}[]`);
    if (items) for (const one of value) compare(byPath, items, one, found);
    return;
  }
  const anyName = byPath.get(`${path}.*`);
  for (const [name, one] of Object.entries(value)) {
    const known = byPath.get(join(name)) ?? anyName;
    if (known) compare(byPath, known, one, found);
    else if (!byPath.get(path)?.kinds.includes('object+')) found.push(`${join(name)} is not known`);
  }
  const depth = path === '' ? 0 : path.split('.').length;
  for (const { path: where, isRequired } of byPath.values()) {
    const name = where.split('.').slice(depth).join('.');
    const isMember = isRequired && !name.includes('.') && !name.includes('[') && name !== '' && where === join(name);
    if (isMember && !(name in value)) found.push(`${where} is missing`);
  }
}

function compare(byPath: ReadonlyMap<string, Fact>, { path, kinds }: Fact, value: unknown, found: string[]): void {
  if (!kinds.some((kind) => isOfKind(kind, value)))
    found.push(`${path} is ${JSON.stringify(value)?.slice(0, 80)}, not ${kinds.join(' or ')}`);
  else compareMembers(byPath, path, value, found);
}

const formats: Record<string, RegExp> = {
  uri: /^[a-z][a-z0-9+.-]*:\S+$/i,
  // Of projects and users as Keystone prints it.
  uuid: /^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$|^default$/,
  ipv4: /^\d{1,3}(\.\d{1,3}){3}$/,
  ipv6: /^[0-9a-f:]*:[0-9a-f:.]*$/i,
  'iso8601-date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?$/,
};

/** Whether a value is of a kind, as the second column names it. */
export function isOfKind(kind: string, value: unknown): boolean {
  const [, format] = /^string\((.*)\)$/.exec(kind) ?? [];
  if (format) return typeof value === 'string' && (formats[format]?.test(value) ?? true);
  switch (kind) {
    case 'any':
      return true;
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
    case 'object+':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    case 'string':
    case 'boolean':
    case 'number':
      return typeof value === kind;
    default:
      return JSON.stringify(value) === kind;
  }
}
