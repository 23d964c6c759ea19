import type { DesiredNetworks, DesiredPort, DesiredSecurityGroup } from '../../contract.ts';
import { addMemberSets, ruleMatch } from './group-rules.ts';
import { tapName } from './names.ts';
import {
  accept,
  anyOf,
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
const arp = 'arp';
const udp = 17;
const dhcpServer = 67;
const dhcpClient = 68;

/** The marks by which later rules know whose guest sent a packet; only ports that are filtered have one. */
export function senderMarks(ports: readonly DesiredPort[]): Map<string, number> {
  return new Map(ports.filter(isFiltered).map(({ portId }, index) => [portId, index + 1]));
}

/**
 * What each guest may claim to be, checked where its frames come in: its MAC address, its addresses in IPv4 and ARP, and
 * no DHCP server. Frames that are neither IPv4 nor ARP are dropped: networks have no IPv6, and nobody would look after
 * what guests told each other by it (router advertisements among it). A tap that no port is known for carries nothing.
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
    desired.ports.map(({ portId }) => [tapName(portId), goto(`${prefix}_${portId}`)] as const);
  table.verdictMap('senders', 'ifname', taps('from'));
  table.verdictMap('receivers', 'ifname', taps('to'));
  table.chain('prerouting', { type: 'filter', hook: 'prerouting', prio: -300, policy: 'accept' });
  table.rule('prerouting', byMap(meta('iifname'), 'senders'));
  table.rule('prerouting', is(meta('iifname'), 'tap*'), drop);
  table.chain('postrouting', { type: 'filter', hook: 'postrouting', prio: 0, policy: 'accept' });
  table.rule('postrouting', byMap(meta('oifname'), 'receivers'));
  table.rule('postrouting', is(meta('oifname'), 'tap*'), drop);
  return table;
}

function isFiltered({ adminStateUp, portSecurity }: DesiredPort): boolean {
  return adminStateUp && portSecurity;
}

function addSender(table: Table, port: DesiredPort, mark: number | undefined): void {
  const chain = `from_${port.portId}`;
  table.chain(chain);
  if (mark === undefined) {
    table.rule(chain, port.adminStateUp ? accept : drop);
    return;
  }
  const { macAddress, addresses } = port;
  const isArp = is(field('ether', 'type'), arp);
  const isIpv4 = is(field('ether', 'type'), ipv4);
  table.rule(chain, set(meta('mark'), mark));
  table.rule(chain, isIpv4, ...fromTo(dhcpServer, dhcpClient), drop);
  const identities = [...addresses.map((address) => ({ macAddress, cidr: address })), ...port.allowedPairs];
  for (const [mac, allowed] of Map.groupBy(identities, (one) => one.macAddress)) {
    const fromMac = is(field('ether', 'saddr'), mac);
    for (const cidr of new Set(allowed.map((one) => one.cidr))) {
      const address = network(cidr);
      const claims = [is(field('arp', 'saddr ether'), mac), is(field('arp', 'saddr ip'), address)];
      table.rule(chain, fromMac, isArp, ...claims, accept);
      table.rule(chain, fromMac, isIpv4, is(field('ip', 'saddr'), address), accept);
    }
  }
  // A guest that does not know its address yet asks for one, and before it takes it, whether somebody has it (RFC 5227).
  const own = is(field('ether', 'saddr'), macAddress);
  table.rule(chain, own, isIpv4, is(field('ip', 'saddr'), '0.0.0.0'), ...fromTo(dhcpClient, dhcpServer), accept);
  const probe = [is(field('arp', 'saddr ether'), macAddress), is(field('arp', 'saddr ip'), '0.0.0.0')];
  table.rule(chain, own, isArp, ...probe, accept);
  table.rule(chain, drop);
}

function addReceiver(table: Table, port: DesiredPort, groups: ReadonlyMap<string, DesiredSecurityGroup>): void {
  const chain = `to_${port.portId}`;
  table.chain(chain);
  if (!isFiltered(port)) {
    table.rule(chain, port.adminStateUp ? accept : drop);
    return;
  }
  table.rule(chain, is(field('ether', 'type'), arp), accept);
  table.rule(chain, isNot(field('ether', 'type'), ipv4), drop);
  // A bridge that does not know where a guest is asks everywhere.
  const macs = [...new Set([port.macAddress, ...port.allowedPairs.map((pair) => pair.macAddress)])];
  const toMany = anyOf(['broadcast', 'multicast']);
  table.rule(chain, isNot(field('ether', 'daddr'), anyOf(macs)), isNot(meta('pkttype'), toMany), drop);
  table.rule(chain, is(meta('mark'), replyMark), accept);
  table.rule(chain, ...fromTo(dhcpServer, dhcpClient), accept);
  for (const match of ingressOf(port, groups)) table.rule(chain, ...match, accept);
  table.rule(chain, drop);
}

function ingressOf(port: DesiredPort, groups: ReadonlyMap<string, DesiredSecurityGroup>): Statement[][] {
  return port.securityGroupIds
    .flatMap((id) => groups.get(id)?.rules ?? [])
    .filter(({ direction }) => direction === 'ingress')
    .flatMap((rule) => {
      const match = ruleMatch(rule, port.networkId, groups);
      return match ? [match] : [];
    });
}

function fromTo(source: number, destination: number): Statement[] {
  return [is(meta('l4proto'), udp), is(field('udp', 'sport'), source), is(field('udp', 'dport'), destination)];
}
