import { Type } from 'typebox';
import { action, span, step, when } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import type { Subject } from '../../identity/subject.ts';
import { forgetEmptyDisks } from '../local-disks.ts';
import { type FlavorFacts, power } from '../model.ts';
import { flavorFacts, guestInput } from '../schemas.ts';
import { transitions } from '../states.ts';
import { atTarget } from '../steps/at-target.ts';
import {
  powerOffGuest,
  runningColumns,
  setTask,
  startGuest,
  stopGuest,
  stoppedColumns,
  writeConfigDrive,
} from '../steps/guest.ts';
import { discardLeftBehind } from '../steps/left-behind.ts';
import { handOver, type MovedDisk, moveInput } from '../steps/move.ts';
import { discardOldDisk } from '../steps/old-disk.ts';
import { faultOf } from '../steps/settle.ts';
import { beginTransition, settleServer, updateServer } from '../transition.ts';
import { flavorColumns } from './resize.ts';

interface Input {
  serverId: string;
  newFlavor: FlavorFacts;
  oldFlavor: FlavorFacts;
}

const restoreFlavor = step<Input>('restoreFlavor', {
  async do({ services, input }) {
    return { commit: (tx) => updateServer(services, tx, input.serverId, flavorColumns(input.newFlavor)) };
  },
  async undo({ services, input }) {
    return { commit: (tx) => updateServer(services, tx, input.serverId, flavorColumns(input.oldFlavor)) };
  },
});

const hasLeft = ({ input }: { input: { leftHostId?: string } }) => input.leftHostId !== undefined;

/** `old…` is the size that is given up, `new…` the one it goes back to; `targetHostId` the host that it goes back to. */
export const revertResize = action(
  'server.revert-resize',
  Type.Object({
    ...guestInput,
    ...moveInput,
    guestWasStopped: Type.Boolean(),
    oldDiskId: Type.String(),
    otherOldDiskIds: Type.Optional(Type.Array(Type.String())),
    oldFlavor: flavorFacts,
    newFlavor: flavorFacts,
    leftHostId: Type.Optional(Type.String()),
    leftDiskIds: Type.Optional(Type.Array(Type.String())),
  }),
  [
    span('compute_revert_resize', [stopGuest, setTask('resize_reverting')]),
    span('compute_finish_revert_resize', [
      handOver,
      restoreFlavor,
      // A guest that was off since it came has never had one there.
      atTarget(writeConfigDrive),
      atTarget(startGuest),
      when(
        ({ input }: { input: { guestWasStopped: boolean } }) => input.guestWasStopped,
        [span('compute_stop_instance', [atTarget(powerOffGuest)])],
      ),
      when(hasLeft, [discardLeftBehind]),
      when((facts: { input: { leftHostId?: string } }) => !hasLeft(facts), [discardOldDisk]),
    ]),
  ],
  {
    async succeeded(tx, { services, input, now }) {
      await services.hosts.release(tx, input.serverId, 'current');
      await tx.updateTable('allocations').set({ purpose: 'current' }).where('server_id', '=', input.serverId).execute();
      await forgetEmptyDisks(services, tx, input.serverId);
      const columns = input.guestWasStopped ? stoppedColumns : runningColumns;
      await settleServer(services, tx, input.serverId, { ...columns, previous: null, launched_at: now, fault: null });
    },
    async failed(tx, { services, input, now }, failure) {
      await settleServer(services, tx, input.serverId, {
        vm_state: 'resized',
        task_state: null,
        power_state: input.wasStopped ? power.shutdown : power.running,
        ...faultOf(failure, now),
      });
    },
  },
);

/**
 * Goes back to the size, the host and the disks that the server had before its resize or migration. What was written since
 * is lost.
 */
export function requestRevertResize(cloud: Cloud, subject: Subject, serverId: string) {
  return beginTransition(cloud, subject, serverId, transitions.revertResize, async (tx, server) => {
    const previous = server.previous!;
    const kept = new Map(previous.disks?.map((disk) => [disk.volumeId, disk]));
    const volumes = await tx.selectFrom('volumes').selectAll().where('server_id', '=', serverId).execute();
    const disks: MovedDisk[] = [];
    for (const { id: volumeId, disk_id, size } of volumes) {
      const isRoot = volumeId === server.rootVolumeId;
      const before = isRoot ? { diskId: previous.rootDiskId, size: previous.rootSize! } : kept.get(volumeId);
      if (!before) continue;
      const { diskId: newDiskId, size: newSize = size } = before;
      const facts = { volumeId, oldDiskId: disk_id, newDiskId, oldSize: size, newSize, imageId: null };
      const disk = { ...facts, isChanged: true };
      if (isRoot) disks.unshift(disk);
      else disks.push(disk);
    }
    const [oldDiskId, ...otherOldDiskIds] = disks.flatMap((disk) => disk.oldDiskId ?? []) as [string, ...string[]];
    const left = { leftHostId: server.hostId!, leftDiskIds: [oldDiskId, ...otherOldDiskIds] };
    return {
      action: revertResize,
      input: {
        serverId,
        hostId: server.hostId!,
        wasStopped: server.powerState === power.shutdown,
        guestWasStopped: previous.wasStopped,
        disks,
        oldDiskId,
        otherOldDiskIds,
        mayStay: true,
        targetHostId: previous.hostId ?? server.hostId!,
        oldFlavor: server.flavor,
        newFlavor: previous.flavor,
        ...(previous.hostId ? left : {}),
      },
    };
  });
}
