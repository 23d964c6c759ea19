import type { Tx } from '../../database/database.ts';
import { runDry } from '../../database/dry-run.ts';
import type { ActionsTable } from '../../database/schema.ts';
import type { Cloud } from '../cloud.ts';
import { findPlaces } from '../hosts/disk-needs.ts';
import { heldAmounts } from '../hosts/held-room.ts';
import { chooseHosts, type HostUsage, type PlacementRequest } from '../hosts/scheduler.ts';
import type { Subject } from '../identity/subject.ts';
import { type CountedQuota, countedQuotas, usageOf } from '../quotas/usage.ts';
import { buildRequest } from '../servers/steps/placement.ts';

/** What a request would do. */
export interface DryRunPlan {
  /** Whether it would change anything at all. */
  changes: boolean;
  /** What would go on after the answer. */
  actions: Array<Pick<ActionsTable, 'kind' | 'name' | 'resource_type' | 'resource_id'>>;
  /** Quotas of the subject's project of which it would use more or less. */
  quota: Record<string, { used: number; change: number; limit: number }>;
  /** For servers that would be placed: the hosts that can take each, the best first. */
  placement: Array<{ serverId: string; hosts: string[] }>;
}

const placing = new Set(['server.create', 'server.unshelve']);

/**
 * Lets `work` run up to the end of its first transaction, where everything that can be refused has been: permission,
 * state, quota. Then it is taken back, and hosts are chosen for what would be placed. Throws what the request itself
 * would be refused with, `no_valid_host` included.
 */
export async function dryRun(
  cloud: Cloud,
  subject: Subject | undefined,
  requestId: string,
  work: () => Promise<unknown>,
): Promise<DryRunPlan> {
  const projectId = subject?.projectId;
  const kind = cloud.db.kind;
  const before = projectId ? await usageOf(kind, cloud.db.read, projectId, countedQuotas) : {};
  let after: Partial<Record<CountedQuota, number>> = before;
  let actions: ActionsTable[] = [];
  const inspect = async (tx: Tx) => {
    actions = await tx.selectFrom('actions').selectAll().where('request_id', '=', requestId).execute();
    if (projectId) after = await usageOf(kind, tx, projectId, countedQuotas);
  };
  const outcome = await runDry(inspect, work);
  const limits = projectId ? await cloud.quotas.limitsIn(cloud.db.read, projectId) : undefined;
  const quota: DryRunPlan['quota'] = {};
  for (const name of countedQuotas) {
    const change = (after[name] ?? 0) - (before[name] ?? 0);
    if (change !== 0) quota[name] = { used: before[name] ?? 0, change, limit: limits?.[name] ?? -1 };
  }
  return {
    changes: outcome === 'committed',
    actions: actions.map(({ kind, name, resource_type, resource_id }) => ({ kind, name, resource_type, resource_id })),
    quota,
    placement: await placementOf(cloud, actions),
  };
}

/** One server after the other, each on its best host, as they would be placed. */
async function placementOf(cloud: Cloud, actions: readonly ActionsTable[]): Promise<DryRunPlan['placement']> {
  const placed = actions.filter(({ kind }) => placing.has(kind));
  if (placed.length === 0) return [];
  const usages = (await cloud.hosts.usage()).map(
    (usage): HostUsage => ({
      ...usage,
      used: { ...usage.used },
      storages: usage.storages.map((storage) => ({ ...storage })),
    }),
  );
  return placed.map(({ input, resource_id }) => {
    const request = buildRequest(JSON.parse(input) as Parameters<typeof buildRequest>[0]);
    const hosts = chooseHosts(usages, request);
    promise(usages.find(({ host }) => host.id === hosts[0]!.id)!, usages, request);
    return { serverId: resource_id, hosts: hosts.map(({ name }) => name) };
  });
}

/** Counts what the server would hold there. */
function promise(best: HostUsage, all: readonly HostUsage[], request: PlacementRequest): void {
  const places = findPlaces(best, request);
  if ('reason' in places) return;
  const { vcpus, memoryMb, diskGb, storageId, storageGb = 0 } = heldAmounts(request, places);
  best.used.vcpus += vcpus;
  best.used.memoryMb += memoryMb;
  best.used.diskGb += diskGb;
  for (const usage of all)
    for (const storage of usage.storages)
      if (storage.storageId === storageId && (usage === best || storage.isShared)) storage.usedGb += storageGb;
}
