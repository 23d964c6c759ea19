import { AgentError, type HostAgent } from '../../agent/contract.ts';
import type { FarAgentOpener } from '../far-hosts/model.ts';
import type { Faults } from './faults.ts';

/** What is asked of the agent beside the host itself. */
const local: ReadonlySet<string> = new Set(['watchGuests', 'serveMetadata', 'close', 'describe']);

/** The host, which does not answer while a fault has it lost. */
export function losable(name: string, agent: HostAgent, faults: Faults): HostAgent {
  return new Proxy(agent, {
    get(target, verb) {
      const value = Reflect.get(target, verb) as unknown;
      if (typeof value !== 'function') return value;
      if (local.has(String(verb))) return value.bind(target);
      return async (...args: unknown[]) => {
        if (faults.isLost(name)) throw new AgentError('unreachable', `host ${name} does not answer (fault injection)`);
        return await value.apply(target, args);
      };
    },
  });
}

/** Hosts on other machines, which do not answer while a fault has them lost. */
export function losableMachines(open: FarAgentOpener, faults: Faults): FarAgentOpener {
  if (!faults.isEnabled) return open;
  return (options) => {
    const far = open(options);
    return Object.create(far, { agent: { value: losable(options.name, far.agent, faults) } });
  };
}
