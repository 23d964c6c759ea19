import { Type } from 'typebox';
import { action, span, step } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import type { Subject } from '../../identity/subject.ts';
import { power } from '../model.ts';
import { guestInput } from '../schemas.ts';
import { transitions } from '../states.ts';
import { runningColumns } from '../steps/guest.ts';
import { beginTransition, settleServer } from '../transition.ts';

interface Input {
  serverId: string;
  hostId: string;
}

const retry = { attempts: 3, backoffMs: 500 };
const pausedColumns = { vm_state: 'paused', power_state: power.paused, task_state: null } as const;

/** What is undone must be this action's work still, and a guest that ended by itself has nothing to be undone. */
async function canBeUndone(context: { services: Cloud; input: Readonly<Input>; isSuperseded: boolean }) {
  const { services, input, isSuperseded } = context;
  if (isSuperseded) return false;
  const state = await services.hosts.agent(input.hostId).guestState(input.serverId);
  return state === 'running' || state === 'paused';
}

const pauseGuest = step<Input>('pauseGuest', {
  retry,
  do: ({ services, input }) => services.hosts.agent(input.hostId).pauseGuest(input.serverId),
  async undo(context) {
    const { services, input } = context;
    if (await canBeUndone(context)) await services.hosts.agent(input.hostId).resumeGuest(input.serverId);
  },
});

const resumeGuest = step<Input>('resumeGuest', {
  retry,
  do: ({ services, input }) => services.hosts.agent(input.hostId).resumeGuest(input.serverId),
  async undo(context) {
    const { services, input } = context;
    if (await canBeUndone(context)) await services.hosts.agent(input.hostId).pauseGuest(input.serverId);
  },
});

export const pause = action('server.pause', Type.Object(guestInput), [span('compute_pause_instance', [pauseGuest])], {
  async succeeded(tx, { services, input }) {
    await settleServer(services, tx, input.serverId, pausedColumns);
  },
  async failed(tx, { services, input }) {
    await settleServer(services, tx, input.serverId, runningColumns);
  },
});

export const unpause = action(
  'server.unpause',
  Type.Object(guestInput),
  [span('compute_unpause_instance', [resumeGuest])],
  {
    async succeeded(tx, { services, input }) {
      await settleServer(services, tx, input.serverId, runningColumns);
    },
    async failed(tx, { services, input }) {
      await settleServer(services, tx, input.serverId, pausedColumns);
    },
  },
);

/** Stops the guest's virtual processors; its memory stays on the host. */
export function requestPause(cloud: Cloud, subject: Subject, serverId: string) {
  return beginTransition(cloud, subject, serverId, transitions.pause, (_tx, server) => ({
    action: pause,
    input: { serverId, hostId: server.hostId!, wasStopped: false },
  }));
}

export function requestUnpause(cloud: Cloud, subject: Subject, serverId: string) {
  return beginTransition(cloud, subject, serverId, transitions.unpause, (_tx, server) => ({
    action: unpause,
    input: { serverId, hostId: server.hostId!, wasStopped: false },
  }));
}
