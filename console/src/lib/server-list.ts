import { send } from './api.ts';
import type { Server } from './types.ts';

/** What fills a screen comes first. */
const firstPage = 60;
const pageSize = 1000;
/** Longer lists than this are kept up to date by what has changed in them. */
const maxWholeReads = 300;
/** How long a list is mended before it is read as a whole again. */
const wholeEveryMs = 300_000;
/** Clocks and transactions: changes are asked for from a little earlier on. */
const overlapMs = 5000;

/** When the server read a list, by its clock, and when the list was last read as a whole, by ours. */
const readings = new WeakMap<readonly Server[], { at: number; wholeAt: number }>();

/**
 * The servers of a project, or of all. Where they are known already and many, only those that changed are read (Nova's
 * `changes-since`). `onPage` gets what there is so far, so that a long list shows at once.
 */
export async function listServers(
  all: boolean,
  signal: AbortSignal,
  known: readonly Server[] | undefined,
  onPage: (servers: Server[]) => void,
): Promise<Server[]> {
  const reading = known && readings.get(known);
  if (known && reading && known.length > maxWholeReads && Date.now() - reading.wholeAt < wholeEveryMs) {
    const since = `&changes-since=${new Date(reading.at - overlapMs).toISOString()}`;
    const { servers, at } = await page(`?limit=${pageSize}${since}${scope(all)}`, signal);
    if (servers.length < pageSize) return keep(merged(known, servers), at, reading.wholeAt);
  }
  return wholeList(all, signal, onPage);
}

/** Has the next reading of the list be one of the whole of it. */
export function distrust(known: readonly Server[] | undefined): void {
  if (known) readings.delete(known);
}

async function wholeList(all: boolean, signal: AbortSignal, onPage: (servers: Server[]) => void): Promise<Server[]> {
  const found: Server[] = [];
  let from: number | undefined;
  for (;;) {
    const limit = found.length === 0 ? firstPage : pageSize;
    const marker = found.length === 0 ? '' : `&marker=${found.at(-1)!.id}`;
    const { servers, at } = await page(`?limit=${limit}${scope(all)}${marker}`, signal);
    from ??= at;
    found.push(...servers);
    if (servers.length < limit) return keep(found, from, Date.now());
    onPage([...found]);
  }
}

const scope = (all: boolean) => (all ? '&all_tenants=1' : '');

async function page(query: string, signal: AbortSignal): Promise<{ servers: Server[]; at: number }> {
  const path = `/compute/v2.1/servers/detail${query}`;
  const { body, headers } = await send<{ servers: Server[] }>({ method: 'GET', path }, signal);
  return { servers: body.servers, at: Date.parse(headers.get('date') ?? '') || Date.now() };
}

function keep(servers: Server[], at: number, wholeAt: number): Server[] {
  readings.set(servers, { at, wholeAt });
  return servers;
}

/** Changes are the newest first, as the list is; the deleted ones are among them. */
function merged(known: readonly Server[], changes: readonly Server[]): Server[] {
  const changed = new Map(changes.map((server) => [server.id, server]));
  const stay = (server: Server) => server.status !== 'DELETED' && server.status !== 'SOFT_DELETED';
  const mended = known.map((server) => {
    const change = changed.get(server.id);
    changed.delete(server.id);
    return change ?? server;
  });
  return [...changed.values(), ...mended].filter(stay);
}
