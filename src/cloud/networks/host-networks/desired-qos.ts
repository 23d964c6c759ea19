import { sql } from 'kysely';
import type { DesiredPort } from '../../../agent/contract.ts';
import type { Database } from '../../../database/database.ts';
import { oneOf } from '../../../database/expressions.ts';
import { statement } from '../../../database/statement.ts';
import type { Port } from '../model.ts';
import { bandwidthRulesOf, dscpRulesOf } from '../qos-policies.ts';

/** What a QoS policy says of a port. */
export type PortQos = Pick<DesiredPort, 'bandwidth' | 'dscp'>;

/** The limits and marks of ports that have some: by their own policy, or else by their network's. */
export async function qosOf(db: Database, ports: readonly Port[]): Promise<Map<string, PortQos>> {
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
  const policyIds = [...new Set(policies.values())];
  const rules = await bandwidthRulesOf({ db }, db.read, policyIds);
  const marks = await dscpRulesOf({ db }, db.read, policyIds);
  return new Map(
    [...policies].map(([portId, policyId]) => {
      const limits = (rules.get(policyId) ?? []).map(({ direction, maxKbps }) => [direction, maxKbps * 1000]);
      const dscp = marks.get(policyId)?.mark;
      return [
        portId,
        {
          ...(limits.length === 0 ? {} : { bandwidth: Object.fromEntries(limits) }),
          ...(dscp === undefined ? {} : { dscp }),
        },
      ] as const;
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
