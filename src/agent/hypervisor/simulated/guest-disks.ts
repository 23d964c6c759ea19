import { AgentError, type GuestDisk } from '../../contract.ts';
import { withDisk } from '../../disks/disk-list.ts';
import type { SimulatedObjects } from './objects.ts';
import {
  assertPluggable,
  hasVolume,
  refuseOpen,
  type SimulatedDisk,
  type SimulatedGuest,
  withoutVolume,
} from './parts.ts';

type Guests = SimulatedObjects<SimulatedGuest>;

/** See `HostAgent.attachDisk`. */
export function giveDisk(guests: Guests, disks: SimulatedObjects<SimulatedDisk>, serverId: string, disk: GuestDisk) {
  const guest = guests.get(serverId);
  if (!guest?.spec) return;
  if (!disks.get(disk.diskId)) throw new AgentError('not_found', `there is no disk ${disk.diskId}`);
  if (!hasVolume(guest, disk.volumeId)) assertPluggable(serverId, guest, disk);
  if (guest.state !== 'stopped' && !disk.shared) refuseOpen(guests.entries(), disk.diskId, serverId);
  setDisks(guests, serverId, guest, withDisk(guest.spec.disks, disk));
}

/** See `HostAgent.detachDisk`. */
export function takeDisk(guests: Guests, serverId: string, volumeId: string): void {
  const guest = guests.get(serverId);
  if (!guest?.spec) return;
  const isThere = guest.spec.disks.some((disk) => disk.volumeId === volumeId);
  if (isThere && (guest.state === 'paused' || guest.state === 'suspended'))
    throw new AgentError('in_use', `the guest of server ${serverId} is ${guest.state} and can't let go of a disk`);
  setDisks(guests, serverId, guest, withoutVolume(guest.spec, volumeId));
}

function setDisks(guests: Guests, serverId: string, guest: SimulatedGuest, disks: GuestDisk[]): void {
  guests.set(serverId, { ...guest, spec: { ...guest.spec!, disks } });
}
