import { AgentError, type HostAgent } from '../../agent/contract.ts';
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
