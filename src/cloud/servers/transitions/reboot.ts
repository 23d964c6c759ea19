import { Type } from 'typebox';
import { action, span, step } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import type { Subject } from '../../identity/subject.ts';
import { runGuest } from '../cdroms/run-guest.ts';
import { guestInput } from '../schemas.ts';
import { transitions } from '../states.ts';
import { runningColumns } from '../steps/guest.ts';
import { faultOf } from '../steps/settle.ts';
import { beginTransition, settleServer } from '../transition.ts';

const RebootInput = Type.Object({ ...guestInput, type: Type.Union([Type.Literal('soft'), Type.Literal('hard')]) });

const rebootGuest = step<{ serverId: string; hostId: string; type: 'soft' | 'hard' }>('rebootGuest', {
  retry: { attempts: 3, backoffMs: 500 },
  async do({ services, input }) {
    const agent = services.hosts.agent(input.hostId);
    const state = await agent.guestState(input.serverId);
    if (state === 'running') {
      const graceSeconds = services.settings.shutdownGrace;
      return await agent.rebootGuest(input.serverId, { type: input.type, graceSeconds });
    }
    // A hard reboot is also the way back from any other state: the guest begins anew.
    await agent.stopGuest(input.serverId, { graceSeconds: 0 });
    await runGuest(services, input.hostId, await services.servers.byId(input.serverId));
  },
  // Nothing to undo: a guest that was reset can't be un-reset.
});

export const reboot = action('server.reboot', RebootInput, [span('compute_reboot_instance', [rebootGuest])], {
  async succeeded(tx, { services, input }) {
    await settleServer(services, tx, input.serverId, { ...runningColumns, fault: null });
  },
  async failed(tx, { services, input, now }, failure) {
    // Whether it runs is not known: the power state reconciler will find out.
    await settleServer(services, tx, input.serverId, { vm_state: 'error', task_state: null, ...faultOf(failure, now) });
  },
});

/** `soft` asks the guest's system; `hard` is the reset button, and starts a guest that does not run. */
export function requestReboot(cloud: Cloud, subject: Subject, serverId: string, type: 'soft' | 'hard') {
  const transition = type === 'soft' ? transitions.rebootSoft : transitions.rebootHard;
  return beginTransition(cloud, subject, serverId, transition, (_tx, server) => ({
    action: reboot,
    input: { serverId, hostId: server.hostId!, wasStopped: server.vmState === 'stopped', type },
  }));
}
