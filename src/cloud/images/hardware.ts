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
