import { AgentError, type NicVerbs } from '../../contract.ts';
import { withNic, withoutNic } from '../../network/nic-list.ts';
import type { SimulatedObjects } from './objects.ts';
import type { SimulatedGuest } from './parts.ts';

interface NicParts {
  guests: SimulatedObjects<SimulatedGuest>;
  verb<T>(verb: keyof NicVerbs, args: readonly unknown[], work: () => Promise<T>): Promise<T>;
}

/** How a simulated host changes the interfaces of guests: with the refusals of a real one. */
export function simulatedNics({ guests, verb }: NicParts): NicVerbs {
  const refuse = (serverId: string, state: string) =>
    new AgentError('in_use', `the guest of server ${serverId} is ${state}: its interfaces can't change`, {
      retryable: false,
    });
  return {
    attachNic: (serverId, nic) =>
      verb('attachNic', [serverId, nic], async () => {
        const guest = guests.get(serverId);
        if (!guest?.spec) return;
        const isThere = guest.spec.nics.some(({ portId }) => portId === nic.portId);
        if (!isThere && guest.state === 'suspended') throw refuse(serverId, guest.state);
        guests.set(serverId, { ...guest, spec: { ...guest.spec, nics: withNic(guest.spec.nics, nic) } });
      }),
    detachNic: (serverId, portId) =>
      verb('detachNic', [serverId, portId], async () => {
        const guest = guests.get(serverId);
        if (!guest?.spec?.nics.some((nic) => nic.portId === portId)) return;
        if (guest.state === 'paused' || guest.state === 'suspended') throw refuse(serverId, guest.state);
        guests.set(serverId, { ...guest, spec: { ...guest.spec, nics: withoutNic(guest.spec.nics, portId) } });
      }),
  };
}
