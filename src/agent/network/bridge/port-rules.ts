import type { DesiredNetwork, DesiredNetworks, DesiredPort, DesiredSecurityGroup } from '../../contract.ts';
import { metadataAddress, metadataAddress6 } from './cabling.ts';
import { addMemberSets, ruleMatches } from './group-rules.ts';
import { digitsOf, isV6, linkLocalOf } from './ipv6.ts';
import { tapNames, tunnelName } from './names.ts';
import {
  accept,
  anyOf,
  bitsOf,
  byMap,
  drop,
  field,
  goto,
  is,
  isNot,
  meta,
  network,
  type Statement,
  set,
  Table,
} from './nft.ts';

export const portTableName = 'unkai_ports';
/** The mark of packets that belong to a connection which was opened from the other side. */
export const replyMark = 0x80000000;

const ipv4 = 'ip';
const ipv6 = 'ip6';
const arp = 'arp';
const reverseArp = 0x8035;
const udp = 17;
const dhcpServer = 67;
const dhcpClient = 68;
const dhcp6Client = 546;
const dhcp6Server = 547;
const icmp6 = 58;
/** Messages of ICMPv6 that guests need to find each other and their routers (RFC 4861, RFC 3810). */
const routerAdvertisement = 134;
const redirect = 137;
const neighbourSolicitation = 135;
const neighbourAdvertisement = 136;
const listenerTypes = [131, 132, 143];
export const neighbourTypes = [
  130,
  ...listenerTypes,
  133,
  routerAdvertisement,
  neighbourSolicitation,
  neighbourAdvertisement,
];

/** The marks by which later rules know whose guest sent a packet; only ports that are filtered have one. */
export function senderMarks(ports: readonly DesiredPort[]): Map<string, number> {
  return new Map(ports.filter(isFiltered).map(({ portId }, index) => [portId, index + 1]));
}

/**
 * What each guest may claim to be, checked where its frames come in: its MAC address, its addresses in IP, ARP and
 * neighbour discovery, and neither a DHCP server nor an IPv6 router. Frames of other protocols are dropped. A tap that no
 * port is known for carries nothing.
 *
 * And what each guest takes in, checked where frames go out to it: replies, and what its security groups let in,
 * broadcasts and multicasts too.
 */
export function portTable(desired: DesiredNetworks): Table {
  const table = new Table('bridge', portTableName);
  const groups = new Map(desired.securityGroups.map((group) => [group.groupId, group]));
  const marks = senderMarks(desired.ports);
  addMemberSets(table, desired.securityGroups);
  for (const port of desired.ports) {
    addSender(table, port, marks.get(port.portId));
    addReceiver(table, port, groups);
  }
  const taps = (prefix: string) =>
    desired.ports.flatMap((port) => tapNames(port).map((tap) => [tap, goto(`${prefix}_${port.portId}`)] as const));
  table.verdictMap('senders', 'ifname', taps('from'));
  table.verdictMap('receivers', 'ifname', taps('to'));
  for (const found of desired.networks) if (found.tunnel) addTunnel(table, found);
  const tunnels = (prefix: string) =>
    desired.networks
      .filter(({ tunnel }) => tunnel)
      .map(({ networkId }) => [tunnelName(networkId), goto(`${prefix}_${networkId}`)] as const);
  table.verdictMap('arrivals', 'ifname', tunnels('arriving'));
  table.verdictMap('departures', 'ifname', tunnels('leaving'));
  table.chain('prerouting', { type: 'filter', hook: 'prerouting', prio: -300, policy: 'accept' });
  table.rule('prerouting', byMap(meta('iifname'), 'senders'));
  table.rule('prerouting', byMap(meta('iifname'), 'arrivals'));
  table.rule('prerouting', is(meta('iifname'), 'tap*'), drop);
  table.chain('postrouting', { type: 'filter', hook: 'postrouting', prio: 0, policy: 'accept' });
  table.rule('postrouting', byMap(meta('oifname'), 'receivers'));
  table.rule('postrouting', byMap(meta('oifname'), 'departures'));
  table.rule('postrouting', is(meta('oifname'), 'tap*'), drop);
  return table;
}

