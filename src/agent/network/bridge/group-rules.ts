import type { DesiredRule, DesiredSecurityGroup } from '../../contract.ts';
import { isV6 } from './ipv6.ts';
import { field, is, meta, network, range, type Statement, type Table } from './nft.ts';

/** Protocols whose first four bytes are the ports: TCP, UDP, DCCP, SCTP, UDP-Lite. */
const withPorts = new Set([6, 17, 33, 132, 136]);
const icmp = { 4: 1, 6: 58 } as const;
const headers = { 4: 'ip', 6: 'ip6' } as const;
const addressTypes = { 4: 'ipv4_addr', 6: 'ipv6_addr' } as const;

type Version = 4 | 6;
const versions: readonly Version[] = [4, 6];

/** The set of the addresses of one family that a group's ports have on one network. */
function memberSet(groupId: string, networkId: string, version: Version): string {
  return `members${version}_${groupId.slice(0, 16)}_${networkId.slice(0, 16)}`;
}

export function addMemberSets(table: Table, groups: readonly DesiredSecurityGroup[]): void {
  for (const { groupId, members } of groups) {
    for (const { networkId, addresses } of members) {
      for (const version of versions) {
        const some = ofVersion(addresses, version);
        if (some.length > 0) table.addressSet(memberSet(groupId, networkId, version), addressTypes[version], some);
      }
    }
  }
}

/**
 * What a rule matches on one network, without its verdict: a list for each family that it holds for. The peer is the
 * other side of the port that the rule is for.
 */
export function ruleMatches(
  rule: DesiredRule,
  networkId: string,
  groups: ReadonlyMap<string, DesiredSecurityGroup>,
): Statement[][] {
  const { family, protocol, ports, remote } = rule;
  if (family === undefined && !remote && protocol === undefined && !ports) return [[]];
  return versions.flatMap((version) => {
    if (family !== undefined && family !== version) return [];
    const peer = remoteMatch(rule, version, networkId, groups);
    return peer ? [[is(meta('protocol'), headers[version]), ...peer, ...protocolMatch(rule, version)]] : [];
  });
}

/** Undefined when there is no such peer. */
function remoteMatch(
  { direction, remote }: DesiredRule,
  version: Version,
  networkId: string,
  groups: ReadonlyMap<string, DesiredSecurityGroup>,
): Statement[] | undefined {
  if (!remote) return [];
  const peer = field(headers[version], direction === 'ingress' ? 'saddr' : 'daddr');
  if ('cidr' in remote) {
    if (isV6(remote.cidr) !== (version === 6)) return undefined;
    return remote.cidr.endsWith('/0') ? [] : [is(peer, network(remote.cidr))];
  }
  const members = groups.get(remote.groupId)?.members.find((some) => some.networkId === networkId);
  if (ofVersion(members?.addresses ?? [], version).length === 0) return undefined;
  return [is(peer, `@${memberSet(remote.groupId, networkId, version)}`)];
}

function protocolMatch({ protocol, ports, icmp: message }: DesiredRule, version: Version): Statement[] {
  if (protocol === undefined) return [];
  const statements = [is(meta('l4proto'), protocol)];
  if (ports && withPorts.has(protocol)) {
    const { first, last } = ports;
    statements.push(is(field('th', 'dport'), first === last ? first : range(first, last)));
  }
  if (message && protocol === icmp[version]) {
    const header = version === 4 ? 'icmp' : 'icmpv6';
    statements.push(is(field(header, 'type'), message.type));
    if (message.code !== undefined) statements.push(is(field(header, 'code'), message.code));
  }
  return statements;
}

function ofVersion(addresses: readonly string[], version: Version): string[] {
  return addresses.filter((address) => isV6(address) === (version === 6));
}
