import type { Tx } from '../../database/database.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError, notFound } from '../errors.ts';
import { operator, type Subject } from '../identity/subject.ts';
import { type NewOwner, refuseSame, tied } from './owner-rules.ts';

/**
 * Gives a network to another project, with its subnets and with what its project has said of who else may use it. Gives
 * the project that had it.
 */
export async function moveNetwork(cloud: Cloud, tx: Tx, id: string, to: NewOwner): Promise<string> {
  const query = tx.selectFrom('networks').select(['project_id', 'qos_policy_id']).where('id', '=', id);
  const network = await query.forUpdate().executeTakeFirst();
  if (!network) throw notFound('network', id);
  refuseSame(network.project_id, to);
  const subnets = await tx
    .selectFrom('subnets')
    .select(['id', 'subnet_pool_id'])
    .where('network_id', '=', id)
    .execute();
  await requireUsable(cloud, tx, to, {
    policies: [network.qos_policy_id],
    pools: subnets.map((s) => s.subnet_pool_id),
  });
  await cloud.quotas.check(tx, to.projectId, { networks: 1, subnets: subnets.length });
  const owner = { project_id: to.projectId, updated_at: cloud.env.now() };
  await tx.updateTable('networks').set(owner).where('id', '=', id).execute();
  await tx.updateTable('subnets').set(owner).where('network_id', '=', id).execute();
  await tx
    .updateTable('rbac_policies')
    .set({ project_id: to.projectId })
    .where('object_type', '=', 'network')
    .where('object_id', '=', id)
    .where('project_id', '=', network.project_id)
    .execute();
  return network.project_id;
}

/** Throws where something has a QoS policy, or addresses of a subnet pool, that the new owner could not have given it. */
export async function requireUsable(
  cloud: Cloud,
  tx: Tx,
  { projectId, userId }: NewOwner,
  { policies = [], pools = [] }: { policies?: ReadonlyArray<string | null>; pools?: ReadonlyArray<string | null> },
): Promise<void> {
  const { qosPolicies, subnetPools } = cloud.networks;
  const owner: Subject = { ...operator(), isAdmin: false, roles: ['member'], projectId, userId };
  const used = [
    { what: 'QoS policy', ids: policies, get: (id: string) => qosPolicies.get(owner, id, tx) },
    { what: 'subnet pool', ids: pools, get: (id: string) => subnetPools.get(owner, id, tx) },
  ];
  for (const { what, ids, get } of used) {
    for (const id of new Set(ids)) {
      if (id === null) continue;
      await get(id).catch((error: unknown) => {
        if (!(error instanceof CloudError && error.code === 'not_found')) throw error;
        throw tied(`It has the ${what} ${id}, which its new owner may not use.`);
      });
    }
  }
}
