import type { Cloud } from '../../../cloud/cloud.ts';
import type { ControlPlane } from '../../../cloud/control-planes/control-planes.ts';
import { derivedId } from '../common/derived-id.ts';
import { isoMicros } from '../common/time.ts';
import { hostIdView } from './hosts-view.ts';

/** Where Nova has services that are no places for servers. */
export const internalZone = 'internal';

/** What of Nova each process of the control plane does besides answering requests. */
const binaries = ['nova-scheduler', 'nova-conductor'];

/** A service of Nova's that is no host's agent. */
export interface ControlService {
  id: string;
  binary: string;
  on: ControlPlane;
}

/** What Nova has processes for, and the control plane does itself. */
export async function controlServices({ controlPlanes }: Pick<Cloud, 'controlPlanes'>): Promise<ControlService[]> {
  return (await controlPlanes.list()).flatMap((on) =>
    binaries.map((binary) => ({ id: derivedId(`${binary} of ${on.name}`), binary, on })),
  );
}

export function findControlService(services: readonly ControlService[], id: string, minor: number) {
  return services.find((service) => String(hostIdView(service, minor)) === id);
}

export function controlServiceView(service: ControlService, minor: number) {
  return {
    id: hostIdView(service, minor),
    binary: service.binary,
    host: service.on.name,
    zone: internalZone,
    status: 'enabled',
    state: service.on.isUp ? 'up' : 'down',
    updated_at: isoMicros(service.on.seenAt),
    disabled_reason: null,
    ...(minor >= 11 ? { forced_down: false } : {}),
  };
}
