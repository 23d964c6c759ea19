import { CloudError } from '../errors.ts';
import { type DiskNeed, findPlaces, type StorageUsage } from './disk-needs.ts';
import { type Amounts, capacityOf, type Host } from './model.ts';

/** A host with what is taken of it. */
export interface HostUsage {
  host: Host;
  /** The disk is its own one. */
  used: Amounts;
  servers: number;
  /** Its parts of the storages that were added. */
  storages: readonly StorageUsage[];
}

/** How the servers of a group are placed: all on one host, each on another one, or so as far as there is room. */
export type GroupPolicy = 'affinity' | 'anti-affinity' | 'soft-affinity' | 'soft-anti-affinity';

/** Where the others of a server's group are, one entry for each of them. */
export interface Neighbours {
  policy: GroupPolicy;
  /** How many of a group of `anti-affinity` may be on one host; null is one. */
  maxPerHost: number | null;
  hostIds: readonly string[];
}

export interface PlacementRequest extends Amounts {
  /** Disks that need a place beside what has to be on the host's own disk. */
  disks?: readonly DiskNeed[];
  /** Storages that its host has to have. */
  withStorageIds?: readonly string[];
  zoneId?: string;
  /** The cluster that was asked for. */
  clusterId?: string;
  architecture?: string;
  /** Where the server's disks are, where they can't move. */
  onlyHostId?: string;
  /** The host that was asked for. */
  wantedHostId?: string;
  /** Taken where it can be, however full others are: the server's disks need not move. */
  preferredHostId?: string;
  /** Where the server is now and shall not be any more. */
  leftHostId?: string;
  /** Hosts on which it has just failed. */
  avoidHostIds?: readonly string[];
  neighbours?: Neighbours;
  /** One of them it has to be. */
  besideHostIds?: readonly string[];
  /** None of them it may be. */
  awayFromHostIds?: readonly string[];
}

/** Why a host can't take it. */
export interface Rejection {
  hostName: string;
  /** The filter that refused it. */
  filter: string;
  /** In words that follow a host's name; the plural stands after `many`, where it differs. */
  reason: string;
  many?: string;
  /** What it has too little of: how much is needed and free, in `unit`. */
  lacking?: { needed: number; free: number; unit: string };
}

type Refusal = Pick<Rejection, 'reason' | 'many' | 'lacking'>;

/** Says why the host can't take it, or undefined when it can. */
type Filter = (candidate: HostUsage, request: PlacementRequest) => Refusal | string | undefined;
/** A number for the host: the highest sum wins. */
type Weigher = (candidate: HostUsage, request: PlacementRequest) => number;

const filters: Readonly<Record<string, Filter>> = {
  state: ({ host }) =>
    host.state === 'enabled' ? undefined : host.state === 'maintenance' ? 'in maintenance' : 'disabled',
  connection: ({ host }) => (host.status === 'connected' ? undefined : 'not connected'),
  forcedDown: ({ host }) => (host.forcedDown ? 'said to be down' : undefined),
  wantedHost: ({ host }, { wantedHostId }) =>
    wantedHostId && host.id !== wantedHostId
      ? { reason: 'is not the one asked for', many: 'are not the one asked for' }
      : undefined,
  leftHost: ({ host }, { leftHostId }) =>
    leftHostId === host.id ? { reason: 'has the server now', many: 'have the server now' } : undefined,
  zone: ({ host }, { zoneId }) => (zoneId && host.zoneId !== zoneId ? 'in another zone' : undefined),
  cluster: ({ host }, { clusterId }) => (clusterId && host.clusterId !== clusterId ? 'in another cluster' : undefined),
  disks: ({ host }, { onlyHostId }) =>
    onlyHostId && host.id !== onlyHostId
      ? { reason: 'does not have its disks', many: 'do not have its disks' }
      : undefined,
  retry: ({ host }, { avoidHostIds }) => (avoidHostIds?.includes(host.id) ? 'failed just before' : undefined),
  group: ({ host }, { neighbours }) => (neighbours ? groupRefusal(neighbours, host.id) : undefined),
  beside: ({ host }, { besideHostIds }) =>
    besideHostIds && !besideHostIds.includes(host.id)
      ? { reason: 'has no server that it is to be beside', many: 'have no server that it is to be beside' }
      : undefined,
  awayFrom: ({ host }, { awayFromHostIds }) =>
    awayFromHostIds?.includes(host.id)
      ? { reason: 'has a server that it is to be away from', many: 'have a server that it is to be away from' }
      : undefined,
  architecture: ({ host }, { architecture }) =>
    architecture && host.architecture !== architecture
      ? {
          reason: `is ${host.architecture}, not ${architecture}`,
          many: `are ${host.architecture}, not ${architecture}`,
        }
      : undefined,
  vcpus: (candidate, request) => lacks(candidate, request, 'vcpus', 'vCPUs', ''),
  memory: (candidate, request) => lacks(candidate, request, 'memoryMb', 'memory', ' MB'),
  storages: ({ storages }, { withStorageIds = [] }) =>
    withStorageIds.every((id) => storages.some(({ storageId }) => storageId === id))
      ? undefined
      : { reason: 'does not have the storage asked for', many: 'do not have the storage asked for' },
  disk: (candidate, request) => {
    const found = findPlaces(candidate, request);
    return 'reason' in found ? found : undefined;
  },
};

