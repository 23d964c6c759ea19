import type { Env } from '../../../env/env.ts';
import type { AgentLog } from '../../log.ts';
import type { QemuGuest } from './guest.ts';
import { GuestAgent, isAgentListening } from './guest-agent.ts';

const syncLimitMs = 5000;
const freezeLimitMs = 20_000;

interface Context {
  env: Env;
  log: AgentLog;
}

/**
 * Does the work, which has to be short, while the file systems of the guest hold still and are whole on its disks. A
 * guest without an agent, or whose agent can't do it, is left as it is: then its disk is as after a power failure.
 */
export async function whileFrozen<T>(guest: QemuGuest, { env, log }: Context, work: () => Promise<T>): Promise<T> {
  const agent = await openAgent(guest, env).catch(() => undefined);
  if (!agent) return await work();
  using _ = agent;
  try {
    await agent
      .execute('guest-fsfreeze-freeze', undefined, freezeLimitMs)
      .catch((error) => log.info({ serverId: guest.serverId, error }, 'a guest could not hold its file systems still'));
    return await work();
  } finally {
    await thaw(agent).catch((error) =>
      log.warn({ serverId: guest.serverId, error }, 'the file systems of a guest could not be let go again yet'),
    );
  }
}

/** Lets the file systems go that an earlier process left frozen. */
export async function letGo(guest: QemuGuest, { env, log }: Context): Promise<void> {
  try {
    using agent = await openAgent(guest, env);
    if (agent) await thaw(agent);
  } catch (error) {
    log.info({ serverId: guest.serverId, error }, 'the agent of a guest does not answer');
  }
}

async function openAgent(guest: QemuGuest, env: Env): Promise<GuestAgent | undefined> {
  if (!(await isAgentListening(await guest.monitor()))) return undefined;
  return await GuestAgent.open(guest.folder, env, syncLimitMs);
}

async function thaw(agent: GuestAgent): Promise<void> {
  await agent.execute('guest-fsfreeze-thaw', undefined, freezeLimitMs);
}
