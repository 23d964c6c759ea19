import type { DesiredRule, DesiredSecurityGroup } from '../../contract.ts';
import { field, is, meta, network, range, type Statement, type Table } from './nft.ts';

/** Protocols whose first four bytes are the ports: TCP, UDP, DCCP, SCTP, UDP-Lite. */
const withPorts = new Set([6, 17, 33, 132, 136]);
const icmp = 1;

/** The set of the addresses that a group's ports have on one network. */
export function memberSet(groupId: string, networkId: string): string {
  return `members_${groupId.slice(0, 16)}_${networkId.slice(0, 16)}`;
}

export function addMemberSets(table: Table, groups: readonly DesiredSecurityGroup[]): void {
  for (const { groupId, members } of groups) {
    for (const { networkId, addresses } of members) table.addressSet(memberSet(groupId, networkId), addresses);
  }
}

/**
 * What a rule matches on one network, without its verdict; undefined when it can match nothing there. The peer is the
 * other side of the port that the rule is for.
 */
export function ruleMatch(
  rule: DesiredRule,
  networkId: string,
  groups: ReadonlyMap<string, DesiredSecurityGroup>,
): Statement[] | undefined {
  const remote = remoteMatch(rule, networkId, groups);
  return remote && [...remote, ...protocolMatch(rule)];
}

function remoteMatch(
  { direction, remote }: DesiredRule,
  networkId: string,
  groups: ReadonlyMap<string, DesiredSecurityGroup>,
): Statement[] | undefined {
  if (!remote) return [];
  const peer = field('ip', direction === 'ingress' ? 'saddr' : 'daddr');
  if ('cidr' in remote) return remote.cidr.endsWith('/0') ? [] : [is(peer, network(remote.cidr))];
  const members = groups.get(remote.groupId)?.members.find((some) => some.networkId === networkId);
  return members && members.addresses.length > 0 ? [is(peer, `@${memberSet(remote.groupId, networkId)}`)] : undefined;
}

function protocolMatch({ protocol, ports, icmp: message }: DesiredRule): Statement[] {
  if (protocol === undefined) return [];
  const statements = [is(meta('l4proto'), protocol)];
  if (ports && withPorts.has(protocol)) {
    const { first, last } = ports;
    statements.push(is(field('th', 'dport'), first === last ? first : range(first, last)));
  }
  if (message && protocol === icmp) {
    statements.push(is(field('icmp', 'type'), message.type));
    if (message.code !== undefined) statements.push(is(field('icmp', 'code'), message.code));
  }
  return statements;
}
