import { statement } from '../../../database/statement.ts';

/** A host that gives the guests that it has on a network their addresses. */
export interface ServedNetwork {
  networkId: string;
  hostId: string | null;
}

/** Where networks with DHCP have guests: each host serves its own. */
export const servedNetworks = statement<Record<never, never>, ServedNetwork>((q) =>
  q
    .selectFrom('ports')
    .innerJoin('subnets', 'subnets.network_id', 'ports.network_id')
    .select(['ports.network_id as networkId', 'ports.host_id as hostId'])
    .distinct()
    .where('ports.host_id', 'is not', null)
    .where('ports.device_id', '<>', '')
    .where('subnets.enable_dhcp', '=', 1)
    .orderBy('ports.network_id')
    .orderBy('ports.host_id'),
);
