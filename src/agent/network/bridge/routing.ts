import type { DesiredNetwork, DesiredRouter } from '../../contract.ts';
import { metadataAddress, serviceInterface } from './cabling.ts';
import type { Route } from './commands.ts';
import { isV6 } from './ipv6.ts';
import { routerGateway } from './names.ts';

/** A route of a namespace, beside those that follow from its addresses. */
export interface WantedRoute {
  /** A network; `default` for all of IPv4. */
  destination: string;
  via?: string;
  device?: string;
}

/** From the namespace of a network's services: to subnets on which it has no address of its own, and to the outside. */
export function serviceRoutes({ subnets }: DesiredNetwork): WantedRoute[] {
  const direct = subnets
    .filter(({ dhcp, cidr }) => !dhcp && !isV6(cidr))
    .map(({ cidr }) => ({ destination: cidr, device: serviceInterface }));
  const gateways = subnets.flatMap(({ gateway }) => gateway ?? []);
  const out = [gateways.find((gateway) => !isV6(gateway)), gateways.find(isV6)].filter((one) => one !== undefined);
  return [...direct, ...out.map((via) => ({ destination: everywhere(via), via, device: serviceInterface }))];
}

export function routerRoutes({ gateway, routes }: DesiredRouter): WantedRoute[] {
  const extra = routes.map(({ destination, nexthop }) => ({ destination, via: nexthop }));
  if (!gateway) return extra;
  const device = routerGateway(gateway.portId);
  const out = [gateway.nexthop, gateway.nexthop6].filter((one) => one !== undefined);
  return [...extra, ...out.map((via) => ({ destination: everywhere(via), via, device }))];
}

function everywhere(via: string): string {
  return isV6(via) ? '::/0' : 'default';
}

/** Makes the routes so that the cloud set; those that the kernel sets by itself are not among the present ones. */
export function routeLines(wanted: readonly WantedRoute[], present: readonly Route[]): string[] {
  const isSame = (route: WantedRoute, other: Route) =>
    plain(route.destination) === plain(other.dst) && route.via === other.gateway;
  return [
    ...present
      .filter((route) => !wanted.some((one) => isSame(one, route)))
      .map(({ dst, gateway }) => `route del ${dst}${gateway ? ` via ${gateway}` : ''} proto static`),
    ...wanted.filter((one) => !present.some((route) => isSame(one, route))).map(routeLine),
  ];
}

function routeLine({ destination, via, device }: WantedRoute): string {
  const source = via === undefined ? ` src ${metadataAddress} scope link` : '';
  const through = `${via === undefined ? '' : ` via ${via}`}${device === undefined ? '' : ` dev ${device}`}`;
  return `route replace ${destination}${through} proto static${source}${via && device ? ' onlink' : ''}`;
}

/** `ip` leaves out the length of a single address. */
function plain(destination: string): string {
  return destination.replace(isV6(destination) ? /\/128$/ : /\/32$/, '');
}
