import type { HostDescription } from '../../agent/contract.ts';
import type { HostsTable } from '../../database/schema.ts';

/** A hypervisor host as the control plane knows it. */
export interface Host {
  id: string;
  name: string;
  zoneId: string;
  clusterId: string;
  state: 'enabled' | 'disabled' | 'maintenance';
  status: 'connecting' | 'connected' | 'disconnected';
  managementAddress: string;
  hypervisorType: string;
  hypervisorVersion: number;
  accelerator: string;
  architecture: string;
  vcpus: number;
  memoryMb: number;
  diskGb: number;
  reservedMemoryMb: number;
  cpuRatio: number;
  memoryRatio: number;
  diskRatio: number;
  disabledReason: string | null;
  /** An operator says that it is down, whatever its agent answers. */
  forcedDown: boolean;
  createdAt: number;
  updatedAt: number;
}

export function hostFromRow(row: HostsTable): Host {
  return {
    id: row.id,
    name: row.name,
    zoneId: row.zone_id,
    clusterId: row.cluster_id,
    state: row.state,
    status: row.status,
    managementAddress: row.management_address,
    hypervisorType: row.hypervisor_type,
    hypervisorVersion: row.hypervisor_version,
    accelerator: row.accelerator,
    architecture: row.architecture,
    vcpus: row.vcpus,
    memoryMb: row.memory_mb,
    diskGb: row.disk_gb,
    reservedMemoryMb: row.reserved_memory_mb,
    cpuRatio: row.cpu_ratio,
    memoryRatio: row.memory_ratio,
    diskRatio: row.disk_ratio,
    disabledReason: row.disabled_reason,
    forcedDown: row.forced_down === 1,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

/** What the row of a host that answers says of what it is. */
export function describedColumns(facts: HostDescription) {
  return {
    status: 'connected' as const,
    hypervisor_type: facts.hypervisorType,
    hypervisor_version: facts.hypervisorVersion,
    accelerator: facts.accelerator,
    architecture: facts.architecture,
    vcpus: facts.vcpus,
    memory_mb: facts.memoryMb,
    disk_gb: facts.diskGb,
  };
}

/** What a machine needs for itself, MiB. */
export function reservedMemory({ memoryMb }: { memoryMb: number }): number {
  return Math.min(512, Math.floor(memoryMb / 8));
}

/** Whether the host is there, as far as anybody knows. */
export function isUp({ status, forcedDown }: Host): boolean {
  return status === 'connected' && !forcedDown;
}

/** What servers take, or hold, of a host. */
export interface Amounts {
  vcpus: number;
  memoryMb: number;
  diskGb: number;
}

/** What a server holds of a host. */
export interface Allocation extends Amounts {
  serverId: string;
  hostId: string;
  projectId: string;
  userId: string;
  /** The storage in which its root disk lies, and what it holds there; null where that is part of `diskGb`. */
  storageId: string | null;
  storageGb: number;
}

/** How much of each resource a host gives away at the most. */
export function capacityOf(host: Host): Amounts {
  return {
    vcpus: Math.floor(host.vcpus * host.cpuRatio),
    memoryMb: Math.floor((host.memoryMb - host.reservedMemoryMb) * host.memoryRatio),
    diskGb: Math.floor(host.diskGb * host.diskRatio),
  };
}
