import { step } from '../../actions.ts';
import { diskRoomOf } from '../../flavors/disk-room.ts';
import type { FlavorFacts } from '../model.ts';
import { updateServer } from '../transition.ts';
import type { GuestInput, GuestState } from './guest.ts';

export interface PlacementInput extends GuestInput {
  zoneId: string;
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
}

/** Finds a host that can take the server, and takes what it needs there. */
export const chooseHost = step<PlacementInput, GuestState>('chooseHost', {
  async do({ services, input }) {
    const { flavor } = input;
    const request = {
      vcpus: flavor.vcpus,
      memoryMb: flavor.memoryMb,
      diskGb: diskRoomOf(flavor),
      zoneId: input.zoneId,
      architecture: input.architecture,
      onlyHostId: input.onlyHostId,
      wantedHostId: input.wantedHostId,
      besideHostIds: input.besideHostIds,
      awayFromHostIds: input.awayFromHostIds,
    };
    const hostId = await services.hosts.allocate(input.serverId, 'current', request, (tx) =>
      services.servers.groups.neighbours(tx, input.serverId),
    );
    return {
      state: { hostId },
      commit: async (tx) => {
        await updateServer(services, tx, input.serverId, { host_id: hostId });
        if (!input.newDiskId || !input.rootVolumeId) return;
        const disk = {
          id: input.newDiskId,
          volumeId: input.rootVolumeId,
          imageId: input.imageId ?? null,
          size: input.rootSize ?? 0,
        };
        await services.volumes.registerDisk(tx, hostId, disk);
        await services.volumes.setDisk(tx, input.rootVolumeId, input.newDiskId);
      },
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
