import type { Tx } from '../../../database/database.ts';
import { statement } from '../../../database/statement.ts';
import { step } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { ec2Files } from '../../metadata/ec2-documents.ts';
import { runGuest } from '../cdroms/run-guest.ts';
import { configDriveFiles } from '../config-drive.ts';
import { taggedDevicesOf } from '../device-tags.ts';
import type { SpecOverrides } from '../guest-spec.ts';
import { type FlavorFacts, power, type Server } from '../model.ts';
import { alignWithGuest } from '../power-sync.ts';
import { updateServer } from '../transition.ts';

/** What every step about a guest has to know. The host is known from the start, or found by `chooseHost`. */
export interface GuestInput {
  serverId: string;
  hostId?: string;
  /** Whether the guest was not running before: then unwinding leaves it off. */
  wasStopped?: boolean;
  /** Whether its system is not asked before it is stopped. */
  atOnce?: boolean;
  adminPass?: string;
  personality?: Array<{ path: string; contents: string }>;
  /** The flavor and root disk that the guest is to run with, where they are not committed yet. */
  newFlavor?: FlavorFacts;
  newDiskId?: string;
}

export interface GuestState {
  hostId: string;
}

type Context = { services: Cloud; input: Readonly<GuestInput>; state: Readonly<Partial<GuestState>> };

export function hostOf({
  input,
  state,
}: {
  input: Readonly<GuestInput>;
  state: Readonly<Partial<GuestState>>;
}): string {
  const hostId = state.hostId ?? input.hostId;
  if (!hostId) throw new Error('the server has no host');
  return hostId;
}

function agentOf(context: Context) {
  return context.services.hosts.agent(hostOf(context));
}

/** Runs the server's guest again as its rows have it, unless it is going away. */
export async function startAsBefore(context: Context): Promise<void> {
  const server = await context.services.servers.byId(context.input.serverId);
  if (isGoingAway(server)) return;
  await runGuest(context.services, hostOf(context), server);
}

/** What is undone for a server that is going away need not be what it was: all that is left of it is removed. */
export function isGoingAway({ taskState, deletedAt }: Pick<Server, 'taskState' | 'deletedAt'>): boolean {
  return taskState === 'deleting' || deletedAt !== null;
}

/**
 * For what is undone long after the action has ended for its user: meanwhile the server may have been found to be as its
 * guest was, so now it has to be told again. While something is under way on it, its end does that.
 */
export function telling({ services, input }: Context, state: 'running' | 'stopped') {
  return { commit: async (tx: Tx) => void (await alignWithGuest(services, tx, input.serverId, state)) };
}

const retry = { attempts: 3, backoffMs: 500 };

/** Shuts the guest down, gently first where it is not to be at once. Undone by starting it, if it was running. */
export const stopGuest = step<GuestInput, GuestState>('stopGuest', {
  retry,
  async do(context) {
    const graceSeconds = context.input.atOnce ? 0 : context.services.settings.shutdownGrace;
    await agentOf(context).stopGuest(context.input.serverId, { graceSeconds });
  },
  async undo(context) {
    if (context.input.wasStopped || context.isSuperseded) return;
    await startAsBefore(context);
    return telling(context, 'running');
  },
});

/** Powers the guest off at once: it has only just begun to boot and would not hear a gentle request. */
export const powerOffGuest = step<GuestInput, GuestState>('powerOffGuest', {
  retry,
  async do(context) {
    await agentOf(context).stopGuest(context.input.serverId, { graceSeconds: 0 });
  },
  // Nothing to undo: whoever unwinds further decides whether the guest runs.
});

/** Writes what the guest reads about itself. */
export const writeConfigDrive = step<GuestInput, GuestState>('writeConfigDrive', {
  retry,
  async do(context) {
    const { services, input } = context;
    // The networks themselves are made meanwhile: what starts the guest waits for them.
    await services.hostNetworks.ensureServed(hostOf(context));
    const server = await services.servers.byId(input.serverId);
    const overrides: SpecOverrides = { flavor: input.newFlavor, rootDiskId: input.newDiskId };
    const files = configDriveFiles({
      server,
      zoneName: (await services.zones.names()).get(server.zoneId) ?? '',
      nics: await services.networks.nicsOf(server.id),
      devices: await taggedDevicesOf(services, server, { hostId: hostOf(context), overrides }),
      adminPass: input.adminPass,
      personality: input.personality,
    });
    await agentOf(context).ensureConfigDrive(input.serverId, { ...files, ...(await ec2Files(services, server.id)) });
  },
  // Nothing to undo: a later start writes it anew, and removing the guest removes it.
});

/** As `writeConfigDrive`, for a guest that is new on its host: unwinding removes all the host keeps of it. */
export const prepareGuest = step<GuestInput, GuestState>('prepareGuest', {
  retry,
  do: writeConfigDrive.do,
  async undo(context) {
    const { services, input, isSuperseded } = context;
    const isThereAgain = isSuperseded && (await services.servers.byId(input.serverId)).hostId === hostOf(context);
    if (!isThereAgain) await agentOf(context).removeGuest(input.serverId);
  },
});

/** Runs the guest, with the size and root disk that the action is about to give it. */
export const startGuest = step<GuestInput, GuestState>('startGuest', {
  retry,
  async do(context) {
    const { services, input } = context;
    const server = await services.servers.byId(input.serverId);
    const overrides: SpecOverrides = { flavor: input.newFlavor, rootDiskId: input.newDiskId };
    await runGuest(services, hostOf(context), server, overrides);
  },
  async undo(context) {
    if (context.isSuperseded) return;
    await agentOf(context).stopGuest(context.input.serverId, { graceSeconds: 0 });
    return telling(context, 'stopped');
  },
});

/** Network ports follow the guest to its host. */
export const bindPorts = step<GuestInput, GuestState>('bindPorts', {
  async do(context) {
    const { services, input } = context;
    const hostId = hostOf(context);
    return { commit: (tx) => services.networks.bindPorts(tx, input.serverId, hostId, 'ACTIVE') };
  },
  async undo({ services, input }) {
    return { commit: (tx) => services.networks.bindPorts(tx, input.serverId, null, 'DOWN') };
  },
});

const taskOf = statement((q, p: { serverId: string }) =>
  q.selectFrom('servers').select('task_state').where('id', '=', p.serverId),
);

/** Tells readers of the server what is being done right now. */
export function setTask(task: string, name = `task:${task}`) {
  return step<GuestInput, GuestState>(name, {
    async do({ services, input }) {
      return {
        commit: async (tx) => {
          const server = await taskOf.first(tx, { serverId: input.serverId });
          if (server && server.task_state !== 'deleting')
            await updateServer(services, tx, input.serverId, { task_state: task });
        },
      };
    },
    // Nothing to undo: the action's end sets the task.
  });
}

/** Columns of a server whose guest runs, and of one whose guest does not. */
export const runningColumns = {
  vm_state: 'active',
  power_state: power.running,
  task_state: null,
  progress: 100,
} as const;
export const stoppedColumns = {
  vm_state: 'stopped',
  power_state: power.shutdown,
  task_state: null,
  progress: 100,
} as const;
