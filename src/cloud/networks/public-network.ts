import type { Tx } from '../../database/database.ts';
import type { CloudCore } from '../core.ts';
import { formatIpv4, hostRange, parseIpv4Cidr } from './addresses.ts';
import { isFirstTime } from './default-network.ts';
import type { NetworkRegistry } from './network-registry.ts';
import { operator } from './operator.ts';
import type { RouterInterfaces } from './router-interfaces.ts';
import type { Routers } from './routers.ts';
import type { Subnets } from './subnets.ts';

const settingsKey = 'public_network';

/**
 * Makes the external network `public` of what a host offers, and the router `default` between it and the default
 * network, so that floating IPs work from the start. Once only, as the default network.
 */
export async function ensurePublicNetwork(
  core: Pick<CloudCore, 'env'>,
  tx: Tx,
  services: { networks: NetworkRegistry; subnets: Subnets; routers: Routers; routerInterfaces: RouterInterfaces },
  adminProjectId: string,
  { cidr, gateway }: { cidr: string; gateway: string },
): Promise<void> {
  if (!(await isFirstTime(core, tx, settingsKey))) return;
  const subject = operator(adminProjectId);
  const network = await services.networks.createIn(tx, subject, { name: 'public', external: true });
  const { first, last } = hostRange(parseIpv4Cidr(cidr)!);
  await services.subnets.createIn(tx, subject, {
    networkId: network.id,
    name: 'public',
    ipVersion: 4,
    cidr,
    gatewayIp: gateway,
    enableDhcp: false,
    // The first addresses are kept for the machines around.
    allocationPools: [{ start: formatIpv4(first + 9), end: formatIpv4(last) }],
  });
  const router = await services.routers.createIn(tx, subject, { name: 'default', gateway: { networkId: network.id } });
  const inside = await tx
    .selectFrom('subnets')
    .innerJoin('networks', 'networks.id', 'subnets.network_id')
    .select('subnets.id')
    .where('networks.is_default', '=', 1)
    .where('subnets.gateway_ip', 'is not', null)
    .orderBy('subnets.created_at')
    .executeTakeFirst();
  if (inside) await services.routerInterfaces.addIn(tx, subject, router.id, { subnetId: inside.id });
}
