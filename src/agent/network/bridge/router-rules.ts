import type { DesiredForwarding, DesiredRouter } from '../../contract.ts';
import { isV6 } from './ipv6.ts';
import { routerGateway, routerInterface } from './names.ts';
import { accept, anyOf, ct, drop, field, has, is, isNot, meta, set, Table } from './nft.ts';

export const routerTableName = 'unkai_router';
/** The mark of packets that came from one of the router's own networks. */
const fromInside = 1;

/**
 * What a router does beside routing: floating IPs stand for fixed addresses in both directions, also among guests behind
 * the same router, and other connections to the outside take the gateway's address. Where they do, nobody outside opens
 * connections to fixed addresses.
 */
export function routerTable(router: DesiredRouter): Table {
  const { interfaces, gateway, floatingIps, forwardings = [], adminStateUp } = router;
  const table = new Table('ip', routerTableName);
  const inside = interfaces.map(({ portId }) => routerInterface(portId));
  const outside = gateway && routerGateway(gateway.portId);
  const pairs = floatingIps.map(({ address, fixedAddress }) => [address, fixedAddress] as const);

  table.chain('prerouting', { type: 'nat', hook: 'prerouting', prio: -100, policy: 'accept' });
  table.chain('postrouting', { type: 'nat', hook: 'postrouting', prio: 100, policy: 'accept' });
  table.chain('forward', { type: 'filter', hook: 'forward', prio: 0, policy: 'accept' });
  if (!adminStateUp) table.rule('forward', drop);
  if (inside.length > 0) table.rule('forward', is(meta('iifname'), anyOf(inside)), set(meta('mark'), fromInside));
  if (pairs.length > 0) {
    table.rule('prerouting', { dnat: { addr: byAddress('daddr', pairs) } });
  }
  for (const forwarding of forwardings) table.rule('prerouting', ...forwards(forwarding));
  if (!outside) return table;
  if (pairs.length > 0) {
    const back = pairs.map(([address, fixedAddress]) => [fixedAddress, address] as const);
    table.rule('postrouting', is(meta('oifname'), outside), { snat: { addr: byAddress('saddr', back) } });
  }
  const own = gateway.addresses.find(({ address }) => !isV6(address))?.address;
  if (!own) return table;
  const translated = has(ct('status'), 'dnat');
  // Otherwise the one who is asked would answer the asker directly, from an address that it has not asked.
  if (inside.length > 0) {
    const throughInside = is(meta('oifname'), anyOf(inside));
    table.rule('postrouting', throughInside, is(meta('mark'), fromInside), translated, { snat: { addr: own } });
  }
  if (!gateway.enableSnat) return table;
  table.rule('postrouting', is(meta('oifname'), outside), isNot(field('ip', 'saddr'), own), { snat: { addr: own } });
  table.rule('forward', isNot(meta('iifname'), outside), accept);
  table.rule('forward', is(ct('direction'), 'reply'), accept);
  table.rule('forward', translated, accept);
  table.rule('forward', has(ct('state'), 'related'), accept);
  table.rule('forward', drop);
  return table;
}

/** Each port has its own inside; a range that `dnat` is given by itself would be taken for a choice. */
function forwards({ address, protocol, ports, fixedAddress, fixedPorts }: DesiredForwarding): object[] {
  const asked = field(protocol, 'dport');
  const port = () => {
    if (fixedPorts.first === fixedPorts.last) return fixedPorts.first;
    const pairs = Array.from({ length: ports.last - ports.first + 1 }, (_, i) => [
      ports.first + i,
      fixedPorts.first + i,
    ]);
    return { map: { key: asked, data: { set: pairs } } };
  };
  const isSame = ports.first === fixedPorts.first && ports.last === fixedPorts.last;
  return [
    is(field('ip', 'daddr'), address),
    is(asked, ports.first === ports.last ? ports.first : { range: [ports.first, ports.last] }),
    { dnat: { addr: fixedAddress, ...(isSame ? {} : { port: port() }) } },
  ];
}

function byAddress(name: 'saddr' | 'daddr', pairs: ReadonlyArray<readonly [string, string]>): object {
  return { map: { key: field('ip', name), data: { set: pairs } } };
}

/**
 * What a router does with IPv6: there is nothing to translate. What its guests ask of DHCPv6 is answered by their
 * network's own service, not by what tells them of the router.
 */
export function routerTable6({ adminStateUp }: DesiredRouter): Table {
  const table = new Table('ip6', routerTableName);
  table.chain('forward', { type: 'filter', hook: 'forward', prio: 0, policy: 'accept' });
  if (!adminStateUp) table.rule('forward', drop);
  table.chain('input', { type: 'filter', hook: 'input', prio: 0, policy: 'accept' });
  table.rule('input', is(meta('l4proto'), 17), is(field('udp', 'dport'), 547), drop);
  return table;
}
