import { Type } from 'typebox';
import { action, span, when } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import type { Subject } from '../../identity/subject.ts';
import { forgetEmptyDisks } from '../local-disks.ts';
import { guestInput } from '../schemas.ts';
import { transitions } from '../states.ts';
import { runningColumns, stoppedColumns } from '../steps/guest.ts';
import { discardLeftBehind } from '../steps/left-behind.ts';
import { discardOldDisk } from '../steps/old-disk.ts';
import { beginTransition, settleServer } from '../transition.ts';

const hasLeft = ({ input }: { input: { leftHostId?: string } }) => input.leftHostId !== undefined;

/** Confirming can't fail: the server already is what it will be, and only the way back is given up. */
export const confirmResize = action(
  'server.confirm-resize',
  Type.Object({
    ...guestInput,
    oldDiskId: Type.String(),
    otherOldDiskIds: Type.Optional(Type.Array(Type.String())),
    /** The host that it has left, and all its disks there. */
    leftHostId: Type.Optional(Type.String()),
    leftDiskIds: Type.Optional(Type.Array(Type.String())),
  }),
  [
    span('compute_confirm_resize', [
      when(hasLeft, [discardLeftBehind]),
      when((facts: { input: { leftHostId?: string } }) => !hasLeft(facts), [discardOldDisk]),
    ]),
  ],
  {
    onFailure: 'park',
    async succeeded(tx, { services, input }) {
      await services.hosts.release(tx, input.serverId, 'previous');
      await forgetEmptyDisks(services, tx, input.serverId);
      const columns = input.wasStopped ? stoppedColumns : runningColumns;
      await settleServer(services, tx, input.serverId, { ...columns, previous: null });
    },
    async failed(tx, { services, input }) {
      for (const id of [input.oldDiskId, ...(input.otherOldDiskIds ?? [])]) await services.volumes.releaseDisk(tx, id);
      await services.hosts.release(tx, input.serverId, 'previous');
      await forgetEmptyDisks(services, tx, input.serverId);
      const columns = input.wasStopped ? stoppedColumns : runningColumns;
      await settleServer(services, tx, input.serverId, { ...columns, previous: null });
    },
  },
);

/** Keeps the new size, or the new host, and gives up the old one. */
export function requestConfirmResize(cloud: Cloud, subject: Subject, serverId: string) {
  return beginTransition(cloud, subject, serverId, transitions.confirmResize, (_tx, server) => {
    const { wasStopped, rootDiskId, hostId, disks = [] } = server.previous!;
    const otherOldDiskIds = disks.flatMap(({ diskId }) => diskId ?? []);
    const left = { leftHostId: hostId, leftDiskIds: [rootDiskId!, ...otherOldDiskIds] };
    const old = { oldDiskId: rootDiskId!, otherOldDiskIds };
    return {
      action: confirmResize,
      input: { serverId, hostId: server.hostId!, wasStopped, ...old, ...(hostId ? left : {}) },
    };
  });
}
