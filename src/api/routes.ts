import FindMyWay from 'find-my-way';
import type { Dialect, DialectGroup } from './dialect.ts';
import { Ready } from './ready.ts';
import { type Validator, validatorCompiler } from './validation.ts';

/** A method and path of a dialect at one of its mount points, with the operations that share it. */
export interface Route {
  dialect: Dialect;
  mount: string;
  choices: readonly Ready[];
  /** Its body is taken as it comes, unread. */
  consumes: boolean;
}

export interface FoundRoute {
  route: Route;
  params: Record<string, string>;
}

/** No route takes more characters for one parameter of its path. */
export const maxParamLength = 512;

/** A parameter in a path, as `{server_id}`. */
export const slot = /\{(\w+)\}/g;

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD'] as const;
type Method = (typeof methods)[number];

/** The routes of dialects that are loaded together. */
export class Routes {
  readonly #dialects: readonly Dialect[];
  readonly #router = FindMyWay({ ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, maxParamLength });

  constructor(dialects: readonly Dialect[]) {
    this.#dialects = dialects;
    for (const dialect of dialects) this.#add(dialect, validatorCompiler(dialect));
  }

  #add(dialect: Dialect, compile: (operation: Ready['operation']) => Validator): void {
    const shared = new Map<string, Ready[]>();
    for (const operation of dialect.operations) {
      const key = `${operation.method} ${operation.path.replaceAll(slot, '{}')}`;
      const choices = shared.get(key);
      if (choices) choices.push(new Ready(operation, compile));
      else shared.set(key, [new Ready(operation, compile)]);
    }
    for (const choices of shared.values()) {
      const { method, path, consumes } = choices[0]!.operation;
      for (const mount of dialect.mounts) {
        const route: Route = { dialect, mount, choices, consumes: consumes !== undefined };
        this.#router.on(method, toRouterPath(mount + path) || '/', noHandler, route);
      }
    }
  }

  /** The route for a request. `HEAD` is answered as `GET` is, without the body, where the dialect has no other way. */
  find(method: string, url: string): FoundRoute | undefined {
    const found = this.#router.find(method as Method, url);
    if (!found) return method === 'HEAD' ? this.find('GET', url) : undefined;
    return { route: found.store as Route, params: found.params as Record<string, string> };
  }

  /** The methods that some operation has at the path; none where it ends with a slash, which names nothing. */
  methodsAt(url: string): string[] {
    if (/\/(\?|$)/.test(url)) return [];
    return methods.filter((method) => this.find(method, url) !== undefined);
  }

  /** The dialect that answers for a path which no operation has: the one whose mount point is its longest prefix. */
  owner(path: string): Dialect {
    return longestPrefix(this.#dialects, (dialect) => dialect.mounts.map(fixedPart), path) ?? this.#dialects[0]!;
  }
}

/** Finds the group that a path belongs to. */
export function groupFinder(groups: readonly DialectGroup[]): (path: string) => DialectGroup | undefined {
  const byFirstSegment = new Map<string, DialectGroup[]>();
  for (const group of groups) {
    for (const segment of new Set(group.prefixes.map(firstSegment))) {
      byFirstSegment.set(segment, [...(byFirstSegment.get(segment) ?? []), group]);
    }
  }
  return (path) => longestPrefix(byFirstSegment.get(firstSegment(path)) ?? [], ({ prefixes }) => prefixes, path);
}

/** `/volume/v3` → `volume` */
function firstSegment(path: string): string {
  const end = path.indexOf('/', 1);
  return path.slice(1, end === -1 ? undefined : end);
}

/** Dialects that are there already, as a group. */
export function groupOfLoaded(dialects: readonly Dialect[]): DialectGroup {
  return {
    names: dialects.map(({ name }) => name),
    prefixes: dialects.flatMap(({ mounts }) => mounts.map(fixedPart)),
    load: async () => dialects,
  };
}

function longestPrefix<T>(choices: readonly T[], prefixesOf: (choice: T) => readonly string[], path: string) {
  let best: T | undefined;
  let length = -1;
  for (const choice of choices) {
    for (const prefix of prefixesOf(choice)) {
      const fits = path.startsWith(prefix) && (path.length === prefix.length || path[prefix.length] === '/');
      if (fits && prefix.length > length) [best, length] = [choice, prefix.length];
    }
  }
  return best;
}

/** `/volume/v3/{project_id}` → `/volume/v3` */
function fixedPart(mount: string): string {
  return mount.split('{', 1)[0]!.replace(/\/$/, '');
}

/** `/a/{b}` → `/a/:b` */
function toRouterPath(path: string): string {
  return path.replaceAll(slot, ':$1');
}

function noHandler(): void {}
