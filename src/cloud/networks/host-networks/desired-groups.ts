import { sql } from 'kysely';
import type { DesiredRule, DesiredSecurityGroup } from '../../../agent/contract.ts';
import type { Database } from '../../../database/database.ts';
import { oneOf } from '../../../database/expressions.ts';
import { statement } from '../../../database/statement.ts';
import { parseIpPrefix } from '../ip-prefix.ts';
import { ruleOf, type SecurityGroupRule } from '../model.ts';
import { protocolNumber } from '../security-group-rule-checks.ts';

/**
 * The groups of ports on a host, and those that their rules name, with the addresses of their members on the networks
 * that the host serves.
 */
export async function desiredGroups(
  db: Database,
  groupIds: readonly string[],
  networkIds: readonly string[],
): Promise<DesiredSecurityGroup[]> {
  if (groupIds.length === 0) return [];
  const rows = await rulesOf.all(db.read, { groupIds });
  const rules = Map.groupBy(rows.map(ruleOf), (rule) => rule.securityGroupId);
  const remote = rows.flatMap((row) => row.remote_group_id ?? []);
  const addressGroups = await addressGroupsOf(
    db,
    rows.flatMap((row) => row.remote_address_group_id ?? []),
  );
  const members = await membersOf(db, [...new Set(remote)], networkIds);
  return [...new Set([...groupIds, ...remote])].sort().map((groupId) => ({
    groupId,
    members: members.get(groupId) ?? [],
    rules: (rules.get(groupId) ?? []).flatMap((rule) => withAddressGroup(rule, addressGroups)),
  }));
}

const rulesOf = statement((q, p: { groupIds: readonly string[] }, kind) =>
  q
    .selectFrom('security_group_rules')
    .selectAll()
    .where(oneOf({ kind }, sql.ref('security_group_id'), p.groupIds))
    // What is switched off lets nothing through.
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('security_groups')
            .select('security_groups.id')
            .whereRef('security_groups.id', '=', 'security_group_id')
            .where('enabled', '=', 0),
        ),
      ),
    )
    .orderBy('id'),
);

async function addressGroupsOf(db: Database, ids: readonly string[]): Promise<Map<string, string[]>> {
  if (ids.length === 0) return new Map();
  const rows = await db.read
    .selectFrom('address_groups')
    .select(['id', 'addresses'])
    .where(oneOf(db, sql.ref('id'), [...new Set(ids)]))
    .execute();
  return new Map(rows.map(({ id, addresses }) => [id, JSON.parse(addresses) as string[]]));
}

/** A rule for the addresses of a group is a rule for each of them. */
function withAddressGroup(rule: SecurityGroupRule, groups: ReadonlyMap<string, string[]>): DesiredRule[] {
  const desired = desiredRule(rule);
  if (rule.remoteAddressGroupId === null) return [desired];
  const addresses = groups.get(rule.remoteAddressGroupId) ?? [];
  return addresses
    .filter((cidr) => cidr.includes(':') === (desired.family === 6))
    .map((cidr) => ({ ...desired, remote: { cidr } }));
}

async function membersOf(db: Database, groupIds: readonly string[], networkIds: readonly string[]) {
  if (groupIds.length === 0) return new Map<string, DesiredSecurityGroup['members']>();
  const rows = await memberAddresses.all(db.read, { groupIds, networkIds });
  const byGroup = Map.groupBy(rows, (row) => row.groupId);
  return new Map(
    [...byGroup].map(([groupId, ofGroup]) => [
      groupId,
      [...Map.groupBy(ofGroup, (row) => row.networkId)].map(([networkId, some]) => ({
        networkId,
        addresses: [...new Set(some.map(({ address }) => address))],
      })),
    ]),
  );
}

const memberAddresses = statement((q, p: { groupIds: readonly string[]; networkIds: readonly string[] }, kind) =>
  q
    .selectFrom('port_security_groups')
    .innerJoin('port_addresses', 'port_addresses.port_id', 'port_security_groups.port_id')
    .select([
      'port_security_groups.security_group_id as groupId',
      'port_addresses.network_id as networkId',
      'port_addresses.ip_address as address',
    ])
    .where(oneOf({ kind }, sql.ref('port_security_groups.security_group_id'), p.groupIds))
    .where(oneOf({ kind }, sql.ref('port_addresses.network_id'), p.networkIds))
    .orderBy('port_addresses.ip_address'),
);

const icmp = 1;
const icmp6 = 58;

/** The rule in the terms of hosts: names of protocols become numbers, and peers canonical. */
export function desiredRule(rule: SecurityGroupRule): DesiredRule {
  const { direction, portRangeMin, portRangeMax } = rule;
  const number = rule.protocol === null ? undefined : protocolNumber(rule.protocol);
  // 0 is Neutron's word for any.
  const asked = number === 0 || number === null ? undefined : number;
  // The same name stands for the messages of either family.
  const protocol = rule.ethertype === 'IPv6' && asked === icmp ? icmp6 : asked;
  const family = rule.ethertype === 'IPv6' ? 6 : 4;
  const result: DesiredRule = { direction, family };
  if (protocol !== undefined) result.protocol = protocol;
  if (portRangeMin !== null && (protocol === icmp || protocol === icmp6)) {
    result.icmp = { type: portRangeMin, ...(portRangeMax === null ? {} : { code: portRangeMax }) };
  } else if (portRangeMin !== null) {
    result.ports = { first: portRangeMin, last: portRangeMax ?? portRangeMin };
  }
  if (rule.remoteGroupId !== null) result.remote = { groupId: rule.remoteGroupId };
  else if (rule.remoteIpPrefix !== null) result.remote = { cidr: canonical(rule.remoteIpPrefix) };
  return result;
}

/** A single address is a network of one. */
export function canonical(peer: string): string {
  return parseIpPrefix(peer)?.normalized ?? peer;
}
