import { Type } from 'typebox';
import type { VmState } from '../../../database/schema.ts';
import { action, span, step, when } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import type { Subject } from '../../identity/subject.ts';
import { power } from '../model.ts';
import { transitions } from '../states.ts';
import { startAsBefore, telling } from '../steps/guest.ts';
import { checkTransition, lockServer, settleServer, updateServer } from '../transition.ts';

interface Input {
  serverId: string;
  keepSeconds: number;
}
interface State {
  hostId: string | null;
  /** What it is restored to. */
  from: VmState;
  powerState: number;
}

/** What the server is is known only now: an unfinished action may have been unwound in between. */
const lookUp = step<Input, State>('lookUp', {
  async do({ services, input }) {
    const { hostId, vmState, powerState } = await services.servers.byId(input.serverId);
    return { state: { hostId, from: vmState, powerState } };
  },
});

const wasOn = ({ powerState }: Partial<State>) => powerState === power.running || powerState === power.paused;

const stopDeletedGuest = step<Input, State>('stopGuest', {
  retry: { attempts: 3, backoffMs: 500 },
  async do({ services, input, state }) {
    // It has no process then, and its memory is what its user wants back.
    if (state.from === 'suspended') return;
    const graceSeconds = services.settings.shutdownGrace;
    await services.hosts.agent(state.hostId!).stopGuest(input.serverId, { graceSeconds });
  },
  async undo(context) {
    if (context.isSuperseded || !wasOn(context.state)) return;
    const state = { hostId: context.state.hostId! };
    await startAsBefore({ ...context, state });
    return telling({ ...context, state }, 'running');
  },
});

/** The deletion of a server that can be restored for a while: its guest is switched off, all else stays. */
export const softDelete = action(
  'server.soft-delete',
  Type.Object({ serverId: Type.String(), keepSeconds: Type.Number() }),
  [
    lookUp,
    when(
      ({ state }: { state: Partial<State> }) => state.hostId !== null,
      [span('compute_soft_delete_instance', [stopDeletedGuest])],
    ),
  ],
  {
    async succeeded(tx, { services, input, state, now }) {
      const power_state = wasOn(state) ? power.shutdown : state.powerState;
      await settleServer(services, tx, input.serverId, {
        vm_state: 'soft-delete',
        task_state: null,
        power_state,
        deleted_from: state.from,
        reclaim_at: now + input.keepSeconds * 1_000_000,
      });
    },
    async failed(tx, { services, input, state }) {
      // A paused guest was started again, so it is not paused any more.
      const isRunning = state.from === 'paused' && { vm_state: 'active' as const, power_state: power.running };
      await settleServer(services, tx, input.serverId, { task_state: null, ...isRunning });
    },
  },
);

/**
 * Deletes a server so that it can be restored for `keepSeconds`. What is under way on it is cancelled first. One that is
 * soft-deleted already stays so, and keeps its time.
 */
export async function requestSoftDelete(
  cloud: Cloud,
  subject: Subject,
  serverId: string,
  keepSeconds: number,
): Promise<{ actionId?: string }> {
  return await cloud.db.write(async (tx) => {
    const server = await lockServer(tx, subject, serverId);
    const isGoing = server.taskState === 'deleting' || server.taskState === 'soft-deleting';
    if (server.vmState === 'soft-delete' || isGoing) return {};
    checkTransition(subject, server, transitions.softDelete);
    await cloud.servers.consoles.revoke(tx, serverId);
    await updateServer(cloud, tx, serverId, { task_state: transitions.softDelete.task });
    await cloud.runner.cancel(tx, serverId);
    const actionId = await cloud.runner.submit(tx, softDelete, {
      input: { serverId, keepSeconds },
      name: transitions.softDelete.name,
      resourceType: 'server',
      resourceId: serverId,
      projectId: server.projectId,
      userId: subject.userId,
      requestId: subject.requestId,
    });
    return { actionId };
  });
}
