import { join } from 'node:path';
import type { DesiredStorage, StorageReport, StorageVerbs } from '../../contract.ts';
import type { SimulatedObjects } from './objects.ts';
import type { SimulatedDisk } from './parts.ts';

interface StorageParts {
  disks: SimulatedObjects<SimulatedDisk>;
  storages: SimulatedObjects<DesiredStorage>;
  capacityBytes: number;
  storageProblem?: (path: string) => string | undefined;
  verb<T>(verb: keyof StorageVerbs, args: readonly unknown[], work: () => Promise<T>): Promise<T>;
}

/** Further storages of a simulated host: each has as much room as the host's own. */
export function simulatedStorages({ disks, storages, capacityBytes, ...parts }: StorageParts): StorageVerbs {
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
          const problem = parts.storageProblem?.(place.path);
          if (problem === undefined) storages.set(storageId, place);
          const freeBytes = Math.max(0, capacityBytes - bytesIn(storageId));
          if (problem === undefined) reports.push({ storageId, totalBytes: capacityBytes, freeBytes });
          else reports.push({ storageId, totalBytes: 0, freeBytes: 0, problem });
        }
        return reports;
      }),
  };
}

/** Where a disk would be. */
export function installPathOf(diskId: string, storage: DesiredStorage | undefined): string {
  const folder = storage ? join(storage.path, storage.part) : '/disks';
  return `simulated:${folder}/${diskId}.qcow2`;
}
