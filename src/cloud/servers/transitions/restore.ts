import { Type } from 'typebox';
import type { ServersTable } from '../../../database/schema.ts';
import { action, span, when } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import type { Subject } from '../../identity/subject.ts';
import { power, type Server } from '../model.ts';
import { guestInput } from '../schemas.ts';
import { transitions } from '../states.ts';
import { startGuest, writeConfigDrive } from '../steps/guest.ts';
import { beginTransition, settleServer } from '../transition.ts';

/** States that are more than whether a guest runs: they are what the server goes back to. */
const kept: ReadonlySet<string> = new Set(['resized', 'rescued', 'shelved', 'shelved_offloaded']);

function restoredTo(server: Server, start: boolean): Pick<ServersTable, 'vm_state' | 'power_state'> {
  const { deletedFrom, hostId } = server;
  const isAway = hostId === null;
  const power_state = isAway || !start ? server.powerState : power.running;
  if (deletedFrom !== null && (kept.has(deletedFrom) || isAway)) return { vm_state: deletedFrom, power_state };
  if (start) return { vm_state: 'active', power_state };
  if (deletedFrom === 'suspended') return { vm_state: 'suspended', power_state };
  return { vm_state: 'stopped', power_state: power.shutdown };
}

export const restore = action(
  'server.restore',
  Type.Object({
    ...guestInput,
    hostId: Type.Optional(Type.String()),
    start: Type.Boolean(),
    vmState: Type.String(),
    powerState: Type.Number(),
  }),
  [
    when(
      ({ input }: { input: { start: boolean; hostId?: string } }) => input.start && input.hostId !== undefined,
      [span('compute_restore_instance', [writeConfigDrive, startGuest])],
    ),
  ],
  {
    async succeeded(tx, { services, input }) {
      await settleServer(services, tx, input.serverId, {
        vm_state: input.vmState as ServersTable['vm_state'],
        power_state: input.powerState,
        task_state: null,
        deleted_from: null,
        reclaim_at: null,
      });
    },
    async failed(tx, { services, input }) {
      await settleServer(services, tx, input.serverId, { task_state: null });
    },
  },
);

/**
 * Takes the deletion of a soft-deleted server back. It runs then, as Nova has it, whatever it did before; what was
 * resized, rescued or shelved is that again. Throws `quota_exceeded` where its project has filled its place meanwhile.
 * @param options.start whether its guest is switched on. Default: yes
 */
export function requestRestore(cloud: Cloud, subject: Subject, serverId: string, options: { start?: boolean } = {}) {
  const start = options.start ?? true;
  return beginTransition(cloud, subject, serverId, transitions.restore, async (tx, server) => {
    const { vcpus, memoryMb } = server.flavor;
    const more = { instances: 1, cores: vcpus, ram_mb: memoryMb };
    await cloud.quotas.check(tx, server.projectId, more, server.zoneId);
    const { vm_state: vmState, power_state: powerState } = restoredTo(server, start);
    return {
      action: restore,
      input: { serverId, hostId: server.hostId ?? undefined, wasStopped: true, start, vmState, powerState },
    };
  });
}
