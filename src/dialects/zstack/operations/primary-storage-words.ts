import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Storage } from '../../../cloud/storages/model.ts';
import type { NewVolume } from '../../../cloud/volumes/creation.ts';
import { primaryStorage } from '../inventories/places.ts';
import { operationFailed, resourceNotFound } from '../protocol/zstack-error.ts';
import { readInventory } from '../query/query.ts';

/** A primary storage of the dialect: one that was added, or the own disk of a host, which has the host's uuid. */
export type PrimaryStorage = Storage | { hostId: string };

/** Whether it is the own disk of a host. */
export function isOwnDisk(storage: PrimaryStorage): storage is { hostId: string } {
  return 'hostId' in storage;
}

/** Throws for one that is not there. */
export async function requireStorage(cloud: Cloud, field: string, uuid: string): Promise<PrimaryStorage> {
  const storage = await cloud.storages.find(uuid);
  if (storage) return storage;
  try {
    return { hostId: (await cloud.hosts.get(uuid)).id };
  } catch (error) {
    if (!(error instanceof CloudError) || error.code !== 'not_found') throw error;
    throw resourceNotFound(field, uuid, 'PrimaryStorageVO');
  }
}

/** The storages that a host can use: its own disk, and those that its cluster has. */
export async function storagesOf(cloud: Cloud, hostId: string): Promise<string[]> {
  const { clusterId } = await cloud.hosts.get(hostId);
  return [hostId, ...(await cloud.storages.ofCluster(clusterId)).map(({ id }) => id)];
}

/** Where a volume shall lie that is asked for in a primary storage. Throws for one that takes none now. */
export async function volumePlace(
  cloud: Cloud,
  uuid: string | undefined,
  field = 'primaryStorageUuid',
): Promise<Pick<NewVolume, 'place' | 'zone'>> {
  if (!uuid) return {};
  const storage = await requireStorage(cloud, field, uuid);
  const shown = (await readInventory(cloud, primaryStorage, uuid))!;
  for (const [what, wanted] of [
    ['state', 'Enabled'],
    ['status', 'Connected'],
  ] as const) {
    if (shown[what] === wanted) continue;
    throw operationFailed(`primary storage[uuid:${uuid}] is not ${wanted}, it's ${String(shown[what])}`);
  }
  const zone = (await cloud.zones.names()).get(String(shown['zoneUuid']));
  const place = isOwnDisk(storage) ? { hostId: storage.hostId, storageId: null } : { storageId: storage.id };
  return { place, zone };
}

/** The place with the host that is named. Throws for one that is not there, or that the place is not on. */
export async function onHost(
  cloud: Cloud,
  hostUuid: string | undefined,
  place: NewVolume['place'],
): Promise<NewVolume['place']> {
  if (!hostUuid) return place;
  if (!(await cloud.hosts.list()).some(({ id }) => id === hostUuid))
    throw resourceNotFound('hostUuid', hostUuid, 'HostVO');
  if (place?.hostId === undefined || place.hostId === hostUuid) return { ...place, hostId: hostUuid };
  throw operationFailed(`primary storage[uuid:${place.hostId}] is not on host[uuid:${hostUuid}]`);
}
