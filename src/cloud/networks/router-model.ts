import type { FloatingIpsTable, RoutersTable } from '../../database/schema.ts';
import type { FixedIp, HostRoute } from './model.ts';

export interface RouterGateway {
  networkId: string;
  portId: string;
  /** Whether connections to the outside take the gateway's address. */
  enableSnat: boolean;
  fixedIps: FixedIp[];
}

export interface Router {
  id: string;
  projectId: string;
  name: string;
  description: string;
  adminStateUp: boolean;
  status: string;
  gateway: RouterGateway | null;
  routes: HostRoute[];
  createdAt: number;
  updatedAt: number;
  revision: number;
}

export interface FloatingIp {
  id: string;
  projectId: string;
  description: string;
  /** The external network that the address is of. */
  networkId: string;
  address: string;
  floatingPortId: string;
  /** What it stands for; null while it is free. */
  portId: string | null;
  fixedAddress: string | null;
  routerId: string | null;
  status: 'ACTIVE' | 'DOWN';
  dnsName: string;
  dnsDomain: string;
  createdAt: number;
  updatedAt: number;
  revision: number;
}

/** The port that a floating IP stands for, as those see it whose floating IP it is. */
export interface AssociatedPort {
  name: string;
  networkId: string;
  macAddress: string;
  adminStateUp: boolean;
  status: string;
  deviceId: string;
  deviceOwner: string;
}

export interface FloatingIpWithPort extends FloatingIp {
  port: AssociatedPort | null;
}

export function routerOf(row: RoutersTable, gateway: Omit<RouterGateway, 'enableSnat'> | undefined): Router {
  return {
    id: row.id,
    projectId: row.project_id,
    name: row.name,
    description: row.description,
    adminStateUp: row.admin_state_up === 1,
    status: row.status,
    gateway: gateway ? { ...gateway, enableSnat: row.enable_snat === 1 } : null,
    routes: JSON.parse(row.routes) as HostRoute[],
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    revision: row.revision,
  };
}

export function floatingIpOf(row: FloatingIpsTable): FloatingIp {
  return {
    id: row.id,
    projectId: row.project_id,
    description: row.description,
    networkId: row.network_id,
    address: row.ip_address,
    floatingPortId: row.floating_port_id,
    portId: row.port_id,
    fixedAddress: row.fixed_ip_address,
    routerId: row.router_id,
    status: row.router_id === null ? 'DOWN' : 'ACTIVE',
    dnsName: row.dns_name,
    dnsDomain: row.dns_domain,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    revision: row.revision,
  };
}

/** What of a port stands beside the floating IP that leads to it; all null where it leads nowhere. */
interface PortColumns {
  portName: string | null;
  portNetworkId: string | null;
  portMacAddress: string | null;
  portAdminStateUp: number | null;
  portStatus: string | null;
  portDeviceId: string | null;
  portDeviceOwner: string | null;
}

export function floatingIpWithPort(row: FloatingIpsTable & PortColumns): FloatingIpWithPort {
  const floatingIp = floatingIpOf(row);
  if (row.portNetworkId === null) return { ...floatingIp, port: null };
  const port: AssociatedPort = {
    name: row.portName ?? '',
    networkId: row.portNetworkId,
    macAddress: row.portMacAddress ?? '',
    adminStateUp: row.portAdminStateUp === 1,
    status: row.portStatus ?? '',
    deviceId: row.portDeviceId ?? '',
    deviceOwner: row.portDeviceOwner ?? '',
  };
  return { ...floatingIp, port };
}
