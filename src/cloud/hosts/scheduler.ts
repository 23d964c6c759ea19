import { CloudError } from '../errors.ts';
import { type Amounts, capacityOf, type Host } from './model.ts';

/** A host with what is taken of it. */
export interface HostUsage {
  host: Host;
  used: Amounts;
  servers: number;
}

/** How the servers of a group are placed: all on one host, each on another one, or so as far as there is room. */
export type GroupPolicy = 'affinity' | 'anti-affinity' | 'soft-affinity' | 'soft-anti-affinity';

/** Where the others of a server's group are, one entry for each of them. */
export interface Neighbours {
  policy: GroupPolicy;
  hostIds: readonly string[];
}

export interface PlacementRequest extends Amounts {
  zoneId?: string;
  architecture?: string;
  /** Where the server's disks are: they do not move. */
  onlyHostId?: string;
  /** Hosts on which it has just failed. */
  avoidHostIds?: readonly string[];
  neighbours?: Neighbours;
}

/** Says why the host can't take it, or undefined when it can. */
type Filter = (candidate: HostUsage, request: PlacementRequest) => string | undefined;
/** A number for the host: the highest sum wins. */
type Weigher = (candidate: HostUsage, request: PlacementRequest) => number;

const filters: readonly Filter[] = [
  ({ host }) => (host.state === 'enabled' ? undefined : host.state === 'maintenance' ? 'in maintenance' : 'disabled'),
  ({ host }) => (host.status === 'connected' ? undefined : 'not connected'),
  ({ host }) => (host.forcedDown ? 'said to be down' : undefined),
  ({ host }, { zoneId }) => (zoneId && host.zoneId !== zoneId ? 'in another zone' : undefined),
  ({ host }, { onlyHostId }) => (onlyHostId && host.id !== onlyHostId ? 'does not have its disks' : undefined),
  ({ host }, { avoidHostIds }) => (avoidHostIds?.includes(host.id) ? 'failed just before' : undefined),
  ({ host }, { neighbours }) => (neighbours ? refusalOf(neighbours, host.id) : undefined),
  ({ host }, { architecture }) =>
    architecture && host.architecture !== architecture ? `is ${host.architecture}, not ${architecture}` : undefined,
  (candidate, request) => lacks(candidate, request, 'vcpus', 'lacks vCPUs', ''),
  (candidate, request) => lacks(candidate, request, 'memoryMb', 'lacks memory', ' MB'),
  (candidate, request) => lacks(candidate, request, 'diskGb', 'lacks disk', ' GB'),
];

const weighers: readonly Weigher[] = [
  (candidate) => free(candidate, 'memoryMb') / Math.max(1, capacityOf(candidate.host).memoryMb),
  (candidate) => free(candidate, 'vcpus') / Math.max(1, capacityOf(candidate.host).vcpus) / 2,
  ({ host }, { neighbours }) => (neighbours ? wishFor(neighbours, host.id) : 0),
];

function refusalOf({ policy, hostIds }: Neighbours, hostId: string): string | undefined {
  const isThere = hostIds.includes(hostId);
  if (policy === 'affinity' && hostIds.length > 0 && !isThere) return 'does not have the others of its group';
  return policy === 'anti-affinity' && isThere ? 'has another one of its group' : undefined;
}

/** More than all other weights together for each of the group that is there. */
function wishFor({ policy, hostIds }: Neighbours, hostId: string): number {
  const there = hostIds.filter((id) => id === hostId).length;
  return policy === 'soft-affinity' ? 2 * there : policy === 'soft-anti-affinity' ? -2 * there : 0;
}

function free({ host, used }: HostUsage, what: keyof Amounts): number {
  return capacityOf(host)[what] - used[what];
}

function lacks(candidate: HostUsage, request: Amounts, what: keyof Amounts, words: string, unit: string) {
  const left = free(candidate, what);
  return left >= request[what]
    ? undefined
    : `${words} (need ${request[what]}${unit}, free ${Math.max(0, left)}${unit})`;
}

/** Hosts that can take it, the best first; refuses with the reason of every host when there is none. */
export function chooseHosts(candidates: readonly HostUsage[], request: PlacementRequest): Host[] {
  const rejections: string[] = [];
  const fitting: Array<{ host: Host; weight: number }> = [];
  for (const candidate of candidates) {
    const reason = firstReason(candidate, request);
    if (reason) rejections.push(`${candidate.host.name}: ${reason}`);
    else
      fitting.push({
        host: candidate.host,
        weight: weighers.reduce((sum, weigh) => sum + weigh(candidate, request), 0),
      });
  }
  if (fitting.length === 0) throw noValidHost(rejections);
  return fitting.sort((a, b) => b.weight - a.weight || (a.host.id < b.host.id ? -1 : 1)).map(({ host }) => host);
}

function firstReason(candidate: HostUsage, request: PlacementRequest): string | undefined {
  for (const filter of filters) {
    const reason = filter(candidate, request);
    if (reason) return reason;
  }
  return undefined;
}

export function noValidHost(rejections: readonly string[]): CloudError {
  const why =
    rejections.length === 0
      ? 'There are no hosts.'
      : `${rejections.length} host${rejections.length === 1 ? '' : 's'}: ${rejections.join('; ')}.`;
  return new CloudError('no_valid_host', `No valid host was found. ${why}`);
}
