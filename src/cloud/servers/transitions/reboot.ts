import { Type } from 'typebox';
import { statement } from '../../../database/statement.ts';
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
    const isAsItShallBe = input.type === 'soft' || !(await hasFormerDisk(services, input.serverId));
    if (state === 'running' && isAsItShallBe) {
      const graceSeconds = services.settings.shutdownGrace;
      const screenPassword = await services.servers.consolePasswords.of(input.serverId);
      const options = { type: input.type, graceSeconds, ...(screenPassword === undefined ? {} : { screenPassword }) };
      return await agent.rebootGuest(input.serverId, options);
    }
    // A hard reboot is also the way back from any other state: the guest begins anew.
    await agent.stopGuest(input.serverId, { graceSeconds: 0 });
    await runGuest(services, input.hostId, await services.servers.byId(input.serverId));
  },
  // Nothing to undo: a guest that was reset can't be un-reset.
});

/** Whether the guest may have a disk that its server has no more: only a guest that begins anew is without it. */
async function hasFormerDisk({ db }: Cloud, serverId: string): Promise<boolean> {
  return (await formerDisks.first(db.read, { serverId })) !== undefined;
}

const formerDisks = statement((q, p: { serverId: string }) =>
  q
    .selectFrom('servers')
    .innerJoin('disks', 'disks.volume_id', 'servers.root_volume_id')
    .select('disks.id')
    .where('servers.id', '=', p.serverId)
    .where('disks.released_at', 'is not', null),
);

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
