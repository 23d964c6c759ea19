import { Type } from 'typebox';
import { action, span, step, when } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import type { Subject } from '../../identity/subject.ts';
import { type FlavorFacts, power } from '../model.ts';
import { flavorFacts, guestInput } from '../schemas.ts';
import { transitions } from '../states.ts';
import { swapRootDisk } from '../steps/disks.ts';
import { powerOffGuest, runningColumns, setTask, startGuest, stopGuest, stoppedColumns } from '../steps/guest.ts';
import { discardOldDisk } from '../steps/old-disk.ts';
import { faultOf } from '../steps/settle.ts';
import { beginTransition, settleServer, updateServer } from '../transition.ts';

interface Input {
  serverId: string;
  newFlavor: FlavorFacts;
  oldFlavor: FlavorFacts;
}

const setFlavor = (flavor: FlavorFacts) => ({ flavor_id: flavor.id, flavor: JSON.stringify(flavor) });

const restoreFlavor = step<Input>('restoreFlavor', {
  async do({ services, input }) {
    return { commit: (tx) => updateServer(services, tx, input.serverId, setFlavor(input.newFlavor)) };
  },
  async undo({ services, input }) {
    return { commit: (tx) => updateServer(services, tx, input.serverId, setFlavor(input.oldFlavor)) };
  },
});

/** `old…` is the size that is given up, `new…` the one it goes back to. */
export const revertResize = action(
  'server.revert-resize',
  Type.Object({
    ...guestInput,
    guestWasStopped: Type.Boolean(),
    rootVolumeId: Type.String(),
    oldDiskId: Type.String(),
    newDiskId: Type.String(),
    rootSize: Type.Number(),
    oldSize: Type.Number(),
    oldFlavor: flavorFacts,
    newFlavor: flavorFacts,
  }),
  [
    span('compute_revert_resize', [stopGuest, setTask('resize_reverting')]),
    span('compute_finish_revert_resize', [
      swapRootDisk,
      restoreFlavor,
      startGuest,
      when(
        ({ input }: { input: { guestWasStopped: boolean } }) => input.guestWasStopped,
        [span('compute_stop_instance', [powerOffGuest])],
      ),
      discardOldDisk,
    ]),
  ],
  {
    async succeeded(tx, { services, input, now }) {
      await services.hosts.release(tx, input.serverId, 'current');
      await tx.updateTable('allocations').set({ purpose: 'current' }).where('server_id', '=', input.serverId).execute();
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

/** Goes back to the size and the disk that the server had before its resize. What was written since is lost. */
export function requestRevertResize(cloud: Cloud, subject: Subject, serverId: string) {
  return beginTransition(cloud, subject, serverId, transitions.revertResize, async (tx, server) => {
    const root = await tx
      .selectFrom('volumes')
      .selectAll()
      .where('id', '=', server.rootVolumeId)
      .executeTakeFirstOrThrow();
    const previous = server.previous!;
    return {
      action: revertResize,
      input: {
        serverId,
        hostId: server.hostId!,
        wasStopped: server.powerState === power.shutdown,
        guestWasStopped: previous.wasStopped,
        rootVolumeId: root.id,
        oldDiskId: root.disk_id!,
        newDiskId: previous.rootDiskId!,
        rootSize: previous.rootSize!,
        oldSize: root.size,
        oldFlavor: server.flavor,
        newFlavor: previous.flavor,
      },
    };
  });
}
