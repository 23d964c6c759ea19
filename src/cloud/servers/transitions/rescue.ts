import { Type } from 'typebox';
import { newId } from '../../../env/env.ts';
import { action, span, step } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError } from '../../errors.ts';
import type { Subject } from '../../identity/subject.ts';
import { type RescueBus, rescueBusNames, rescueBusOf } from '../../images/hardware.ts';
import { bootsFromVolume, power, type RescueFacts } from '../model.ts';
import { guestInput } from '../schemas.ts';
import { transitions } from '../states.ts';
import { ensureImageCached } from '../steps/disks.ts';
import { runningColumns, startGuest, stopGuest, stoppedColumns, writeConfigDrive } from '../steps/guest.ts';
import { discardOldDisk } from '../steps/old-disk.ts';
import { faultOf, forgetPassword } from '../steps/settle.ts';
import { beginTransition, settleServer, updateServer } from '../transition.ts';

const RescueBusName = Type.Unsafe<RescueBus>({ type: 'string', enum: [...rescueBusNames] });

interface RescueDisk {
  serverId: string;
  hostId: string;
  rescueDiskId: string;
  rescueBus?: RescueBus;
}

/** A disk of its own over the image: whatever is broken on the root disk is not touched by booting. */
const createRescueDisk = step<RescueDisk & { imageId: string; rootSize: number }>('createRescueDisk', {
  retry: { attempts: 3, backoffMs: 500 },
  async do({ services, input }) {
    const base = { kind: 'image', imageId: input.imageId } as const;
    await services.hosts.ensureDisk(input.hostId, { diskId: input.rescueDiskId, size: input.rootSize, base });
  },
  async undo({ services, input }) {
    await services.hosts.agent(input.hostId).removeDisk(input.rescueDiskId);
    return { commit: (tx) => services.volumes.forgetDisk(tx, input.rescueDiskId) };
  },
});

function bootingFromRescueDisk(name: string, begins: boolean) {
  const set = ({ services, input }: { services: Cloud; input: Readonly<RescueDisk> }, rescued: boolean) => ({
    commit: (tx: Parameters<typeof updateServer>[1]) => {
      const facts: RescueFacts = { rescueDiskId: input.rescueDiskId, rescueBus: input.rescueBus };
      const previous = rescued ? JSON.stringify(facts) : null;
      return updateServer(services, tx, input.serverId, { previous });
    },
  });
  return step<RescueDisk>(name, {
    do: async (context) => set(context, begins),
    undo: async (context) => (context.isSuperseded ? undefined : set(context, !begins)),
  });
}

const rescuedColumns = { ...runningColumns, vm_state: 'rescued' } as const;

export const rescue = action(
  'server.rescue',
  Type.Object({
    ...guestInput,
    imageId: Type.String(),
    /** The root volume: what the rescue disk is accounted to. */
    rootVolumeId: Type.String(),
    rootSize: Type.Number(),
    rescueDiskId: Type.String(),
    rescueBus: Type.Optional(RescueBusName),
    wasInError: Type.Boolean(),
    adminPass: Type.Optional(Type.String()),
  }),
  [
    span('compute_rescue_instance', [
      stopGuest,
      ensureImageCached,
      createRescueDisk,
      bootingFromRescueDisk('enterRescue', true),
      writeConfigDrive,
      startGuest,
    ]),
  ],
  {
    async succeeded(tx, { services, input, actionId }) {
      await settleServer(services, tx, input.serverId, { ...rescuedColumns, fault: null });
      await forgetPassword(tx, actionId, input);
    },
    async failed(tx, { services, input, actionId, now }, failure) {
      const columns = input.wasStopped ? stoppedColumns : runningColumns;
      const state = input.wasInError ? { vm_state: 'error' as const } : {};
      await settleServer(services, tx, input.serverId, { ...columns, ...state, ...faultOf(failure, now) });
      await services.volumes.releaseDisk(tx, input.rescueDiskId);
      await forgetPassword(tx, actionId, input);
    },
  },
);

export const unrescue = action(
  'server.unrescue',
  Type.Object({
    ...guestInput,
    rescueDiskId: Type.String(),
    rescueBus: Type.Optional(RescueBusName),
    oldDiskId: Type.String(),
  }),
  [
    span('compute_unrescue_instance', [
      stopGuest,
      bootingFromRescueDisk('leaveRescue', false),
      writeConfigDrive,
      startGuest,
      discardOldDisk,
    ]),
  ],
  {
    async succeeded(tx, { services, input }) {
      await settleServer(services, tx, input.serverId, { ...runningColumns, fault: null });
    },
    async failed(tx, { services, input, now }, failure) {
      await settleServer(services, tx, input.serverId, { ...rescuedColumns, ...faultOf(failure, now) });
    },
  },
);

export interface RescueRequest {
  /** Default: the server's own image. */
  imageId?: string;
  adminPass?: string;
  /** Whether a server that boots from a volume may be rescued, by an image whose disk stands beside its own. */
  withVolumes?: boolean;
}

/**
 * Boots the server from a fresh disk over an image, so that what keeps it from booting can be repaired. The disk takes the
 * place of the root disk, which becomes the second one; or stands beside the server's own disks, which keep their places,
 * where the image says how (`rescueBusOf`). Throws `invalid` for a server that boots from a volume, but for the latter.
 */
export async function requestRescue(cloud: Cloud, subject: Subject, serverId: string, request: RescueRequest = {}) {
  const asked = await cloud.servers.get(subject, serverId);
  const imageId = request.imageId ?? asked.imageId;
  const mayBe = !bootsFromVolume(asked) || request.withVolumes;
  const image = mayBe && imageId ? await cloud.images.forBoot(subject, imageId) : undefined;
  const rescueBus = image && rescueBusOf(image.properties);
  return await beginTransition(cloud, subject, serverId, transitions.rescue, async (tx, server) => {
    if (!image || (bootsFromVolume(server) && !rescueBus)) {
      throw new CloudError('invalid', 'Cannot rescue a volume-backed instance', { reason: 'volume_backed' });
    }
    if (server.hostId === null || server.previous || server.rescueDiskId || !server.rootVolumeId) {
      throw new CloudError('conflict', `Instance ${serverId} can't be rescued: it has no root disk of its own now.`, {
        reason: 'state',
      });
    }
    const rescueDiskId = newId(cloud.env);
    const rootSize = Math.max(image.virtualSize ?? image.size ?? 0, image.minDiskGb * 2 ** 30);
    const { rootVolumeId, hostId } = server;
    const disk = { id: rescueDiskId, volumeId: rootVolumeId, imageId: image.id, size: rootSize };
    await cloud.volumes.registerDisk(tx, hostId, disk);
    return {
      action: rescue,
      input: {
        serverId,
        hostId,
        wasStopped: server.powerState !== power.running,
        wasInError: server.vmState === 'error',
        imageId: image.id,
        rootVolumeId,
        rootSize,
        rescueDiskId,
        rescueBus,
        adminPass: request.adminPass,
      },
    };
  });
}

/** Boots a rescued server from its root disk again. */
export function requestUnrescue(cloud: Cloud, subject: Subject, serverId: string) {
  return beginTransition(cloud, subject, serverId, transitions.unrescue, (_tx, server) => ({
    action: unrescue,
    input: {
      serverId,
      hostId: server.hostId!,
      wasStopped: server.powerState !== power.running,
      rescueDiskId: server.rescueDiskId!,
      rescueBus: server.rescueBus ?? undefined,
      oldDiskId: server.rescueDiskId!,
    },
  }));
}
