import { CloudError } from '../errors.ts';

/** What the storage of the hosts says of itself: what volume types may ask for. */
export const backend = {
  volume_backend_name: 'local',
  storage_protocol: 'file',
  vendor_name: 'Unkai',
  driver_version: '1.0',
  QoS_support: false,
  multiattach: true,
  thin_provisioning_support: true,
  thick_provisioning_support: false,
  sparse_copy_volume: true,
  online_extend_support: true,
  backend_state: 'up',
  location_info: 'local',
} as const;

const capabilities: Record<string, unknown> = backend;

/**
 * Why no storage can be what the extra specs ask for; undefined when one can. Keys with a scope other than
 * `capabilities:` are for drivers and mean nothing to the choice (as Cinder's capabilities filter has it).
 */
export function unmetSpec(extraSpecs: Record<string, string>): string | undefined {
  for (const [key, wanted] of Object.entries(extraSpecs)) {
    const [scope, name] = key.includes(':') ? key.split(':', 2) : ['capabilities', key];
    if (scope !== 'capabilities') continue;
    if (!isMet(String(capabilities[name!] ?? ''), wanted.trim())) return `${name} '${wanted}'`;
  }
  return undefined;
}

const comparisons: Record<string, (has: string, wants: string) => boolean> = {
  's==': (has, wants) => has === wants,
  's!=': (has, wants) => has !== wants,
  '==': (has, wants) => Number(has) === Number(wants),
  '!=': (has, wants) => Number(has) !== Number(wants),
  '>=': (has, wants) => Number(has) >= Number(wants),
  '<=': (has, wants) => Number(has) <= Number(wants),
  '=': (has, wants) => Number(has) >= Number(wants),
  '<in>': (has, wants) => has.includes(wants),
  '<is>': (has, wants) => has.toLowerCase() === wants.toLowerCase(),
};

function isMet(has: string, wanted: string): boolean {
  const [operator = '', ...rest] = wanted.split(/\s+/);
  if (operator === '<or>') {
    return rest
      .join(' ')
      .split('<or>')
      .some((one) => one.trim() === has);
  }
  const compare = comparisons[operator];
  return compare ? compare(has, rest.join(' ')) : has.toLowerCase() === wanted.toLowerCase();
}

/** Whether several servers may have a volume of the type at the same time: Cinder's words for it. */
export function isMultiattach(extraSpecs: Record<string, string>): boolean {
  return /^<is>\s+true$/i.test(extraSpecs['multiattach']?.trim() ?? '');
}

/** Refuses a type that no storage here can be. */
export function requireBackend(type: { name: string; extraSpecs: Record<string, string>; encryption?: unknown }): void {
  if (type.encryption) {
    throw new CloudError(
      'no_valid_host',
      `No storage can encrypt volumes, as the volume type ${type.name} says it must.`,
      {
        reason: 'no_backend',
      },
    );
  }
  const unmet = unmetSpec(type.extraSpecs);
  if (unmet === undefined) return;
  throw new CloudError('no_valid_host', `No storage has ${unmet}, as the volume type ${type.name} says it must.`, {
    reason: 'no_backend',
  });
}