/**
 * Each host serves its own guests, by the same addresses: what belongs to that stays on the host. All else has been
 * checked where it came from, and is held against the receiver's groups where it arrives.
 */
function addTunnel(table: Table, { networkId, service }: DesiredNetwork): void {
  const [arriving, leaving] = [`arriving_${networkId}`, `leaving_${networkId}`];
  table.chain(arriving);
  table.chain(leaving);
  if (service) {
    table.rule(arriving, is(field('ether', 'saddr'), service.macAddress), drop);
    table.rule(leaving, is(field('ether', 'saddr'), service.macAddress), drop);
    table.rule(leaving, is(field('ether', 'daddr'), service.macAddress), drop);
  }
  const isIpv4 = is(field('ether', 'type'), ipv4);
  const isIpv6 = is(field('ether', 'type'), ipv6);
  table.rule(leaving, isIpv4, ...fromTo(dhcpClient, dhcpServer), drop);
  table.rule(leaving, isIpv6, ...fromTo(dhcp6Client, dhcp6Server), drop);
  table.rule(leaving, is(field('ether', 'type'), arp), is(field('arp', 'daddr ip'), metadataAddress), drop);
  const target = is(bitsOf(64, 128), `0x${digitsOf(metadataAddress6)}`);
  table.rule(leaving, isIpv6, ...icmp6Of([neighbourSolicitation]), target, drop);
}

function isFiltered({ adminStateUp, portSecurity }: DesiredPort): boolean {
  return adminStateUp && portSecurity;
}

function addSender(table: Table, port: DesiredPort, mark: number | undefined): void {
  const chain = `from_${port.portId}`;
  table.chain(chain);
  if (port.dscp !== undefined) {
    for (const family of [ipv4, ipv6]) {
      table.rule(chain, is(field('ether', 'type'), family), set(field(family, 'dscp'), port.dscp));
    }
  }
  if (mark === undefined) {
    table.rule(chain, port.adminStateUp ? accept : drop);
    return;
  }
  const { macAddress, addresses } = port;
  const isArp = is(field('ether', 'type'), arp);
  const isIpv4 = is(field('ether', 'type'), ipv4);
  const isIpv6 = is(field('ether', 'type'), ipv6);
  table.rule(chain, set(meta('mark'), mark));
  table.rule(chain, isIpv4, ...fromTo(dhcpServer, dhcpClient), drop);
  table.rule(chain, isIpv6, ...fromTo(dhcp6Server, dhcp6Client), drop);
  table.rule(chain, isIpv6, ...icmp6Of([routerAdvertisement, redirect]), drop);
  addNeighbourCheck(table, chain, port);
  const identities = [
    { macAddress, cidr: linkLocalOf(macAddress) },
    ...addresses.map((address) => ({ macAddress, cidr: address })),
    ...port.allowedPairs,
  ];
  for (const [mac, allowed] of Map.groupBy(identities, (one) => one.macAddress)) {
    const fromMac = is(field('ether', 'saddr'), mac);
    for (const cidr of new Set([linkLocalOf(mac), ...allowed.map((one) => one.cidr)])) {
      const address = network(cidr);
      if (isV6(cidr)) {
        table.rule(chain, fromMac, isIpv6, is(field('ip6', 'saddr'), address), accept);
        continue;
      }
      const claims = [is(field('arp', 'saddr ether'), mac), is(field('arp', 'saddr ip'), address)];
      table.rule(chain, fromMac, isArp, ...claims, accept);
      table.rule(chain, fromMac, isIpv4, is(field('ip', 'saddr'), address), accept);
    }
  }
  const own = is(field('ether', 'saddr'), macAddress);
  // A guest that has moved here says so by what nobody takes in, so that bridges learn where it is (RFC 903).
  table.rule(chain, own, is(field('ether', 'type'), reverseArp), accept);
  // A guest that does not know its address yet asks for one, and before it takes it, whether somebody has it (RFC 5227).
  table.rule(chain, own, isIpv4, is(field('ip', 'saddr'), '0.0.0.0'), ...fromTo(dhcpClient, dhcpServer), accept);
  const probe = [is(field('arp', 'saddr ether'), macAddress), is(field('arp', 'saddr ip'), '0.0.0.0')];
  table.rule(chain, own, isArp, ...probe, accept);
  // The same in IPv6 (RFC 4862, RFC 4861, RFC 3810).
  table.rule(
    chain,
    own,
    isIpv6,
    is(field('ip6', 'saddr'), '::'),
    ...icmp6Of([133, neighbourSolicitation, ...listenerTypes]),
    accept,
  );
  table.rule(chain, drop);
}

