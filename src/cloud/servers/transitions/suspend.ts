import { Type } from 'typebox';
import { action, span, step } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import type { Subject } from '../../identity/subject.ts';
import { power } from '../model.ts';
import { guestInput } from '../schemas.ts';
import { transitions } from '../states.ts';
import { runningColumns } from '../steps/guest.ts';
import { faultOf } from '../steps/settle.ts';
import { beginTransition, settleServer } from '../transition.ts';

interface Input {
  serverId: string;
  hostId: string;
}

const retry = { attempts: 3, backoffMs: 500 };
const suspendedColumns = { vm_state: 'suspended', power_state: power.suspended, task_state: null } as const;

async function suspend({ services, input }: { services: Cloud; input: Readonly<Input> }): Promise<void> {
  await services.hosts.agent(input.hostId).suspendGuest(input.serverId);
}

async function resume({ services, input }: { services: Cloud; input: Readonly<Input> }): Promise<void> {
  await services.hosts.agent(input.hostId).resumeGuest(input.serverId);
}

/** There is nothing to undo where the guest ended by itself meanwhile. */
async function canBeUndone(context: {
  services: Cloud;
  input: Readonly<Input>;
  isSuperseded: boolean;
}): Promise<boolean> {
  const { services, input, isSuperseded } = context;
  if (isSuperseded) return false;
  const state = await services.hosts.agent(input.hostId).guestState(input.serverId);
  return state !== 'stopped' && state !== 'absent';
}

const suspendGuest = step<Input>('suspendGuest', {
  retry,
  do: suspend,
  undo: async (context) => void ((await canBeUndone(context)) && (await resume(context))),
});

const resumeGuest = step<Input>('resumeGuest', {
  retry,
  do: resume,
  undo: async (context) => void ((await canBeUndone(context)) && (await suspend(context))),
});

export const suspendServer = action(
  'server.suspend',
  Type.Object(guestInput),
  [span('compute_suspend_instance', [suspendGuest])],
  {
    async succeeded(tx, { services, input }) {
      await settleServer(services, tx, input.serverId, suspendedColumns);
    },
    async failed(tx, { services, input, now }, failure) {
      await settleServer(services, tx, input.serverId, { ...runningColumns, ...faultOf(failure, now) });
    },
  },
);

export const resumeServer = action(
  'server.resume',
  Type.Object(guestInput),
  [span('compute_resume_instance', [resumeGuest])],
  {
    async succeeded(tx, { services, input }) {
      await settleServer(services, tx, input.serverId, { ...runningColumns, fault: null });
    },
    async failed(tx, { services, input, now }, failure) {
      await settleServer(services, tx, input.serverId, { ...suspendedColumns, ...faultOf(failure, now) });
    },
  },
);

/** Writes the guest's memory to its host's disk and ends it: it needs no processor and no memory until it is resumed. */
export function requestSuspend(cloud: Cloud, subject: Subject, serverId: string) {
  return beginTransition(cloud, subject, serverId, transitions.suspend, (_tx, server) => ({
    action: suspendServer,
    input: { serverId, hostId: server.hostId!, wasStopped: false },
  }));
}

/** Lets a suspended server go on from the moment at which it was suspended. */
export function requestResume(cloud: Cloud, subject: Subject, serverId: string) {
  return beginTransition(cloud, subject, serverId, transitions.resume, (_tx, server) => ({
    action: resumeServer,
    input: { serverId, hostId: server.hostId!, wasStopped: false },
  }));
}
