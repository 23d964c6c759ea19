import { Type } from 'typebox';
import { action, span, step } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import type { Subject } from '../../identity/subject.ts';
import { power } from '../model.ts';
import { guestInput } from '../schemas.ts';
import { transitions } from '../states.ts';
import { beginTransition } from '../transition.ts';

const injectNmi = step<{ serverId: string; hostId: string }>('injectNmi', {
  do: ({ services, input }) => services.hosts.agent(input.hostId).injectNmi(input.serverId),
  // Nothing to undo: the guest has been told. Not tried again either, as it may have been told all the same.
});

export const crashDump = action(
  'server.crash-dump',
  Type.Object(guestInput),
  [span('compute_trigger_crash_dump', [injectNmi])],
  // The server stays what it is: what its system does now is its own affair.
  { async succeeded() {}, async failed() {} },
);

/** Sends the guest a non-maskable interrupt: systems that are set up so write a dump of their memory then. */
export function requestCrashDump(cloud: Cloud, subject: Subject, serverId: string) {
  return beginTransition(cloud, subject, serverId, transitions.crashDump, (_tx, server) => ({
    action: crashDump,
    input: { serverId, hostId: server.hostId!, wasStopped: server.powerState !== power.running },
  }));
}
