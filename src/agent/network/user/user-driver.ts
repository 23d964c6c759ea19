import type { GuestNic } from '../../contract.ts';
import type { Netdev, NetworkDriver } from '../network-driver.ts';
import { userNetwork } from './user-network.ts';

/**
 * Networks without privileges: each interface has QEMU's user-mode network (slirp) to itself, in which it gets exactly
 * its port's address. Guests reach what this host reaches, and nobody reaches them; so there is nothing for security
 * groups, routers or floating IPs to act on, and the host says that it has no external network.
 */
export function userNetworkDriver(reason?: string): NetworkDriver {
  return {
    networking: { driver: 'user', ...(reason === undefined ? {} : { reason }) },
    netdev,
    // slirp itself never carries more than this.
    largestMtu: 1500,
    prepareGuest: async () => [],
    removePorts: async () => {},
    apply: async () => {},
    serveMetadata: () => () => {},
    inventory: async () => [],
    close: async () => {},
  };
}

/** For an interface of IPv6 alone, which these networks don't carry: slirp wants one family, and lets nothing out. */
const lonely: Netdev = { type: 'user', ipv4: false, ipv6: true, restrict: true };

function netdev(nic: GuestNic): Netdev {
  if (!nic.subnet) return lonely;
  const { net, host, dhcpStart, dns, restricted } = userNetwork(nic.subnet);
  return { type: 'user', net, host, dhcpstart: dhcpStart, dns, ipv6: false, restrict: restricted };
}