const weighers: readonly Weigher[] = [
  (candidate) => free(candidate, 'memoryMb') / Math.max(1, capacityOf(candidate.host).memoryMb),
  (candidate) => free(candidate, 'vcpus') / Math.max(1, capacityOf(candidate.host).vcpus) / 2,
  ({ host }, { neighbours }) => (neighbours ? wishFor(neighbours, host.id) : 0),
];

/** Why a server of the group may not be on the host. */
export function groupRefusal({ policy, maxPerHost, hostIds }: Neighbours, hostId: string): Refusal | undefined {
  const there = hostIds.filter((id) => id === hostId).length;
  if (policy === 'affinity' && hostIds.length > 0 && there === 0)
    return { reason: 'does not have the others of its group', many: 'do not have the others of its group' };
  const most = maxPerHost ?? 1;
  if (policy !== 'anti-affinity' || there < most) return undefined;
  return most === 1
    ? { reason: 'has another one of its group', many: 'have another one of its group' }
    : { reason: `has ${most} others of its group`, many: `have ${most} others of its group` };
}

/** More than all other weights together for each of the group that is there. */
function wishFor({ policy, hostIds }: Neighbours, hostId: string): number {
  const there = hostIds.filter((id) => id === hostId).length;
  return policy === 'soft-affinity' ? 2 * there : policy === 'soft-anti-affinity' ? -2 * there : 0;
}

function free({ host, used }: HostUsage, what: keyof Amounts): number {
  return capacityOf(host)[what] - used[what];
}

function lacks(
  candidate: HostUsage,
  request: Amounts,
  what: keyof Amounts,
  name: string,
  unit: string,
): Refusal | undefined {
  const left = Math.max(0, free(candidate, what));
  const needed = request[what];
  if (free(candidate, what) >= needed) return undefined;
  return { reason: `lacks ${name}`, many: `lack ${name}`, lacking: { needed, free: left, unit } };
}

/** Every host, the best of those that can take it first, and why the others can't. */
function judgeHosts(
  candidates: readonly HostUsage[],
  request: PlacementRequest,
): { fitting: Host[]; rejections: Rejection[] } {
  const rejections: Rejection[] = [];
  const fitting: Array<{ host: Host; weight: number }> = [];
  for (const candidate of candidates) {
    const rejection = rejectionOf(candidate, request);
    if (rejection) {
      rejections.push(rejection);
      continue;
    }
    const preference = candidate.host.id === request.preferredHostId ? Number.MAX_SAFE_INTEGER : 0;
    const weight = weighers.reduce((sum, weigh) => sum + weigh(candidate, request), preference);
    fitting.push({ host: candidate.host, weight });
  }
  fitting.sort((a, b) => b.weight - a.weight || (a.host.id < b.host.id ? -1 : 1));
  return { fitting: fitting.map(({ host }) => host), rejections };
}

/** Hosts that can take it, the best first; refuses with the reason of every host when there is none. */
export function chooseHosts(candidates: readonly HostUsage[], request: PlacementRequest): Host[] {
  const { fitting, rejections } = judgeHosts(candidates, request);
  if (fitting.length === 0) throw noValidHost(rejections);
  return fitting;
}

/** The first filter's refusal. */
export function rejectionOf(candidate: HostUsage, request: PlacementRequest): Rejection | undefined {
  for (const [filter, refuse] of Object.entries(filters)) {
    const refusal = refuse(candidate, request);
    if (refusal === undefined) continue;
    return { hostName: candidate.host.name, filter, ...(typeof refusal === 'string' ? { reason: refusal } : refusal) };
  }
  return undefined;
}

/** One host's refusal, as `lacks memory (need 2048 MB, free 512 MB)`. */
export function rejectionText({ reason, lacking }: Rejection): string {
  return lacking ? `${reason} (need ${lacking.needed}${lacking.unit}, free ${lacking.free}${lacking.unit})` : reason;
}

/** What was said of each host, for operators: the cause of a refusal, and so a part of its traceback. */
class PlacementReport extends Error {
  constructor(rejections: readonly Rejection[]) {
    super(rejections.map((one) => `${one.hostName}: ${one.filter}: ${rejectionText(one)}`).join('; '));
    this.name = 'PlacementReport';
    this.stack = undefined;
  }
}

/** As `No valid host was found. 3 hosts: 2 lack memory (need 2048 MB, free 512/768 MB), 1 in maintenance.` */
export function noValidHost(rejections: readonly Rejection[]): CloudError {
  if (rejections.length === 0) return new CloudError('no_valid_host', 'No valid host was found. There are no hosts.');
  const groups = [...Map.groupBy(rejections, ({ reason }) => reason).values()];
  const why = groups
    .sort((a, b) => b.length - a.length)
    .map((group) => `${group.length} ${groupText(group)}`)
    .join(', ');
  const count = `${rejections.length} host${rejections.length === 1 ? '' : 's'}`;
  return new CloudError('no_valid_host', `No valid host was found. ${count}: ${why}.`, {
    cause: new PlacementReport(rejections),
  });
}

function groupText(group: readonly Rejection[]): string {
  const [first] = group as [Rejection];
  const words = group.length > 1 ? (first.many ?? first.reason) : first.reason;
  if (!first.lacking) return words;
  const { needed, unit } = first.lacking;
  return `${words} (need ${needed}${unit}, free ${group.map(({ lacking }) => lacking?.free ?? 0).join('/')}${unit})`;
}
