import { Type } from 'typebox';
import { action, span } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import type { Subject } from '../../identity/subject.ts';
import { guestInput } from '../schemas.ts';
import { transitions } from '../states.ts';
import { runningColumns, stoppedColumns } from '../steps/guest.ts';
import { discardOldDisk } from '../steps/old-disk.ts';
import { beginTransition, settleServer } from '../transition.ts';

/** Confirming can't fail: the server already is what it will be, and only the way back is given up. */
export const confirmResize = action(
  'server.confirm-resize',
  Type.Object({ ...guestInput, oldDiskId: Type.String() }),
  [span('compute_confirm_resize', [discardOldDisk])],
  {
    onFailure: 'park',
    async succeeded(tx, { services, input }) {
      await services.hosts.release(tx, input.serverId, 'previous');
      const columns = input.wasStopped ? stoppedColumns : runningColumns;
      await settleServer(services, tx, input.serverId, { ...columns, previous: null });
    },
    async failed(tx, { services, input }) {
      await services.volumes.releaseDisk(tx, input.oldDiskId);
      await services.hosts.release(tx, input.serverId, 'previous');
      const columns = input.wasStopped ? stoppedColumns : runningColumns;
      await settleServer(services, tx, input.serverId, { ...columns, previous: null });
    },
  },
);

/** Keeps the new size and gives up the old one. */
export function requestConfirmResize(cloud: Cloud, subject: Subject, serverId: string) {
  return beginTransition(cloud, subject, serverId, transitions.confirmResize, (_tx, server) => ({
    action: confirmResize,
    input: {
      serverId,
      hostId: server.hostId!,
      wasStopped: server.previous!.wasStopped,
      oldDiskId: server.previous!.rootDiskId!,
    },
  }));
}
