import { AgentError, type HostAgent, type HostDescription } from '../../agent/contract.ts';
import type { FarAgent } from './model.ts';

const never = async (): Promise<never> => {
  throw new AgentError('unreachable', 'The machine of the host was given up.', { retryable: false });
};

/** What is removed from a machine that is gone is removed already, and so is what was never there. Nothing else can be asked of it. */
const removals = {
  async inventory() {
    return { guests: [], disks: [], images: [], strayFiles: [], networkDevices: [] };
  },
  guestState: async () => 'absent' as const,
  async removeGuest() {},
  async stopGuest() {},
  async removeDisk() {},
  async detachDisk() {},
  async detachNic() {},
  async removeCachedImage() {},
  async applyNetworks() {},
  applyStorages: async (desired) => (desired.length === 0 ? [] : await never()),
  watchGuests: () => () => {},
  serveMetadata: () => () => {},
  async close() {},
} satisfies Partial<HostAgent>;

/** The agent of a host whose machine was given up: whoever waits for it to remove something waits no more. */
export function goneMachine(known: HostDescription | undefined): FarAgent {
  const agent = new Proxy(removals as unknown as HostAgent, {
    get(target, name) {
      if (name === 'describe') return async () => known ?? (await never());
      return Reflect.get(target, name) ?? (typeof name === 'string' && name !== 'then' ? never : undefined);
    },
  });
  return { agent, isConnected: false, connect: never, keep() {}, reconnect: never, async leave() {} };
}
