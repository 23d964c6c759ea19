import { sql } from 'kysely';
import type { DesiredPort } from '../../../agent/contract.ts';
import type { Database } from '../../../database/database.ts';
import { oneOf } from '../../../database/expressions.ts';
import { statement } from '../../../database/statement.ts';
import type { Port } from '../model.ts';
import { bandwidthRulesOf } from '../qos-policies.ts';

export type Bandwidth = NonNullable<DesiredPort['bandwidth']>;

/** The limits of ports that have some: by their own policy, or else by their network's. */
export async function bandwidthOf(db: Database, ports: readonly Port[]): Promise<Map<string, Bandwidth>> {
  const networkIds = [...new Set(ports.map(({ networkId }) => networkId))];
  if (networkIds.length === 0) return new Map();
  const networks = await policiesOfNetworks.all(db.read, { networkIds });
  const ofNetworks = new Map(networks.map((row) => [row.id, row.qos_policy_id!]));
  const policies = new Map(
    ports.flatMap(({ id, qosPolicyId, networkId }) => {
      const policyId = qosPolicyId ?? ofNetworks.get(networkId);
      return policyId === undefined ? [] : [[id, policyId] as const];
    }),
  );
  if (policies.size === 0) return new Map();
  const rules = await bandwidthRulesOf({ db }, db.read, [...new Set(policies.values())]);
  return new Map(
    [...policies].flatMap(([portId, policyId]) => {
      const limits = (rules.get(policyId) ?? []).map(({ direction, maxKbps }) => [direction, maxKbps * 1000]);
      return limits.length === 0 ? [] : [[portId, Object.fromEntries(limits) as Bandwidth] as const];
    }),
  );
}

const policiesOfNetworks = statement((q, p: { networkIds: string[] }, kind) =>
  q
    .selectFrom('networks')
    .select(['id', 'qos_policy_id'])
    .where(oneOf({ kind }, sql.ref('id'), p.networkIds))
    .where('qos_policy_id', 'is not', null),
);
