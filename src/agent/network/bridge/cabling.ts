import type { DesiredNetwork, DesiredNetworks, PrefixedAddress } from '../../contract.ts';
import { limiterName } from './bandwidth.ts';
import { isV6 } from './ipv6.ts';
import { bridgeName, type NetworkNames, plugName, routerGateway, routerInterface, tapNames } from './names.ts';
import { type Tunnel, type TunnelSettings, tunnelOf } from './tunnels.ts';

export interface Bridge {
  name: string;
  mtu: number;
}

/** What QEMU plugs a guest's interface into. */
export interface Tap {
  name: string;
  bridge: string;
  mtu: number;
}

/** A pair of virtual Ethernet devices: one end in a bridge, the other one in another namespace. */
export interface Cable {
  /** The end in the bridge. */
  plug: string;
  bridge: string;
  mtu: number;
  end: CableEnd;
}

export interface CableEnd {
  /** Absent for the machine's own. */
  namespace: string | undefined;
  name: string;
  /** Absent where nobody cares. */
  macAddress?: string;
  /** `address/prefix` */
  addresses: string[];
}

/** All devices of a host's networks. */
export interface Cabling {
  bridges: Bridge[];
  taps: Tap[];
  tunnels: Tunnel[];
  cables: Cable[];
  /** Devices through which goes what guests send whose sending is limited. */
  limiters: string[];
  /** Namespaces at which cables end, beside the machine's own. */
  namespaces: string[];
}

/** Where every guest finds its metadata (RFC 3927 addresses never leave a network). */
export const metadataAddress = '169.254.169.254';

export const metadataAddress6 = 'fe80::a9fe:a9fe';

/** Whether the network has anything to do with IPv6. */
export const hasIpv6 = ({ subnets }: DesiredNetwork): boolean => subnets.some(({ cidr }) => isV6(cidr));

/**
 * The devices that the networks need. Pure. `hostLinks` are the external networks that this machine itself is on;
 * without an endpoint there are no tunnels.
 */
export function cablingOf(
  names: NetworkNames,
  desired: DesiredNetworks,
  hostLinks: ReadonlySet<string>,
  endpoint?: TunnelSettings,
): Cabling {
  const networks = new Map(desired.networks.map((network) => [network.networkId, network]));
  const mtuOf = (networkId: string) => networks.get(networkId)?.mtu ?? 1500;
  const plugged = (port: { portId: string; networkId: string }, end: CableEnd): Cable => ({
    plug: plugName(port.portId),
    bridge: bridgeName(port.networkId),
    mtu: mtuOf(port.networkId),
    end,
  });
  const services = desired.networks.flatMap((network) => {
    const { service, networkId } = network;
    return service ? [plugged({ ...service, networkId }, serviceEnd(names, network, service))] : [];
  });
  const routers = desired.routers.flatMap((router) => {
    const { routerId, interfaces, gateway, floatingIps, forwardings = [], balancers = [] } = router;
    const namespace = names.routerNamespace(routerId);
    const inside = interfaces.map((port) => {
      const { macAddress, addresses } = port;
      return plugged(port, {
        namespace,
        name: routerInterface(port.portId),
        macAddress,
        addresses: addresses.map(text),
      });
    });
    if (!gateway) return inside;
    // A floating IP is one more address of the gateway: so somebody answers who asks for it.
    const floating = new Set([...floatingIps, ...forwardings, ...balancers].map(({ address }) => `${address}/32`));
    const addresses = [...gateway.addresses.map(text), ...floating];
    const { macAddress, portId } = gateway;
    return [...inside, plugged(gateway, { namespace, name: routerGateway(portId), macAddress, addresses })];
  });
  const hosts = desired.networks
    .filter(({ networkId }) => hostLinks.has(networkId))
    .map((network) => hostCable(names, network));
  const cables = [...services, ...routers, ...hosts];
  return {
    bridges: desired.networks.map(({ networkId, mtu }) => ({ name: bridgeName(networkId), mtu })),
    taps: desired.ports.flatMap((port) =>
      tapNames(port).map((name) => ({ name, bridge: bridgeName(port.networkId), mtu: mtuOf(port.networkId) })),
    ),
    tunnels: desired.networks.flatMap((network) => (endpoint && tunnelOf(network, endpoint)) ?? []),
    cables,
    limiters: desired.ports.flatMap(({ portId, bandwidth }) => (bandwidth?.egress ? [limiterName(portId)] : [])),
    namespaces: [...new Set(cables.flatMap(({ end }) => end.namespace ?? []))],
  };
}

function serviceEnd(
  names: NetworkNames,
  network: DesiredNetwork,
  { macAddress }: NonNullable<DesiredNetwork['service']>,
): CableEnd {
  const served = network.subnets.flatMap(({ dhcp, cidr }) => (dhcp ? [`${dhcp.address}/${prefixOf(cidr)}`] : []));
  const addresses = [...served, `${metadataAddress}/32`, ...(hasIpv6(network) ? [`${metadataAddress6}/64`] : [])];
  return { namespace: names.serviceNamespace(network.networkId), name: serviceInterface, macAddress, addresses };
}

/** The only device of a service's namespace. */
export const serviceInterface = 'eth0';

/** This machine is the gateway of an external network that nobody else is connected to. */
function hostCable(names: NetworkNames, { networkId, mtu, subnets }: DesiredNetwork): Cable {
  const name = names.hostLink(networkId);
  const addresses = subnets.flatMap(({ gateway, cidr }) =>
    gateway && !isV6(gateway) ? [`${gateway}/${prefixOf(cidr)}`] : [],
  );
  return {
    plug: plugName(networkId),
    bridge: bridgeName(networkId),
    mtu,
    end: { namespace: undefined, name, addresses },
  };
}

function text({ address, prefix }: PrefixedAddress): string {
  return `${address}/${prefix}`;
}

function prefixOf(cidr: string): string {
  return cidr.slice(cidr.indexOf('/') + 1);
}
