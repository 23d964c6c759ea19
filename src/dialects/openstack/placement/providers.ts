import { createHash } from 'node:crypto';
import type { Call } from '../../../api/operation.ts';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { Allocation, Host } from '../../../cloud/hosts/model.ts';
import type { HostUsage } from '../../../cloud/hosts/scheduler.ts';
import { withDashes } from '../../../env/env.ts';
import {
  type Inventory,
  inventoriesOf,
  inventory,
  type ResourceClass,
  type Resources,
  resourcesOf,
  together,
  traitsOf,
  usagesOf,
} from './resources.ts';
import { since } from './versions.ts';

/** What resources are of: a host, or as a child of that its part of a storage that was added. */
export interface Provider {
  id: string;
  name: string;
  host: Host;
  /** Null for the host itself. */
  storageId: string | null;
  inventories: Partial<Record<ResourceClass, Inventory>>;
  usages: Resources;
  traits: string[];
}

/** A host, and its parts of storages. One that takes nothing now has all of it reserved. */
export function providersOf({ host, used, storages }: HostUsage): Provider[] {
  const whole = { storageId: null, inventories: inventoriesOf(host), usages: usagesOf(used), traits: traitsOf(host) };
  const parts = storages.map(({ storageId, state, status, totalGb, usedGb }): Provider => {
    const isClosed = state !== 'enabled' || status !== 'connected';
    return {
      id: partId(host.id, storageId),
      name: `${host.name}_${withDashes(storageId)}`,
      ...{ host, storageId },
      inventories: { DISK_GB: inventory(totalGb, isClosed ? totalGb : 0, host.diskRatio) },
      usages: { DISK_GB: usedGb },
      traits: [],
    };
  });
  return [{ id: host.id, name: host.name, host, ...whole }, ...parts];
}

/** Of every host. */
export async function allProviders(cloud: Cloud): Promise<Provider[]> {
  return (await cloud.hosts.usage()).flatMap(providersOf);
}

/** The id under which a host's part of a storage is known here. */
function partId(hostId: string, storageId: string): string {
  return createHash('sha256').update(`${hostId}/${storageId}`).digest('hex').slice(0, 32);
}

/** Where it stands in its tree, as far as the microversion tells. */
export function treeOf({ host, storageId }: Provider, context: Call['context'], minor: number) {
  if (!since(context, minor)) return {};
  const root = withDashes(host.id);
  return { parent_provider_uuid: storageId === null ? null : root, root_provider_uuid: root };
}

/** What can be given away of it altogether. */
export function capacityIn({ total, reserved, allocation_ratio }: Inventory): number {
  return Math.floor((total - reserved) * allocation_ratio);
}

/** Whether it has all of this, and room for it. */
export function hasRoomFor({ inventories, usages }: Provider, wanted: Resources): boolean {
  return (Object.entries(wanted) as Array<[ResourceClass, number]>).every(([name, amount]) => {
    const there = inventories[name];
    return there && amount <= there.max_unit && (usages[name] ?? 0) + amount <= capacityIn(there);
  });
}

/** What allocations hold together, of each provider of which they hold something. */
export function heldOf(some: readonly Allocation[]): Map<string, Resources> {
  const held = new Map<string, Resources>();
  for (const { hostId, vcpus, memoryMb, diskGb, storageId, storageGb } of some) {
    add(held, hostId, resourcesOf({ vcpus, memoryMb, diskGb }));
    if (storageId !== null) add(held, partId(hostId, storageId), { DISK_GB: storageGb });
  }
  return held;
}

function add(held: Map<string, Resources>, id: string, more: Resources): void {
  held.set(id, together([held.get(id) ?? {}, more]));
}
