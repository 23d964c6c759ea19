import type { Tx } from '../../database/database.ts';
import { parseIpv4, parseIpv4Cidr } from '../networks/addresses.ts';
import { settleForwardingRouter } from '../networks/floating-ip-rows.ts';
import type { Networks } from '../networks/networks.ts';
import type { FloatingIp } from '../networks/router-model.ts';
import { refused } from './model.ts';

/**
 * Leads a load balancer's address to the router that its members are behind, in the transaction that changed them: the
 * router is where its listeners are served. Without members the address is nowhere. The floating IP is claimed.
 *
 * Throws `not_found` where no router leads from a member to the address, `conflict` (`several_routers`) where members,
 * or ports that are forwarded, are behind several.
 */
export async function settleMemberRouter(
  networks: Networks,
  tx: Tx,
  loadBalancerId: string,
  vip: FloatingIp,
): Promise<void> {
  const members = await membersOf(tx, loadBalancerId);
  if (members.length === 0) return settleForwardingRouter(tx, [vip.id]);
  const bySubnet = new Map(members.flatMap(({ port_id, subnet_id }) => (port_id ? [[subnet_id!, port_id]] : [])));
  const found = new Set<string>();
  for (const [subnetId, portId] of bySubnet) {
    found.add(await networks.floatingIps.routerBetween(tx, vip.networkId, { subnetId, ipAddress: '' }, portId));
  }
  const forwarded = tx.selectFrom('port_forwardings').select('id').where('floating_ip_id', '=', vip.id);
  if (vip.routerId !== null && (await forwarded.executeTakeFirst())) found.add(vip.routerId);
  if (found.size > 1) {
    const words = `The members of load balancer ${loadBalancerId} are behind several routers: one has to lead to all of them.`;
    throw refused('load_balancer', loadBalancerId, 'several_routers', words);
  }
  const alone = members.flatMap(({ port_id, ip_address }) => (port_id || !ip_address ? [] : ip_address));
  const router_id = [...found][0] ?? (await routerTo(tx, vip, alone));
  if (router_id === undefined) {
    const words = `No router leads from ${vip.address} to ${alone[0]}: give the project one, with a gateway to the network of the address.`;
    throw refused('load_balancer', loadBalancerId, 'no_router', words);
  }
  await tx.updateTable('floating_ips').set({ router_id }).where('id', '=', vip.id).execute();
}

/** Each member with the subnet of its port's address. */
async function membersOf(tx: Tx, loadBalancerId: string) {
  return await tx
    .selectFrom('load_balancer_members')
    .innerJoin('load_balancer_pools', 'load_balancer_pools.id', 'load_balancer_members.pool_id')
    .select((eb) => [
      'load_balancer_members.port_id',
      'load_balancer_members.ip_address',
      eb
        .selectFrom('port_addresses')
        .select('port_addresses.subnet_id')
        .whereRef('port_addresses.port_id', '=', 'load_balancer_members.port_id')
        .where('port_addresses.ip_address', 'not like', '%:%')
        .orderBy('port_addresses.ip_address')
        .limit(1)
        .as('subnet_id'),
    ])
    .where('load_balancer_pools.load_balancer_id', '=', loadBalancerId)
    .execute();
}

/** Of the project's routers to the network of the address: the one that it is on, one that has the members, or any. */
async function routerTo(tx: Tx, vip: FloatingIp, addresses: readonly string[]): Promise<string | undefined> {
  const routers = await tx
    .selectFrom('routers')
    .innerJoin('ports as gateway', 'gateway.id', 'routers.gateway_port_id')
    .leftJoin('ports as inside', (join) =>
      join.onRef('inside.device_id', '=', 'routers.id').on('inside.device_owner', '=', 'network:router_interface'),
    )
    .leftJoin('port_addresses', 'port_addresses.port_id', 'inside.id')
    .leftJoin('subnets', 'subnets.id', 'port_addresses.subnet_id')
    .select(['routers.id', 'subnets.cidr'])
    .where('gateway.network_id', '=', vip.networkId)
    .where('routers.project_id', '=', vip.projectId)
    .orderBy('routers.id')
    .execute();
  const near = routers.find(({ cidr }) => {
    const range = cidr === null ? undefined : parseIpv4Cidr(cidr);
    return range && addresses.some((address) => within(range, parseIpv4(address)!));
  });
  const present = routers.find(({ id }) => id === vip.routerId);
  return (near ?? present ?? routers[0])?.id;
}

function within({ first, last }: { first: number; last: number }, address: number): boolean {
  return address >= first && address <= last;
}