/** A guest says only of its own addresses that they are its own. Of whole networks it may say so of every address. */
function addNeighbourCheck(table: Table, chain: string, { macAddress, addresses, allowedPairs }: DesiredPort): void {
  const pairs = allowedPairs.map(({ cidr }) => cidr).filter(isV6);
  if (pairs.some((cidr) => cidr.includes('/') && !cidr.endsWith('/128'))) return;
  const macs = [macAddress, ...allowedPairs.map((pair) => pair.macAddress)];
  const own = [...addresses.filter(isV6), ...pairs.map((cidr) => cidr.replace('/128', '')), ...macs.map(linkLocalOf)];
  const claims = [...new Set(own)].map((address) => `0x${digitsOf(address)}`);
  const isClaim = icmp6Of([neighbourAdvertisement]);
  table.rule(chain, is(field('ether', 'type'), ipv6), ...isClaim, isNot(bitsOf(64, 128), anyOf(claims)), drop);
}

function addReceiver(table: Table, port: DesiredPort, groups: ReadonlyMap<string, DesiredSecurityGroup>): void {
  const chain = `to_${port.portId}`;
  table.chain(chain);
  if (!isFiltered(port)) {
    table.rule(chain, port.adminStateUp ? accept : drop);
    return;
  }
  table.rule(chain, is(field('ether', 'type'), arp), accept);
  table.rule(chain, isNot(field('ether', 'type'), anyOf([ipv4, ipv6])), drop);
  // A bridge that does not know where a guest is asks everywhere.
  const macs = [...new Set([port.macAddress, ...port.allowedPairs.map((pair) => pair.macAddress)])];
  const toMany = anyOf(['broadcast', 'multicast']);
  table.rule(chain, isNot(field('ether', 'daddr'), anyOf(macs)), isNot(meta('pkttype'), toMany), drop);
  if (!port.stateless) table.rule(chain, is(meta('mark'), replyMark), accept);
  table.rule(chain, ...fromTo(dhcpServer, dhcpClient), accept);
  table.rule(chain, ...fromTo(dhcp6Server, dhcp6Client), accept);
  table.rule(chain, is(field('ether', 'type'), ipv6), ...icmp6Of(neighbourTypes), accept);
  for (const match of ingressOf(port, groups)) table.rule(chain, ...match, accept);
  table.rule(chain, drop);
}

function ingressOf(port: DesiredPort, groups: ReadonlyMap<string, DesiredSecurityGroup>): Statement[][] {
  return port.securityGroupIds
    .flatMap((id) => groups.get(id)?.rules ?? [])
    .filter(({ direction }) => direction === 'ingress')
    .flatMap((rule) => ruleMatches(rule, port.networkId, groups));
}

function icmp6Of(types: readonly number[]): Statement[] {
  return [is(meta('l4proto'), icmp6), is(field('icmpv6', 'type'), anyOf(types))];
}

function fromTo(source: number, destination: number): Statement[] {
  return [is(meta('l4proto'), udp), is(field('udp', 'sport'), source), is(field('udp', 'dport'), destination)];
}
