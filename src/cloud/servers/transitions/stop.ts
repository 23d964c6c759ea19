import { Type } from 'typebox';
import { action, span } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import type { Subject } from '../../identity/subject.ts';
import { guestInput } from '../schemas.ts';
import { transitions } from '../states.ts';
import { runningColumns, stopGuest, stoppedColumns } from '../steps/guest.ts';
import { beginTransition, settleServer } from '../transition.ts';

const StopInput = Type.Object({ ...guestInput, atOnce: Type.Optional(Type.Boolean()) });

export const stop = action('server.stop', StopInput, [span('compute_stop_instance', [stopGuest])], {
  async succeeded(tx, { services, input }) {
    await settleServer(services, tx, input.serverId, stoppedColumns);
  },
  async failed(tx, { services, input }) {
    await settleServer(services, tx, input.serverId, runningColumns);
  },
});

/**
 * Shuts a server down: its system is asked, and ended when it does not answer in time.
 * @param options.atOnce powers it off without asking
 */
export function requestStop(cloud: Cloud, subject: Subject, serverId: string, options: { atOnce?: boolean } = {}) {
  return beginTransition(cloud, subject, serverId, transitions.stop, (_tx, server) => ({
    action: stop,
    input: { serverId, hostId: server.hostId!, wasStopped: false, ...options },
  }));
}
