import type { DiskRate, GuestDisk } from '../../contract.ts';
import { diskDeviceId } from './command-line.ts';
import type { QmpConnection } from './qmp.ts';

/**
 * The arguments of QEMU's `block_set_io_throttle` (qapi/block-core.json): zero is no limit, and QEMU refuses a burst
 * without a rate, and seconds without a burst.
 */
export function throttleArguments({ volumeId, bus, limits = {} }: GuestDisk): Record<string, string | number> {
  const rates: Array<[string, DiskRate | undefined]> = [
    ['bps', limits.totalBytes],
    ['bps_rd', limits.readBytes],
    ['bps_wr', limits.writeBytes],
    ['iops', limits.totalRequests],
    ['iops_rd', limits.readRequests],
    ['iops_wr', limits.writeRequests],
  ];
  const device = diskDeviceId(volumeId);
  // A virtio device on PCI is two: the disk is in the inner one.
  const id = bus === 'virtio' ? `/machine/peripheral/${device}/virtio-backend` : device;
  const words: Record<string, string | number> = { id };
  for (const [name, value] of rates) {
    words[name] = value?.rate ?? 0;
    if (value?.burst === undefined) continue;
    words[`${name}_max`] = value.burst;
    if (value.burstSeconds !== undefined) words[`${name}_max_length`] = value.burstSeconds;
  }
  if (limits.requestBytes !== undefined) words['iops_size'] = limits.requestBytes;
  return words;
}

/** Makes the guest's process heed the disk's limits from now on, or none. May be repeated. */
export async function limitDisk(qmp: QmpConnection, disk: GuestDisk): Promise<void> {
  await qmp.execute('block_set_io_throttle', throttleArguments(disk));
}

/** As `limitDisk`, for those of the disks that have limits: a process that has just been started knows none. */
export async function limitDisks(qmp: QmpConnection, disks: readonly GuestDisk[]): Promise<void> {
  for (const disk of disks) if (disk.limits !== undefined) await limitDisk(qmp, disk);
}
