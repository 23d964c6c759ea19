import type { ActionEventsTable } from '../../database/schema.ts';

/** Work that is seen as one event, with the work inside it. A span that was tried again stands once for each try. */
export interface SpanNode {
  name: string;
  /** Its place in the action's definition, as `0.3`: the steps inside it begin with the same. */
  path: string;
  host: string | null;
  /** Microseconds. */
  startedAt: number;
  /** Null while it is under way. */
  finishedAt: number | null;
  result: 'Success' | 'Error' | null;
  /** What went wrong; only for administrators. */
  traceback: string | null;
  spans: SpanNode[];
}

type EventRow = Pick<
  ActionEventsTable,
  'seq' | 'path' | 'name' | 'host' | 'started_at' | 'finished_at' | 'result' | 'traceback'
>;

/**
 * Nests the events of an action by their place in its definition: `0.3` lies in the try of `0` that began last before
 * it. Siblings stand in the order in which they began.
 */
export function spanTree(events: readonly EventRow[], showTracebacks: boolean): SpanNode[] {
  const roots: SpanNode[] = [];
  const seen: Array<{ path: string; node: SpanNode }> = [];
  for (const row of events.toSorted((a, b) => a.seq - b.seq)) {
    const node: SpanNode = {
      name: row.name,
      path: row.path,
      host: row.host,
      startedAt: row.started_at,
      finishedAt: row.finished_at,
      result: row.result,
      traceback: showTracebacks ? row.traceback : null,
      spans: [],
    };
    const parent = seen.findLast(({ path }) => row.path.startsWith(`${path}.`));
    (parent?.node.spans ?? roots).push(node);
    seen.push({ path: row.path, node });
  }
  return roots;
}
