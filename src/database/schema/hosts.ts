/** Where servers run, and what sizes they come in. */
import type { Flag, Json, Micros } from './columns.ts';

export interface ZonesTable {
  id: string;
  name: string;
  description: string | null;
  is_default: Flag;
  enabled: Flag;
  created_at: Micros;
  updated_at: Micros;
}

export interface ClustersTable {
  id: string;
  zone_id: string;
  name: string;
  description: string | null;
  enabled: Flag;
  hypervisor_type: string;
  architecture: string;
  created_at: Micros;
  updated_at: Micros;
}

export interface HostsTable {
  id: string;
  name: string;
  zone_id: string;
  cluster_id: string;
  state: 'enabled' | 'disabled' | 'maintenance';
  status: 'connecting' | 'connected' | 'disconnected';
  management_address: string;
  hypervisor_type: string;
  hypervisor_version: number;
  accelerator: string;
  architecture: string;
  vcpus: number;
  memory_mb: number;
  disk_gb: number;
  reserved_memory_mb: number;
  /** How much more than it has may be given away. */
  cpu_ratio: number;
  memory_ratio: number;
  disk_ratio: number;
  /** Why an operator disabled it. */
  disabled_reason: string | null;
  /** An operator says that it is down, whatever its agent answers. */
  forced_down: Flag;
  created_at: Micros;
  updated_at: Micros;
}

/** A host on another machine, and how one logs in there by SSH. */
export interface FarHostsTable {
  host_id: string;
  address: string;
  port: number;
  username: string;
  password: string;
  /** What its machine has to know: another machine does not. */
  machine_key: string;
  /** `ssh-ed25519 AAAA…`; null before the first connection. */
  host_key: string | null;
  /** What its agent said of it last (`HostDescription`). */
  description: Json | null;
  /** It was taken out of the cloud: 1 until it has given up everything, 2 while only its agent is there still. */
  leaving: 0 | 1 | 2;
  /** Its machine will never answer again, an administrator has said. */
  gone: Flag;
  /** It may have been told who it is, so that something of the host is there. */
  begun: Flag;
  created_at: Micros;
}

/** A process of the control plane that has a connection to a host on another machine. */
export interface FarHostLinesTable {
  host_id: string;
  /** Made up by the process when it starts. */
  process: string;
  /** When it counts as gone, unless it says again that it is there. */
  until: Micros;
}

/** What one resource has instead of a setting of the whole cloud. */
export interface ResourceSettingsTable {
  id: string;
  resource_id: string;
  resource_type: 'server' | 'host' | 'cluster' | 'zone';
  setting: string;
  value: number;
  created_at: Micros;
  updated_at: Micros;
}

/** What administrators call a host, and the storage that its disk is, beside the name by which the cloud knows it. */
export interface HostNotesTable {
  host_id: string;
  name: string | null;
  description: string | null;
  storage_name: string | null;
  storage_description: string | null;
}

/** A host that was taken out of the cloud. It does not come back by itself. */
export interface RemovedHostsTable {
  name: string;
  host_id: string;
  removed_at: Micros;
}

/** A machine on which a process of the control plane is, or was. */
export interface ControlPlanesTable {
  name: string;
  created_at: Micros;
  /** When it last said so. */
  seen_at: Micros;
}

/** A group of hosts, as operators see it. */
export interface AggregatesTable {
  id: string;
  /** Counts up: what Nova's clients know it by. */
  number: number;
  name: string;
  metadata: Json;
  created_at: Micros;
  updated_at: Micros | null;
}

export interface AggregateHostsTable {
  aggregate_id: string;
  host_id: string;
  /** The zone that it goes back to, where this aggregate brought it into another one. */
  previous_zone_id: string | null;
}

/** The projects that may use a private flavor. */
export interface FlavorProjectsTable {
  flavor_id: string;
  project_id: string;
}

/** What a server holds of a host. While a resize waits for its confirmation the server holds both sizes. */
export interface AllocationsTable {
  server_id: string;
  purpose: 'current' | 'previous';
  host_id: string;
  vcpus: number;
  memory_mb: number;
  /** Of the host's own disk. */
  disk_gb: number;
  /** The storage in which its root disk lies, and what it holds there; null where that is on the host's own disk. */
  storage_id: string | null;
  storage_gb: number;
}

export interface FlavorsTable {
  /** Free text, as OpenStack's clients know it. */
  id: string;
  /** 32 hex digits, as ZStack's clients know it. */
  uuid: string;
  name: string;
  description: string | null;
  vcpus: number;
  memory_mb: number;
  disk_gb: number;
  ephemeral_gb: number;
  swap_mb: number;
  rxtx_factor: number;
  is_public: Flag;
  enabled: Flag;
  extra_specs: Json;
  created_at: Micros;
  updated_at: Micros;
}
