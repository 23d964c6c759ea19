import { join } from 'node:path';
import { AgentError, type DesiredStorage, type StorageReport, type StorageVerbs } from '../../contract.ts';
import { withDisk } from '../../disks/disk-list.ts';
import type { SimulatedObjects } from './objects.ts';
import type { SimulatedDisk, SimulatedGuest } from './parts.ts';

interface StorageParts {
  guests: SimulatedObjects<SimulatedGuest>;
  disks: SimulatedObjects<SimulatedDisk>;
  storages: SimulatedObjects<DesiredStorage>;
  capacityBytes: number;
  storageProblem?: (path: string) => string | undefined;
  verb<T>(verb: keyof StorageVerbs, args: readonly unknown[], work: () => Promise<T>): Promise<T>;
}

/** Further storages of a simulated host: each has as much room as the host's own. */
export function simulatedStorages({ guests, disks, storages, capacityBytes, ...parts }: StorageParts): StorageVerbs {
  const isUsed = (storageId: string) => [...disks.values()].some((disk) => disk.storageId === storageId);
  const bytesIn = (storageId: string) =>
    [...disks.values()].reduce((sum, disk) => sum + (disk.storageId === storageId ? disk.actualSize : 0), 0);
  return {
    applyStorages: (desired) =>
      parts.verb('applyStorages', [desired], async () => {
        const reports: StorageReport[] = [];
        const wanted = new Map(desired.map((one) => [one.storageId, one]));
        for (const storageId of storages.keys()) {
          const place = wanted.get(storageId);
          const known = storages.get(storageId)!;
          if (place?.path === known.path && place.part === known.part) continue;
          if (!isUsed(storageId)) storages.delete(storageId);
          else {
            const problem = `disks of this host lie in ${join(known.path, known.part)}`;
            reports.push({ storageId, totalBytes: 0, freeBytes: 0, problem });
            wanted.delete(storageId);
          }
        }
        for (const place of wanted.values()) {
          const { storageId } = place;
          const problem = parts.storageProblem?.(place.mount?.source ?? place.path);
          if (problem === undefined) storages.set(storageId, place);
          const freeBytes = Math.max(0, capacityBytes - bytesIn(storageId));
          if (problem === undefined) reports.push({ storageId, totalBytes: capacityBytes, freeBytes });
          else reports.push({ storageId, totalBytes: 0, freeBytes: 0, problem });
        }
        return reports;
      }),
    swapDisk: (serverId, swap) =>
      parts.verb('swapDisk', [serverId, swap], async () => {
        const { volumeId, fromDiskId, toDiskId, storageId, flat } = swap;
        const guest = guests.get(serverId);
        const disk = guest?.spec?.disks.find((one) => one.volumeId === volumeId);
        if (guest?.state === 'suspended')
          throw new AgentError('in_use', `the guest of server ${serverId} is suspended: its disks can't change`);
        if (disk?.diskId !== toDiskId) {
          const from = disks.get(fromDiskId);
          if (!from) throw new AgentError('not_found', `there is no disk ${fromDiskId}`);
          const { storageId: _, imageId: below, ...copy } = from;
          const image = below === undefined || flat ? {} : { imageId: below };
          disks.set(toDiskId, { ...copy, ...image, ...(storageId === undefined ? {} : { storageId }) });
        }
        if (guest?.spec && disk) {
          const spec = { ...guest.spec, disks: withDisk(guest.spec.disks, { ...disk, diskId: toDiskId }) };
          guests.set(serverId, { ...guest, spec });
        }
        const { imageId, virtualSize, actualSize } = disks.get(toDiskId)!;
        const place = storageId === undefined ? undefined : storages.get(storageId);
        const installPath = installPathOf(toDiskId, place);
        return { virtualSize, actualSize, installPath, ...(imageId === undefined ? {} : { imageId }) };
      }),
  };
}

/** Where a disk would be. */
export function installPathOf(diskId: string, storage: DesiredStorage | undefined): string {
  const folder = storage ? join(storage.path, storage.part) : '/disks';
  return `simulated:${folder}/${diskId}.qcow2`;
}
