/** Load balancers, in the terms of OpenStack's Octavia. */
import type { Json, Micros } from './columns.ts';

export interface LoadBalancersTable {
  id: string;
  project_id: string;
  name: string;
  description: string | null;
  /** The address outside; it has no other load balancer. */
  floating_ip_id: string;
  created_at: Micros;
  updated_at: Micros;
}

export interface LoadBalancerListenersTable {
  id: string;
  project_id: string;
  load_balancer_id: string;
  name: string;
  description: string | null;
  /** 'tcp', 'http' or 'https' */
  protocol: string;
  /** Outside; with the load balancer's address it is nobody else's. */
  port: number;
  /** Where its members are served. */
  member_port: number;
  /** How connections are given to members: `ListenerSettings`. */
  settings: Json;
  /** The pool that is its own: members that are added to the listener itself are in it. */
  own_pool_id: string | null;
  certificate_id: string | null;
  /** When it got the certificate. */
  certified_at: Micros | null;
  created_at: Micros;
  updated_at: Micros;
}

export interface LoadBalancerPoolsTable {
  id: string;
  project_id: string;
  load_balancer_id: string;
  name: string;
  description: string | null;
  created_at: Micros;
  updated_at: Micros;
}

/** Listeners and the pools whose members they give connections to. */
export interface LoadBalancerListenerPoolsTable {
  listener_id: string;
  pool_id: string;
  created_at: Micros;
}

export interface LoadBalancerMembersTable {
  id: string;
  project_id: string;
  pool_id: string;
  /** The interface of a server; null where only an address is known. */
  port_id: string | null;
  /** Null where it is the interface's first one. */
  ip_address: string | null;
  weight: number;
  created_at: Micros;
  updated_at: Micros;
}

export interface CertificatesTable {
  id: string;
  project_id: string;
  name: string;
  description: string | null;
  /** The certificate and those that vouch for it, in PEM. */
  chain: string;
  /** In PEM, sealed. */
  private_key: string;
  created_at: Micros;
  updated_at: Micros;
}
