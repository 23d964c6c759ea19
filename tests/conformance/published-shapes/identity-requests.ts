import type { AnyOperation } from '../../../src/api/operation.ts';
import type { Validator } from '../../../src/api/validation.ts';
import { type Fact, isOfKind, readShapes } from './read-shapes.ts';

/** A request that differs in one place from one that is good, and who takes it. */
interface Judgement {
  /** As `POST /v3/users user.name = null`. */
  request: string;
  theirs: boolean;
  ours: boolean;
}

type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

/** Requests of which every member is of each type, too short, too long, missing, or of an unknown name. */
export function judgements(
  operations: readonly AnyOperation[],
  compile: (operation: AnyOperation) => Validator,
): Judgement[] {
  const shapes = readShapes('identity').operations;
  return operations.flatMap((operation) => {
    const key = `${operation.method} ${operation.path.replaceAll(/\{\w+\}/g, '{}')}`;
    const facts = shapes.get(`> ${key}`);
    const body = operation.examples[0]!.body as Json | undefined;
    if (!facts || !operation.body || body === undefined) return [];
    const { body: validate } = compile(operation);
    const isTaken = (request: Json): boolean => {
      try {
        validate(structuredClone(request));
        return true;
      } catch {
        return false;
      }
    };
    const [, ...members] = facts;
    return [
      { request: `${key} as its example`, theirs: true, ours: isTaken(body) },
      ...members.flatMap((fact) =>
        variants(fact, body).map(([words, request, theirs]) => ({
          request: `${key} ${words}`,
          theirs,
          ours: isTaken(request),
        })),
      ),
    ];
  });
}

type Variant = readonly [words: string, request: Json, theirs: boolean];

const samples: readonly Json[] = ['word', 7, 1.5, true, null, [], {}];

function variants(fact: Fact, body: Json): Variant[] {
  const { path, kinds, isRequired } = fact;
  const steps = path.split('.').flatMap((step) => step.split(/(?=\[\])/));
  if (steps.includes('*')) return [];
  const set = (value: Json | undefined): Json | undefined => withMember(structuredClone(body), steps, value);
  const found: Variant[] = [];
  const add = (words: string, value: Json | undefined, theirs: boolean) => {
    const request = set(value);
    if (request !== undefined) found.push([`${path} ${words}`, request, theirs]);
  };
  // What objects and lists have to hold is said of their members.
  const isHolder = (value: Json) => typeof value === 'object' && value !== null;
  // Of what a text has to look like, the lines know the name only.
  const hasRule = kinds.some((kind) => kind.startsWith('string('));
  for (const value of samples) {
    const isTyped = kinds.some((kind) => isOfKind(kind, value));
    if (isTyped && (isHolder(value) || !isWithin(fact, value))) continue;
    if (hasRule && typeof value === 'string') continue;
    add(`= ${JSON.stringify(value)}`, value, isTyped);
  }
  for (const [name, from, to] of fact.bounds) {
    if (name === 'length' && !kinds.some((kind) => kind.startsWith('string'))) continue;
    const of = (size: number): Json =>
      name === 'length' ? 'a'.repeat(size) : name === 'items' ? Array<Json>(size).fill('a') : size;
    if (name !== 'items' && to !== undefined && !hasRule) add(`of ${name} ${to}`, of(to), true);
    if (to !== undefined) add(`of ${name} ${to + 1}`, of(to + 1), false);
    if (from !== undefined && (name === 'range' || from > 0)) add(`of ${name} ${from - 1}`, of(from - 1), false);
  }
  if (!path.endsWith('[]') && path.includes('.')) add('missing', undefined, !isRequired);
  if (kinds.some((kind) => kind === 'object' || kind === 'object+')) {
    const request = withMember(structuredClone(body), [...steps, 'something_else'], 'x');
    if (request !== undefined) found.push([`${path} with another member`, request, kinds.includes('object+')]);
  }
  return found;
}

function isWithin({ bounds }: Fact, value: Json): boolean {
  const size = typeof value === 'string' ? value.length : typeof value === 'number' ? value : undefined;
  if (size === undefined) return true;
  return bounds.every(([, from, to]) => size >= (from ?? -Infinity) && size <= (to ?? Infinity));
}

/** The body with another value in one place; undefined where there is no such place. */
function withMember(body: Json, steps: readonly string[], value: Json | undefined): Json | undefined {
  let holder: Json = body;
  for (const [at, step] of steps.entries()) {
    const isLast = at === steps.length - 1;
    if (typeof holder !== 'object' || holder === null) return undefined;
    const name: string | number = step === '[]' ? 0 : step;
    if (Array.isArray(holder) !== (step === '[]')) return undefined;
    const members = holder as Record<string | number, Json>;
    if (isLast) {
      if (value === undefined) delete members[name];
      else members[name] = value;
      return body;
    }
    const next = members[name];
    if (next === undefined) return undefined;
    holder = next;
  }
  return undefined;
}
