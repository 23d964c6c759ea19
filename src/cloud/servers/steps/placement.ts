import { step } from '../../actions.ts';
import { diskRoomOf } from '../../flavors/disk-room.ts';
import type { DiskNeed } from '../../hosts/disk-needs.ts';
import type { PlacementRequest } from '../../hosts/scheduler.ts';
import type { FlavorFacts } from '../model.ts';
import type { RootPlace } from '../schemas.ts';
import { updateServer } from '../transition.ts';
import type { GuestInput, GuestState } from './guest.ts';

const gibibyte = 2 ** 30;

export interface PlacementInput extends GuestInput {
  zoneId: string;
  /** The cluster that was asked for, if one was. */
  clusterId?: string;
  flavor: FlavorFacts;
  architecture?: string;
  /** Where its disks are, if it has some. */
  onlyHostId?: string;
  /** The host that was asked for, if one was. */
  wantedHostId?: string;
  /** Where the servers are that it is to be beside, or away from. */
  besideHostIds?: string[];
  awayFromHostIds?: string[];
  /** The root disk that is about to be made there. */
  newDiskId?: string;
  rootVolumeId?: string;
  rootSize?: number;
  imageId?: string;
  /** Where its root disk is to lie; on the host's own disk, if that has room, where nothing is said. */
  rootPlace?: RootPlace;
  /** Storages that its host has to have, because further disks of it are to lie there. */
  withStorageIds?: string[];
}

/** What a server needs of a host, without the place that its root disk needs there: see `rootNeed`. */
export function amountsOf(flavor: FlavorFacts, { ownRoot }: { ownRoot: boolean }) {
  const diskGb = diskRoomOf(flavor) - (ownRoot ? flavor.diskGb : 0);
  return { vcpus: flavor.vcpus, memoryMb: flavor.memoryMb, diskGb };
}

/** The place that a root disk of the server's own needs, which is part of what the server holds. */
export function rootNeed(root: { volumeId: string; size: number; flavor: FlavorFacts; place?: RootPlace }): DiskNeed {
  const gb = Math.ceil(root.size / gibibyte);
  const place = root.place ?? { nearStorageId: null };
  return { volumeId: root.volumeId, gb, ownGb: root.flavor.diskGb, isHeld: true, ...place };
}

/** What has to be found for a server that is to be built. */
export function buildRequest(input: PlacementInput): PlacementRequest {
  const { flavor, rootVolumeId, rootSize: size = 0, rootPlace: place } = input;
  const ownRoot = input.newDiskId !== undefined && rootVolumeId !== undefined;
  return {
    ...amountsOf(flavor, { ownRoot }),
    disks: ownRoot ? [rootNeed({ volumeId: rootVolumeId, size, flavor, place })] : [],
    zoneId: input.zoneId,
    clusterId: input.clusterId,
    architecture: input.architecture,
    onlyHostId: input.onlyHostId,
    wantedHostId: input.wantedHostId,
    besideHostIds: input.besideHostIds,
    awayFromHostIds: input.awayFromHostIds,
    withStorageIds: input.withStorageIds,
  };
}

/** Finds a host that can take the server, and takes what it needs there. */
export const chooseHost = step<PlacementInput, GuestState>('chooseHost', {
  async do({ services, input }) {
    const { serverId, newDiskId: id, rootVolumeId: volumeId } = input;
    const hostId = await services.hosts.allocate(serverId, 'current', buildRequest(input), {
      neighboursOf: (tx) => services.servers.groups.neighbours(tx, serverId),
      async registerDisks(tx, host, places) {
        if (!id || !volumeId) return;
        const storageId = places.get(volumeId) ?? null;
        const disk = { id, volumeId, imageId: input.imageId ?? null, size: input.rootSize ?? 0, storageId };
        await services.volumes.registerDisk(tx, host, disk);
        await services.volumes.setDisk(tx, volumeId, id);
      },
    });
    return {
      state: { hostId },
      commit: (tx) => updateServer(services, tx, serverId, { host_id: hostId }),
    };
  },
  async undo({ services, input }) {
    return {
      commit: async (tx) => {
        await services.hosts.release(tx, input.serverId, 'current');
        await updateServer(services, tx, input.serverId, { host_id: null });
        if (!input.newDiskId || !input.rootVolumeId) return;
        await services.volumes.setDisk(tx, input.rootVolumeId, null);
        await services.volumes.forgetDisk(tx, input.newDiskId);
      },
    };
  },
});
