import type { Tx } from '../../database/database.ts';
import { inRange, parseCidr, parseIp } from './ip.ts';
import type { HostRoute } from './model.ts';
import { invalidRoutes } from './router-failures.ts';

/** Routes of one router at most, as Neutron has it by default. */
const maxRoutes = 30;

/** The routes as they are kept. Throws `invalid` (`invalid_routes`) for what is none, and for ways that the router is not on. */
export async function checkRoutes(tx: Tx, routerId: string, routes: readonly HostRoute[]): Promise<HostRoute[]> {
  if (routes.length > maxRoutes) throw invalidRoutes(routes, `a router has at most ${maxRoutes} routes`);
  const subnets = await tx
    .selectFrom('ports')
    .innerJoin('port_addresses', 'port_addresses.port_id', 'ports.id')
    .innerJoin('subnets', 'subnets.id', 'port_addresses.subnet_id')
    .select(['subnets.cidr', 'port_addresses.ip_address'])
    .where('ports.device_id', '=', routerId)
    .where('ports.device_owner', 'in', ['network:router_interface', 'network:router_gateway'])
    .execute();
  const cidrs = subnets.map(({ cidr }) => parseCidr(cidr)!);
  const own = new Set(subnets.map((subnet) => subnet.ip_address));
  const seen = new Set<string>();
  return routes.map(({ destination, nexthop }) => {
    const cidr = parseCidr(destination);
    const hop = parseIp(nexthop);
    if (!cidr) throw invalidRoutes(routes, `'${destination}' is not a valid network`);
    if (!hop) throw invalidRoutes(routes, `'${nexthop}' is not a valid IP address`);
    if (!cidrs.some((one) => inRange(one, hop)))
      throw invalidRoutes(routes, 'the nexthop is not connected with router');
    if (own.has(nexthop)) throw invalidRoutes(routes, 'the nexthop is used by router');
    const key = `${cidr.text} ${nexthop}`;
    if (seen.has(key)) throw invalidRoutes(routes, 'a route is given twice');
    seen.add(key);
    return { destination: cidr.text, nexthop };
  });
}
