import { afterAll, describe, expect } from 'vitest';
import { realEnv } from '../../env/real.ts';
import { AgentError, type HostAgent } from '../contract.ts';
import { hostAgentContract } from '../contract-suite.ts';
import { openSimulatedHost, type SimulatedHost } from '../hypervisor/simulated/simulated-host.ts';
import { type Mishap, serveOverUnsteadyLine, type UnsteadyHost } from './unsteady-line.fixture.ts';
import { isVerb, type Verb } from './verbs.ts';

const real = realEnv();
/** A line that was cut is there again at once. */
const env = {
  ...real,
  sleep: (ms: number, signal?: AbortSignal) => real.sleep(ms > 5000 ? ms : Math.min(ms, 20), signal),
};

/** Each question that is new, as to its words; folders that are lent have another name each time. */
function firstOfEach(): (verb: Verb, args: readonly unknown[]) => boolean {
  const said = new Set<string>();
  return (verb, args) => {
    const words = JSON.stringify([verb, args]).replaceAll(/\/lent\/\w+/g, '');
    return said.size < said.add(words).size;
  };
}

/** Asks again what has got no answer, as the steps of actions do. */
function persistent(agent: HostAgent): HostAgent {
  return new Proxy(agent, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== 'function' || !isVerb(String(name))) return value;
      return async (...args: unknown[]) => {
        for (let tries = 1; ; tries += 1) {
          try {
            return (await value.apply(target, args)) as unknown;
          } catch (error) {
            const isLost = error instanceof AgentError && error.code === 'unreachable';
            if (!isLost || tries === 4) throw error;
          }
        }
      };
    },
  });
}

/** What the suite is given, and the host itself beneath. */
interface Subject extends HostAgent {
  readonly beneath: SimulatedHost;
}

for (const mishap of ['twice', 'lost answer', 'lost request', 'late'] satisfies Mishap[]) {
  describe(`every question is ${mishap === 'twice' ? 'asked twice' : mishap}`, () => {
    const opened: UnsteadyHost[] = [];
    afterAll(() => {
      const tried = new Set(opened.flatMap(({ happened }) => [...happened]));
      expect(tried.size).toBeGreaterThan(15);
    });

    hostAgentContract<Subject>('a host on another machine', {
      async open(directory) {
        const beneath = await openSimulatedHost({ directory, env: real });
        const isNew = firstOfEach();
        // Whoever exports again does so to another folder, as that one went with the line.
        const isOnce = (verb: Verb) => verb === 'injectNmi' || (verb === 'exportDisk' && mishap === 'twice');
        const mishapOf = (verb: Verb, args: readonly unknown[]) =>
          !isOnce(verb) && isNew(verb, args) ? mishap : undefined;
        const served = await serveOverUnsteadyLine(env, beneath, mishapOf);
        opened.push(served);
        return new Proxy(persistent(served.agent), {
          get(target, name) {
            if (name === 'beneath') return beneath;
            if (name !== 'close') return Reflect.get(target, name) as unknown;
            return async () => {
              await served.close();
              await beneath.close();
            };
          },
        }) as Subject;
      },
      crashGuest: async (host, serverId) => host.beneath.endGuest(serverId),
    });
  });
}
