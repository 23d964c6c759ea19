import type { DevicePlace, GuestSpec } from '../../contract.ts';
import { diskDeviceId, nicDeviceId } from './command-line.ts';
import type { QmpConnection } from './qmp.ts';

type Places = Record<string, DevicePlace>;

/** Of the machine `pc`: its host bridge, its south bridge, the screen and the source of randomness are before all else. */
const firstFreeSlot = 4;

const pci = (slot: number): DevicePlace => ({ bus: 'pci', address: `0000:00:${hex(slot)}.0` });

function hex(slot: number): string {
  return slot.toString(16).padStart(2, '0');
}

/**
 * Where a guest will find its devices: QEMU gives slots in the order of its command line. Disks on IDE are told by channel
 * and unit; what is behind a SATA controller has no address of its own that OpenStack knows.
 */
export function plannedPlaces(guest: GuestSpec): Places {
  const places: Places = {};
  let slot = firstFreeSlot;
  for (const { portId } of guest.nics) places[portId] = pci(slot++);
  slot += Math.ceil(guest.disks.filter(({ bus }) => bus === 'sata').length / 6);
  const ide = guest.hasConfigDrive ? ['0:0', '0:1', '1:1'] : ['0:0', '0:1', '1:0', '1:1'];
  for (const { volumeId, bus } of guest.disks) {
    if (bus === 'virtio') places[volumeId] = pci(slot++);
    else places[volumeId] = bus === 'sata' ? { bus: 'none', address: 'none' } : { bus: 'ide', address: ide.shift()! };
  }
  return places;
}

interface PciDevice {
  bus: number;
  slot: number;
  function: number;
  qdev_id: string;
}

/** Where the devices of a guest that runs are. One that it has not got yet, or that it has lost, is left out. */
export async function currentPlaces(qmp: QmpConnection, guest: GuestSpec): Promise<Places> {
  const buses = await qmp.execute<Array<{ devices: PciDevice[] }>>('query-pci');
  const devices = new Map(buses.flatMap((bus) => bus.devices).map((device) => [device.qdev_id, device]));
  const places = plannedPlaces(guest);
  const names = [
    ...guest.nics.map(({ portId }) => [portId, nicDeviceId(portId)] as const),
    ...guest.disks.filter(({ bus }) => bus === 'virtio').map(({ volumeId: id }) => [id, diskDeviceId(id)] as const),
  ];
  for (const [id, name] of names) {
    const device = devices.get(name);
    if (device) places[id] = { bus: 'pci', address: `0000:${hex(device.bus)}:${hex(device.slot)}.${device.function}` };
    else delete places[id];
  }
  return places;
}
