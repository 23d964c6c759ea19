import type { GuestDisk } from '../../agent/contract.ts';
import { CloudError } from '../errors.ts';

/** What an image's properties say of the machine it wants. */
export interface HardwareFacts {
  bootMode: 'bios' | 'uefi';
  diskBus: 'virtio' | 'sata' | 'ide';
  nicModel: 'virtio' | 'e1000';
  architecture: 'x86_64' | 'aarch64' | null;
  /** `linux`, `windows`, or whatever the image says. */
  osType: string | null;
  /** The name to give the root disk instead of `/dev/vda`. */
  rootDeviceName: string | null;
}

const virtioBuses = ['virtio', 'scsi'];
const virtioNics = ['virtio', 'virtio-net', 'vhost-user'];

/**
 * Reads Glance's well-known properties (`hw_disk_bus`, `hw_vif_model`, `hw_firmware_type`, …). What a host can't give is
 * replaced by the plainest thing of its kind, which every system can drive.
 */
export function hardwareOf(properties: Readonly<Record<string, string>>): HardwareFacts {
  const value = (name: string) => properties[name]?.trim().toLowerCase();
  const bus = value('hw_disk_bus');
  const nic = value('hw_vif_model');
  const architecture = value('architecture') ?? value('hw_architecture');
  return {
    bootMode: value('hw_firmware_type') === 'uefi' ? 'uefi' : 'bios',
    diskBus: bus === undefined || virtioBuses.includes(bus) ? 'virtio' : bus === 'ide' ? 'ide' : 'sata',
    nicModel: nic === undefined || virtioNics.includes(nic) ? 'virtio' : 'e1000',
    architecture: architecture === 'x86_64' || architecture === 'aarch64' ? architecture : null,
    osType: value('os_type') ?? null,
    rootDeviceName: properties['root_device_name'] ?? null,
  };
}

/** How a disk that rescues servers can be shown to them. */
export type RescueBus = GuestDisk['bus'];
export const rescueBusNames: readonly RescueBus[] = ['virtio', 'sata', 'ide', 'cdrom'];

const rescueBuses: ReadonlyMap<string, RescueBus> = new Map([
  ['virtio', 'virtio'],
  ['ide', 'ide'],
  ['sata', 'sata'],
  // Hosts have none of these; disks there have the same names to a guest, and no virtio disk loses its own.
  ['scsi', 'sata'],
  ['usb', 'sata'],
]);

/**
 * Where a server gets the disk that rescues it, if the image wants it beside the server's own disks (`hw_rescue_device`,
 * `hw_rescue_bus`: Nova's "stable device rescue"); undefined where it is to take the place of the first one. Throws
 * `invalid` for what there is not.
 */
export function rescueBusOf(properties: Readonly<Record<string, string>>): RescueBus | undefined {
  const [device, bus] = [properties['hw_rescue_device'], properties['hw_rescue_bus']];
  if (device === undefined && bus === undefined) return undefined;
  const found = rescueBuses.get(bus ?? (device === 'cdrom' ? 'ide' : 'virtio'));
  const isDrive = device === 'cdrom' && found !== 'virtio';
  if (device !== undefined && device !== 'disk' && !isDrive) throw unsupportedRescue('device', device);
  if (!found) throw unsupportedRescue('bus', bus!);
  return isDrive ? 'cdrom' : found;
}

function unsupportedRescue(what: 'device' | 'bus', value: string): CloudError {
  return new CloudError('invalid', `Requested rescue ${what} '${value}' is not supported by the hosts.`, {
    field: `hw_rescue_${what}`,
  });
}
