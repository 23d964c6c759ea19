import listed from './known-operations.json' with { type: 'json' };

/**
 * Every operation of ZStack's own API, by method and path: so that a client learns that an operation is not offered
 * here, rather than that there is no such thing. Facts of the public SDKs of releases 5.x.
 */
interface Node {
  fixed: Map<string, Node>;
  variable?: Node;
  /** Method → operation ids. */
  operations: Map<string, readonly string[]>;
}

const root = grow();

function grow(): Node {
  const top: Node = { fixed: new Map(), operations: new Map() };
  for (const [route, ids] of Object.entries(listed as Record<string, string>)) {
    const [method, path] = route.split(' ') as [string, string];
    let node = top;
    for (const segment of segmentsOf(path)) {
      if (segment.includes('{}')) {
        node.variable ??= { fixed: new Map(), operations: new Map() };
        node = node.variable;
        continue;
      }
      const next = node.fixed.get(segment) ?? { fixed: new Map(), operations: new Map() };
      node.fixed.set(segment, next);
      node = next;
    }
    node.operations.set(method, ids.split(', '));
  }
  return top;
}

/** The operations that ZStack has at the path (relative to `/v1`), or undefined for a path that it does not have. */
export function knownOperations(method: string, path: string): readonly string[] | undefined {
  const segments = segmentsOf(path);
  const found = find(root, segments, 0, method);
  if (found || method !== 'GET') return found;
  // Whatever a query finds can be asked for by its uuid alone, which ZStack does not count as an operation.
  const queries = find(root, segments.slice(0, -1), 0, method)?.filter((id) => id.startsWith('Query'));
  return queries?.length ? queries : undefined;
}

const ids = new Set(Object.values(listed as Record<string, string>).flatMap((some) => some.split(', ')));

/** Whether ZStack has an operation of this id; some that are offered here are its only by another path or name. */
export function isKnownOperation(id: string): boolean {
  return ids.has(id);
}

/** Whether ZStack has the path at all, with whatever method. */
export function isKnownPath(path: string): boolean {
  return ['GET', 'POST', 'PUT', 'DELETE'].some((method) => knownOperations(method, path) !== undefined);
}

function find(node: Node, segments: readonly string[], at: number, method: string): readonly string[] | undefined {
  if (at === segments.length) return node.operations.get(method);
  const fixed = node.fixed.get(segments[at]!);
  const found = fixed && find(fixed, segments, at + 1, method);
  if (found) return found;
  return node.variable && find(node.variable, segments, at + 1, method);
}

function segmentsOf(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '');
}
