import type { Host } from '../../../cloud/hosts/model.ts';
import type { Zone } from '../../../cloud/zones/zones.ts';
import { withDashes } from '../../../env/env.ts';
import { isoMicros } from '../common/time.ts';

/** Numbered before 2.53, with UUIDs from then on. */
export function hostIdView({ id }: Pick<Host, 'id'>, minor: number): number | string {
  return minor >= 53 ? withDashes(id) : hostNumber(id);
}

/** Clients want a number; nothing else depends on which one it is. */
function hostNumber(id: string): number {
  return Number.parseInt(id.slice(0, 7), 16);
}

export function findHost(hosts: readonly Host[], id: string, minor: number): Host | undefined {
  return hosts.find((host) => String(hostIdView(host, minor)) === id);
}

export function isUp(host: Host): boolean {
  return host.status === 'connected' && !host.forcedDown;
}

/** The one service that a host has in Nova's eyes. */
export const computeBinary = 'nova-compute';

export function serviceView(host: Host, zones: readonly Zone[], minor: number) {
  return {
    id: hostIdView(host, minor),
    binary: computeBinary,
    host: host.name,
    zone: zones.find(({ id }) => id === host.zoneId)?.name ?? '',
    status: host.state === 'enabled' ? 'enabled' : 'disabled',
    state: isUp(host) ? 'up' : 'down',
    updated_at: isoMicros(host.updatedAt),
    disabled_reason: host.disabledReason ?? (host.state === 'maintenance' ? 'maintenance' : null),
    ...(minor >= 11 ? { forced_down: host.forcedDown } : {}),
  };
}
