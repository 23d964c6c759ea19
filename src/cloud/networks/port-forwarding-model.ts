import type { PortForwardingsTable } from '../../database/schema/network-extras.ts';

/** Ports of a protocol, the first and the last. */
export interface PortRange {
  first: number;
  last: number;
}

/** Ports of a floating IP that stand for ports of an address inside. */
export interface PortForwarding {
  id: string;
  projectId: string;
  description: string;
  floatingIpId: string;
  protocol: ForwardedProtocol;
  external: PortRange;
  internalPortId: string;
  internalAddress: string;
  /** As many as outside, or one that all of those stand for. */
  internal: PortRange;
  createdAt: number;
  updatedAt: number;
  revision: number;
}

export type ForwardedProtocol = 'tcp' | 'udp';

export function portForwardingOf(row: PortForwardingsTable): PortForwarding {
  return {
    id: row.id,
    projectId: row.project_id,
    description: row.description,
    floatingIpId: row.floating_ip_id,
    protocol: row.protocol as ForwardedProtocol,
    external: { first: row.external_port, last: row.external_port_end },
    internalPortId: row.internal_port_id,
    internalAddress: row.internal_address,
    internal: { first: row.internal_port, last: row.internal_port_end },
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    revision: row.revision,
  };
}

export function overlaps(one: PortRange, other: PortRange): boolean {
  return one.first <= other.last && other.first <= one.last;
}
