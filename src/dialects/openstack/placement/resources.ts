import { CloudError } from '../../../cloud/errors.ts';
import type { Amounts, Host } from '../../../cloud/hosts/model.ts';

/** The classes of resources that hosts have, and what the engine calls them. */
export const resourceClasses = { VCPU: 'vcpus', MEMORY_MB: 'memoryMb', DISK_GB: 'diskGb' } as const;
export type ResourceClass = keyof typeof resourceClasses;
export type Resources = Partial<Record<ResourceClass, number>>;

export function isResourceClass(name: string): name is ResourceClass {
  return Object.hasOwn(resourceClasses, name);
}

const names = Object.keys(resourceClasses) as ResourceClass[];

/** The amounts by Placement's names; what is nothing is left out. */
export function resourcesOf(amounts: Amounts): Resources {
  return Object.fromEntries(names.map((name) => [name, amounts[resourceClasses[name]]]).filter(([, count]) => count));
}

export function usagesOf(amounts: Amounts): Record<ResourceClass, number> {
  const all = names.map((name) => [name, amounts[resourceClasses[name]]]);
  return Object.fromEntries(all) as Record<ResourceClass, number>;
}

export interface Inventory {
  total: number;
  reserved: number;
  min_unit: number;
  max_unit: number;
  step_size: number;
  allocation_ratio: number;
}

/** @param reserved what of it is not given away */
export function inventory(total: number, reserved: number, ratio: number): Inventory {
  return { total, reserved, min_unit: 1, max_unit: total, step_size: 1, allocation_ratio: ratio };
}

/** What a host has of each resource, as it says itself. */
export function inventoriesOf(host: Host): Record<ResourceClass, Inventory> {
  return {
    VCPU: inventory(host.vcpus, 0, host.cpuRatio),
    MEMORY_MB: inventory(host.memoryMb, host.reservedMemoryMb, host.memoryRatio),
    DISK_GB: inventory(host.diskGb, 0, host.diskRatio),
  };
}

/** What is true of every host, and of this one. */
export function traitsOf(host: Host): string[] {
  const disabled = host.state === 'enabled' && !host.forcedDown ? [] : ['COMPUTE_STATUS_DISABLED'];
  return [...commonTraits, ...(host.architecture === 'x86_64' ? ['HW_ARCH_X86_64'] : []), ...disabled].sort();
}

const commonTraits = [
  'COMPUTE_IMAGE_TYPE_ISO',
  'COMPUTE_IMAGE_TYPE_QCOW2',
  'COMPUTE_IMAGE_TYPE_RAW',
  'COMPUTE_NODE',
  'COMPUTE_RESCUE_BFV',
  'COMPUTE_VOLUME_EXTEND',
];

export const knownTraits = [...commonTraits, 'COMPUTE_STATUS_DISABLED', 'HW_ARCH_X86_64'].sort();

/** Reads `VCPU:1,MEMORY_MB:512`. Throws `invalid`. */
export function readResources(text: string): Resources {
  const wanted: Resources = {};
  for (const part of text.split(',')) {
    const [, name, amount] = /^([A-Z0-9_]+):(\d{1,15})$/.exec(part) ?? [];
    if (!name || Number(amount) < 1) {
      throw new CloudError(
        'invalid',
        `Badly formed resources parameter. Expected name1:value1,name2:value2. Got: ${text}`,
      );
    }
    if (!isResourceClass(name)) {
      throw new CloudError('invalid', `Invalid resource class in resources parameter: No such resource class ${name}.`);
    }
    wanted[name] = (wanted[name] ?? 0) + Number(amount);
  }
  return wanted;
}

/** Several amounts as one. */
export function together(groups: readonly Resources[]): Resources {
  const sum: Resources = {};
  for (const group of groups) {
    for (const name of Object.keys(group) as Array<keyof Resources>) sum[name] = (sum[name] ?? 0) + group[name]!;
  }
  return sum;
}
