import { Type } from 'typebox';
import { action, span } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import type { Subject } from '../../identity/subject.ts';
import { guestInput } from '../schemas.ts';
import { transitions } from '../states.ts';
import { runningColumns, startGuest, stoppedColumns, writeConfigDrive } from '../steps/guest.ts';
import { beginTransition, settleServer } from '../transition.ts';

export const start = action(
  'server.start',
  Type.Object(guestInput),
  [span('compute_start_instance', [writeConfigDrive, startGuest])],
  {
    async succeeded(tx, { services, input }) {
      await settleServer(services, tx, input.serverId, { ...runningColumns, fault: null });
    },
    async failed(tx, { services, input }) {
      await settleServer(services, tx, input.serverId, stoppedColumns);
    },
  },
);

/** Powers a stopped server on. */
export function requestStart(cloud: Cloud, subject: Subject, serverId: string) {
  return beginTransition(cloud, subject, serverId, transitions.start, (_tx, server) => ({
    action: start,
    input: { serverId, hostId: server.hostId!, wasStopped: true },
  }));
}
