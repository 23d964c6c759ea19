import type { DesiredNetworks, DesiredPort, DesiredSecurityGroup } from '../../contract.ts';
import { metadataAddress, metadataAddress6 } from './cabling.ts';
import { addMemberSets, ruleMatches } from './group-rules.ts';
import { bridgeName } from './names.ts';
import { accept, anyOf, byMap, ct, drop, field, goto, has, is, isNot, jump, meta, set, Table } from './nft.ts';
import { neighbourTypes, replyMark, senderMarks } from './port-rules.ts';

export const connectionTableName = 'unkai_connections';

/**
 * What guests may send, by their security groups, and which packets are replies. Connections are tracked for each
 * network by itself, since networks may have the same addresses.
 *
 * Only replies pass because their connection is known. What a connection's opener sends is held against the rules as
 * they are now, so a rule that is taken away also ends the connections that it allowed.
 */
export function connectionTable(desired: DesiredNetworks): Table {
  const table = new Table('inet', connectionTableName);
  const groups = new Map(desired.securityGroups.map((group) => [group.groupId, group]));
  addMemberSets(table, desired.securityGroups);
  addZones(table, desired);
  const marks = senderMarks(desired.ports);
  const ports = desired.ports.filter(({ portId }) => marks.has(portId));
  addGroups(table, ports, groups);
  for (const port of ports) addPort(table, port, groups);
  const senders = ports.map(({ portId }) => [marks.get(portId)!, goto(`out_${portId}`)] as const);
  table.verdictMap('senders', 'mark', senders);
  table.chain('forward', { type: 'filter', hook: 'forward', prio: 0, policy: 'accept' });
  const stateless = ports.filter((port) => port.stateless).map(({ portId }) => marks.get(portId)!);
  if (stateless.length > 0) {
    table.rule(
      'forward',
      isNot(meta('l4proto'), 58),
      is(meta('mark'), anyOf(stateless)),
      byMap(meta('mark'), 'senders'),
    );
  }
  const known = has(ct('state'), anyOf(['established', 'related']));
  table.rule('forward', is(ct('direction'), 'reply'), known, set(meta('mark'), replyMark), accept);
  table.rule('forward', has(ct('state'), 'related'), set(meta('mark'), replyMark), accept);
  // Who has which address is asked and said without connections; what may be said is checked where frames come in.
  table.rule('forward', is(meta('l4proto'), 58), is(field('icmpv6', 'type'), anyOf(neighbourTypes)), accept);
  table.rule('forward', byMap(meta('mark'), 'senders'));
  return table;
}

function addZones(table: Table, { networks }: DesiredNetworks): void {
  table.chain('zones', { type: 'filter', hook: 'prerouting', prio: -300, policy: 'accept' });
  const zones = zonesOf(networks.map(({ networkId }) => networkId));
  const elements = [...zones].map(([networkId, zone]) => [bridgeName(networkId), zone]);
  if (elements.length === 0) return;
  table.rule('zones', set(ct('zone'), { map: { key: meta('iifname'), data: { set: elements } } }));
}

/** The zone of each network's connections, 1 to 65535: it follows from the id, so that connections outlive changes. */
function zonesOf(networkIds: readonly string[]): Map<string, number> {
  const zones = new Map<string, number>();
  const taken = new Set<number>();
  for (const networkId of [...networkIds].sort()) {
    let zone = Number.parseInt(networkId.slice(0, 8), 16) % 65535;
    while (taken.has(zone)) zone = (zone + 1) % 65535;
    taken.add(zone);
    zones.set(networkId, zone + 1);
  }
  return zones;
}

/** A chain for each group on each network: what it lets out is accepted, for the rest the port's chain goes on. */
function addGroups(
  table: Table,
  ports: readonly DesiredPort[],
  groups: ReadonlyMap<string, DesiredSecurityGroup>,
): void {
  const done = new Set<string>();
  for (const { networkId, securityGroupIds } of ports) {
    for (const groupId of securityGroupIds) {
      const group = groups.get(groupId);
      const chain = groupChain(groupId, networkId);
      if (!group || done.has(chain)) continue;
      done.add(chain);
      table.chain(chain);
      for (const rule of group.rules) {
        if (rule.direction !== 'egress') continue;
        for (const match of ruleMatches(rule, networkId, groups)) table.rule(chain, ...match, accept);
      }
    }
  }
}

function addPort(table: Table, port: DesiredPort, groups: ReadonlyMap<string, DesiredSecurityGroup>): void {
  const chain = `out_${port.portId}`;
  table.chain(chain);
  // What keeps a guest going needs no rule: its lease, and what it is told about itself.
  table.rule(chain, is(meta('l4proto'), 17), is(field('udp', 'dport'), 67), accept);
  table.rule(chain, is(meta('protocol'), 'ip6'), is(meta('l4proto'), 17), is(field('udp', 'dport'), 547), accept);
  const metadata = [is(meta('l4proto'), 6), is(field('tcp', 'dport'), 80)];
  table.rule(chain, is(field('ip', 'daddr'), metadataAddress), ...metadata, accept);
  table.rule(chain, is(field('ip6', 'daddr'), metadataAddress6), ...metadata, accept);
  for (const groupId of port.securityGroupIds) {
    if (groups.has(groupId)) table.rule(chain, jump(groupChain(groupId, port.networkId)));
  }
  table.rule(chain, drop);
}

function groupChain(groupId: string, networkId: string): string {
  return `out_${groupId}_${networkId}`;
}
