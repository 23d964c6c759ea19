import { AgentError, type HostAgent } from '../agent/contract.ts';
import type { SimulatedHost } from '../agent/hypervisor/simulated/simulated-host.ts';
import { pauseOf } from '../env/seeded-random.ts';
import type { Adversity } from './adversity.ts';
import type { SimulatedProcess } from './process.ts';
import type { Trace } from './trace.ts';

/** How long a caller waits for an answer, milliseconds. */
const patience = 10_000;

/** Verbs that put bytes on a host. */
const takesRoom = new Set(['ensureImageCached', 'ensureDisk', 'ensureConfigDrive', 'suspendGuest']);

export interface LinkParts {
  host: SimulatedHost;
  /** Which of the hosts it is. */
  index: number;
  /** Who calls. What is on its way when it dies does not arrive. */
  process: SimulatedProcess;
  adversity: Adversity;
  random: () => number;
  trace: Trace;
}

/**
 * A host as a control plane reaches it: calls take their time, and requests, answers and news are lost or come twice as
 * the weather has it. All that passes is plain JSON.
 */
export function linkTo(parts: LinkParts): HostAgent {
  const { host, process } = parts;
  const link = new Proxy(host, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== 'function') return value;
      if (name === 'serveMetadata' || name === 'close') return value.bind(target);
      if (name === 'watchGuests') return watcher(parts);
      return async (...args: unknown[]) => await call(parts, String(name), args);
    },
  });
  return process.wrap<HostAgent>(link);
}

function watcher({ host, index, adversity, random }: LinkParts): HostAgent['watchGuests'] {
  return (listener) =>
    host.watchGuests((change) => {
      const { weather, isLost } = adversity.hosts[index]!;
      if (isLost || random() < weather.lostChange) adversity.count('lost news of guests');
      else listener(change);
    });
}

async function call(parts: LinkParts, verb: string, args: readonly unknown[]): Promise<unknown> {
  const { index, process, adversity, random, trace } = parts;
  const condition = adversity.hosts[index]!;
  // What a host is can be told by its agent, whatever else is the matter.
  if (verb === 'describe') return await perform(parts, verb, args);
  await process.env.sleep(pauseOf(random, condition.weather.latency));
  const { weather, isLost } = condition;
  if (isLost || random() < weather.lostRequest) {
    if (!isLost) adversity.count('lost requests');
    trace.note(`host${index} ${verb} does not arrive`);
    return await unanswered(parts);
  }
  refuse(parts, verb);
  if (random() < weather.duplicate) {
    adversity.count('duplicate requests');
    await perform(parts, verb, args).catch(() => {});
  }
  const result = await perform(parts, verb, args);
  if (random() < weather.lostAnswer) {
    adversity.count('lost answers');
    trace.note(`host${index} ${verb} is done and not answered`);
    return await unanswered(parts);
  }
  return result;
}

async function perform({ host, index, trace }: LinkParts, verb: string, args: readonly unknown[]): Promise<unknown> {
  const method = Reflect.get(host, verb) as (...args: unknown[]) => Promise<unknown>;
  try {
    const result = await method.apply(host, structuredClone(args) as unknown[]);
    trace.note(`host${index} ${verb} ${subjectOf(args[0])}`);
    return structuredClone(result);
  } catch (error) {
    trace.note(`host${index} ${verb} ${subjectOf(args[0])} fails: ${error instanceof Error ? error.message : error}`);
    throw error;
  }
}

/** The id of what a verb is about. */
function subjectOf(argument: unknown): string {
  if (typeof argument === 'string') return argument;
  if (typeof argument !== 'object' || argument === null) return '';
  const { imageId, diskId, serverId } = argument as { imageId?: string; diskId?: string; serverId?: string };
  return imageId ?? diskId ?? serverId ?? '';
}

function refuse({ index, adversity, random }: LinkParts, verb: string): void {
  const { weather } = adversity.hosts[index]!;
  if (weather.isFull && takesRoom.has(verb)) {
    adversity.count('full disks');
    throw new AgentError('no_space', 'there is no room left on the disks of the host');
  }
  if (verb === 'ensureGuestRunning' && random() < weather.failedStart) {
    adversity.count('failed starts');
    throw new AgentError('hypervisor_failed', 'the hypervisor ended before the guest ran');
  }
  if (random() < weather.failure) {
    adversity.count('failed calls');
    throw new AgentError('hypervisor_failed', `${verb} failed by chance`);
  }
}

async function unanswered({ index, process, random }: LinkParts): Promise<never> {
  await process.env.sleep(patience * (0.5 + random()));
  throw new AgentError('unreachable', `host ${index} does not answer`);
}
