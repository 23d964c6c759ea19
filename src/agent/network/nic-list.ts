import type { GuestNic } from '../contract.ts';

/** The interfaces of a guest with one more, or with the one that it has of that port as it shall be: in its old place. */
export function withNic(nics: readonly GuestNic[], nic: GuestNic): GuestNic[] {
  const index = nics.findIndex(({ portId }) => portId === nic.portId);
  return index < 0 ? [...nics, nic] : nics.with(index, nic);
}

export function withoutNic(nics: readonly GuestNic[], portId: string): GuestNic[] {
  return nics.filter((nic) => nic.portId !== portId);
}
