import { AgentError, type InsightVerbs } from '../../contract.ts';
import type { SimulatedObjects } from './objects.ts';
import type { SimulatedGuest } from './parts.ts';

interface InsightParts {
  guests: SimulatedObjects<SimulatedGuest>;
  verb<T>(verb: keyof InsightVerbs, args: readonly unknown[], work: () => Promise<T>): Promise<T>;
  known(serverId: string): SimulatedGuest;
}

/** What a simulated host knows of guests that never run: what they were given. Every one of them has an agent. */
export function simulatedInsight({ guests, verb, known }: InsightParts): InsightVerbs {
  return {
    guestDiagnostics: (serverId) =>
      verb('guestDiagnostics', [serverId], async () => {
        const { state, spec } = known(serverId);
        if (!spec || (state !== 'running' && state !== 'paused'))
          throw new AgentError('not_found', `the guest of server ${serverId} does not run`);
        return {
          state,
          uptimeSeconds: 0,
          vcpus: Array.from({ length: spec.vcpus }, (_, id) => ({ id, nanoseconds: 0 })),
          memory: { maximumMb: spec.memoryMb, usedMb: 0 },
          disks: spec.disks.map(({ volumeId, bus }) => ({
            ...{ volumeId, bus, readBytes: 0, readRequests: 0, writtenBytes: 0, writeRequests: 0, errors: 0 },
          })),
          nics: spec.nics.map(({ macAddress, portId }) => ({ macAddress, portId, counters: null })),
        };
      }),
    hasGuestAgent: (serverId) =>
      verb('hasGuestAgent', [serverId], async () => guests.get(serverId)?.state === 'running'),
    setGuestPassword: (serverId, account) =>
      verb('setGuestPassword', [serverId, account], async () => {
        if (known(serverId).state === 'running') return;
        throw new AgentError('unsupported', `no guest agent runs in server ${serverId}`);
      }),
  };
}
