import { sql } from 'kysely';
import type { DesiredPort } from '../../../agent/contract.ts';
import type { Database } from '../../../database/database.ts';
import { oneOf } from '../../../database/expressions.ts';
import { statement } from '../../../database/statement.ts';
import type { Port } from '../model.ts';
import { bandwidthRulesOf, dscpRulesOf } from '../qos-policies.ts';

/** What is said of a port's traffic. */
export type PortQos = Pick<DesiredPort, 'bandwidth' | 'dscp'>;

/** Bits per second. */
type Bandwidth = NonNullable<DesiredPort['bandwidth']>;

/**
 * The limits and marks of ports that have some: by their own policy, or else by their network's, and the port's own
 * limits. Of a policy's limit and the port's own, the lower one holds.
 */
export async function qosOf(db: Database, ports: readonly Port[]): Promise<Map<string, PortQos>> {
  const policies = await policiesOfPorts(db, ports);
  const policyIds = [...new Set(policies.values())];
  const rules = await bandwidthRulesOf({ db }, db.read, policyIds);
  const marks = await dscpRulesOf({ db }, db.read, policyIds);
  const found = new Map<string, PortQos>();
  for (const port of ports) {
    const policyId = policies.get(port.id) ?? '';
    const bandwidth = lowest(port, rules.get(policyId) ?? []);
    const dscp = marks.get(policyId)?.mark;
    if (!policyId && !bandwidth) continue;
    found.set(port.id, { ...(bandwidth ? { bandwidth } : {}), ...(dscp === undefined ? {} : { dscp }) });
  }
  return found;
}

/** What is limited of a port in all, and what a policy says of it. */
export async function bandwidthOf(db: Database, port: Port): Promise<{ inAll: Bandwidth; ofPolicy: Bandwidth }> {
  const policyId = (await policiesOfPorts(db, [port])).get(port.id);
  const rules =
    policyId === undefined ? [] : ((await bandwidthRulesOf({ db }, db.read, [policyId])).get(policyId) ?? []);
  const unlimited = { egressLimit: null, ingressLimit: null };
  return { inAll: lowest(port, rules) ?? {}, ofPolicy: lowest(unlimited, rules) ?? {} };
}

/** What holds for the port of what its policy says and its own limits; undefined where nothing is limited. */
function lowest(
  { egressLimit, ingressLimit }: Pick<Port, 'egressLimit' | 'ingressLimit'>,
  rules: ReadonlyArray<{ direction: keyof Bandwidth; maxKbps: number }>,
): Bandwidth | undefined {
  const limits: Bandwidth = {};
  for (const { direction, maxKbps } of rules) limits[direction] = maxKbps * 1000;
  for (const [direction, own] of [['egress', egressLimit] as const, ['ingress', ingressLimit] as const]) {
    if (own !== null) limits[direction] = Math.min(own, limits[direction] ?? own);
  }
  return Object.keys(limits).length === 0 ? undefined : limits;
}

/** Port → the policy that holds for it. */
async function policiesOfPorts(db: Database, ports: readonly Port[]): Promise<Map<string, string>> {
  const networkIds = [...new Set(ports.map(({ networkId }) => networkId))];
  if (networkIds.length === 0) return new Map();
  const networks = await policiesOfNetworks.all(db.read, { networkIds });
  const ofNetworks = new Map(networks.map((row) => [row.id, row.qos_policy_id!]));
  return new Map(
    ports.flatMap(({ id, qosPolicyId, networkId }) => {
      const policyId = qosPolicyId ?? ofNetworks.get(networkId);
      return policyId === undefined ? [] : [[id, policyId] as const];
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
