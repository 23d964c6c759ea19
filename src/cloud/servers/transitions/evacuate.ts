import { Type } from 'typebox';
import { AgentError } from '../../../agent/contract.ts';
import type { Tx } from '../../../database/database.ts';
import { action, span, step, when } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError } from '../../errors.ts';
import { type Host, isUp } from '../../hosts/model.ts';
import type { Subject } from '../../identity/subject.ts';
import { bootsFromVolume, power } from '../model.ts';
import { disksToMove } from '../moved-disks.ts';
import { flavorFacts, guestInput } from '../schemas.ts';
import { transitions } from '../states.ts';
import { atTarget } from '../steps/at-target.ts';
import { createRootDisk, ensureImageCached } from '../steps/disks.ts';
import { prepareGuest, runningColumns, startGuest, stoppedColumns } from '../steps/guest.ts';
import { createLocalDisks, hasLocalDisks, renewedDisk } from '../steps/local-disks.ts';
import {
  claimTarget,
  handOver,
  type MovedDisk,
  type MoveInput,
  moveInput,
  takeDisks,
  withSuccessor,
} from '../steps/move.ts';
import { faultOf, forgetPassword } from '../steps/settle.ts';
import { beginTransition, settleServer } from '../transition.ts';

/**
 * A host that was said to be down may be there all the same. Its guest must not go on beside the new one, and least of all
 * where both would write to the same disks: then a host that does not answer has to be one that an operator has switched off.
 */
const fenceGuest = step<MoveInput>('fenceGuest', {
  async do({ services, input }) {
    try {
      await services.hosts.agent(input.hostId).stopGuest(input.serverId, { graceSeconds: 0 });
    } catch (err) {
      if ((input.keptVolumeIds ?? []).length > 0) {
        if (!(err instanceof AgentError && err.code === 'unreachable')) throw err;
        requireSwitchedOff(await services.hosts.get(input.hostId));
      }
      services.log.info(
        { err, serverId: input.serverId, hostId: input.hostId },
        'the host of an evacuated server is silent',
      );
    }
  },
  // Nothing to undo: its host is down, as an operator has said.
});

/** Throws unless an operator has said that the host, which does not answer, is down. */
function requireSwitchedOff({ name, forcedDown }: Host): void {
  if (forcedDown) return;
  const words =
    `Host ${name} does not answer, and may still run the server, whose disks other hosts share: they would be ruined. ` +
    'Switch it off, and say that it is down (force-down), then evacuate the server.';
  throw new CloudError('conflict', words, { reason: 'not_fenced' });
}

const noteImage = step<{ newDiskId: string; imageId?: string }>('noteImage', {
  async do({ input }) {
    const { newDiskId, imageId: image_id } = input;
    return {
      commit: async (tx) =>
        void (await tx.updateTable('disks').set({ image_id }).where('id', '=', newDiskId).execute()),
    };
  },
  // Nothing to undo: the disk's record goes with the disk.
});

const keepsDisks = ({ input }: { input: { keptVolumeIds?: string[] } }) => (input.keptVolumeIds ?? []).length > 0;
const renewsRoot = ({ input }: { input: { imageId?: string } }) => input.imageId !== undefined;

/** What is on the host that is down is removed when it comes back: the reapers of guests and disks see to it. */
export const evacuate = action(
  'server.evacuate',
  Type.Object({
    ...guestInput,
    ...moveInput,
    newFlavor: flavorFacts,
    /** What its root disk is made of anew; absent where that comes along. */
    imageId: Type.Optional(Type.String()),
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
      when(keepsDisks, [takeDisks]),
      when(renewsRoot, [atTarget(ensureImageCached), atTarget(createRootDisk), noteImage]),
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
      if (input.imageId) await services.volumes.update(tx, input.rootVolumeId, { image_id: input.imageId });
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

/** The volumes whose disks lie where other hosts get at them. */
async function inSharedStorages(tx: Tx, disks: readonly MovedDisk[]): Promise<string[]> {
  const rows = await tx.selectFrom('storages').select('id').where('kind', '=', 'shared').execute();
  const shared = new Set<string | null>(rows.map(({ id }) => id));
  return disks.flatMap(({ volumeId, storageId }) => (storageId && shared.has(storageId) ? volumeId : []));
}

function renewed({ volumeId, newDiskId, newSize, local }: ReturnType<typeof withSuccessor>) {
  return { volumeId, newDiskId, size: newSize, content: local?.content };
}

export interface EvacuateRequest {
  hostId?: string;
  adminPass?: string;
}

/**
 * Has the server on another host: its own is down. Disks in storages that hosts share come along; else it is built anew,
 * from its image, and what was on its disks is lost. Refused while the host is up, and for servers with volumes that are
 * on that host alone. For operators.
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
    const kept = await inSharedStorages(tx, disks);
    const isLost = (disk: MovedDisk) => !disk.local && !kept.includes(disk.volumeId);
    if (!root || (bootsFromVolume(server) && isLost(root)) || others.some(isLost) || place.onlyHostId !== undefined) {
      const words = `The volumes of the server are on host ${host.name}, which is down: it can't be evacuated without them.`;
      throw new CloudError('conflict', words, { reason: 'volumes' });
    }
    if (kept.length > 0 && host.status !== 'connected') requireSwitchedOff(host);
    const imageId = isLost(root) ? server.imageId! : undefined;
    if (imageId) await cloud.images.requireBytes(imageId);
    const locals = others.filter(({ local }) => local);
    return {
      action: evacuate,
      input: {
        serverId,
        hostId: host.id,
        wasStopped:
          server.vmState === 'stopped' || (server.vmState === 'error' && server.powerState === power.shutdown),
        disks: [{ ...root, imageId: imageId ?? root.imageId }, ...others],
        ...(locals.length > 0 ? { localDisks: locals.map(renewed) } : {}),
        ...(kept.length > 0 ? { keptVolumeIds: kept } : {}),
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
