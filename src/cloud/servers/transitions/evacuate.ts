import { Type } from 'typebox';
import { action, span, step, when } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError } from '../../errors.ts';
import { isUp } from '../../hosts/model.ts';
import type { Subject } from '../../identity/subject.ts';
import { bootsFromVolume, power } from '../model.ts';
import { disksToMove } from '../moved-disks.ts';
import { flavorFacts, guestInput } from '../schemas.ts';
import { transitions } from '../states.ts';
import { atTarget } from '../steps/at-target.ts';
import { createRootDisk, ensureImageCached } from '../steps/disks.ts';
import { prepareGuest, runningColumns, startGuest, stoppedColumns } from '../steps/guest.ts';
import { createLocalDisks, hasLocalDisks, renewedDisk } from '../steps/local-disks.ts';
import { claimTarget, handOver, type MoveInput, moveInput, withSuccessor } from '../steps/move.ts';
import { faultOf, forgetPassword } from '../steps/settle.ts';
import { beginTransition, settleServer } from '../transition.ts';

/** A host that was said to be down may be there all the same. Its guest must not go on beside the new one. */
const fenceGuest = step<MoveInput>('fenceGuest', {
  async do({ services, input }) {
    try {
      await services.hosts.agent(input.hostId).stopGuest(input.serverId, { graceSeconds: 0 });
    } catch (err) {
      services.log.info(
        { err, serverId: input.serverId, hostId: input.hostId },
        'the host of an evacuated server is silent',
      );
    }
  },
  // Nothing to undo: its host is down, as an operator has said.
});

const noteImage = step<{ newDiskId: string; imageId: string }>('noteImage', {
  async do({ input }) {
    const { newDiskId, imageId: image_id } = input;
    return {
      commit: async (tx) =>
        void (await tx.updateTable('disks').set({ image_id }).where('id', '=', newDiskId).execute()),
    };
  },
  // Nothing to undo: the disk's record goes with the disk.
});

/** What is on the host that is down is removed when it comes back: the reapers of guests and disks see to it. */
export const evacuate = action(
  'server.evacuate',
  Type.Object({
    ...guestInput,
    ...moveInput,
    newFlavor: flavorFacts,
    imageId: Type.String(),
    rootVolumeId: Type.String(),
    newDiskId: Type.String(),
    localDisks: Type.Optional(Type.Array(renewedDisk)),
    rootSize: Type.Number(),
    adminPass: Type.Optional(Type.String()),
    vmState: Type.String(),
    powerState: Type.Number(),
  }),
  [
    span('rebuild_server', [claimTarget]),
    span('compute_rebuild_instance', [
      fenceGuest,
      atTarget(ensureImageCached),
      atTarget(createRootDisk),
      noteImage,
      when(hasLocalDisks, [atTarget(createLocalDisks)]),
      handOver,
      atTarget(prepareGuest),
      when(({ input }: { input: { wasStopped: boolean } }) => !input.wasStopped, [atTarget(startGuest)]),
    ]),
  ],
  {
    async succeeded(tx, { services, input, actionId, now }) {
      await services.hosts.release(tx, input.serverId, 'previous');
      for (const { oldDiskId } of input.disks)
        if (oldDiskId !== null) await services.volumes.releaseDisk(tx, oldDiskId);
      await services.volumes.update(tx, input.rootVolumeId, { image_id: input.imageId });
      const columns = input.wasStopped ? stoppedColumns : runningColumns;
      await settleServer(services, tx, input.serverId, { ...columns, launched_at: now, fault: null });
      await forgetPassword(tx, actionId, input);
    },
    async failed(tx, { services, input, actionId, now }, failure) {
      const before = { vm_state: input.vmState as 'active', power_state: input.powerState, task_state: null };
      await settleServer(services, tx, input.serverId, { ...before, ...faultOf(failure, now) });
      await forgetPassword(tx, actionId, input);
    },
  },
);

function renewed({ volumeId, newDiskId, newSize, local }: ReturnType<typeof withSuccessor>) {
  return { volumeId, newDiskId, size: newSize, content: local?.content };
}

export interface EvacuateRequest {
  hostId?: string;
  adminPass?: string;
}

/**
 * Builds the server anew, from its image, on another host: its own is down. What was on its disks is lost. Refused while
 * the host is up, and for servers with volumes, which are on that host too. For operators.
 */
export async function requestEvacuate(cloud: Cloud, subject: Subject, serverId: string, request: EvacuateRequest = {}) {
  return await beginTransition(cloud, subject, serverId, transitions.evacuate, async (tx, server) => {
    const host = server.hostId ? await cloud.hosts.get(server.hostId) : undefined;
    if (!host) throw new CloudError('conflict', 'The server is on no host.', { reason: 'no_host' });
    if (isUp(host)) throw new CloudError('invalid', `Compute service of ${host.name} is still in use.`);
    if (request.hostId === host.id)
      throw new CloudError('invalid', "The target host can't be the same one.", { field: 'host' });
    const { disks, ...place } = await disksToMove(cloud, tx, server);
    const [root, ...others] = disks.map(withSuccessor);
    if (!root || bootsFromVolume(server) || others.some(({ local }) => !local) || place.onlyHostId !== undefined) {
      const words = `The volumes of the server are on host ${host.name}, which is down: it can't be evacuated without them.`;
      throw new CloudError('conflict', words, { reason: 'volumes' });
    }
    const imageId = server.imageId!;
    await cloud.images.requireBytes(imageId);
    return {
      action: evacuate,
      input: {
        serverId,
        hostId: host.id,
        wasStopped:
          server.vmState === 'stopped' || (server.vmState === 'error' && server.powerState === power.shutdown),
        disks: [{ ...root, imageId }, ...others],
        localDisks: others.map(renewed),
        ...place,
        newFlavor: server.flavor,
        mayStay: false,
        wantedHostId: request.hostId,
        imageId,
        rootVolumeId: root.volumeId,
        newDiskId: root.newDiskId,
        rootSize: root.newSize,
        adminPass: request.adminPass,
        vmState: server.vmState,
        powerState: server.powerState,
      },
      changes: { progress: 0 },
    };
  });
}
