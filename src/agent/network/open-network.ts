import { mkdir, realpath } from 'node:fs/promises';
import type { Env } from '../../env/env.ts';
import { AgentError } from '../contract.ts';
import type { AgentLog } from '../log.ts';
import type { NetworkDriver } from './network-driver.ts';
import { userNetworkDriver } from './user/user-driver.ts';

export type NetworkKind = 'bridge' | 'user';

/**
 * Opens the networks of the host whose folder this is. With no kind given it is `bridge` where a probe shows that it
 * works, else `user`, which then says why. `tunnel` is where other hosts send frames of common networks, if any do. Throws `unsupported` when `bridge` is asked for and does not work here.
 */
export async function openNetworkDriver(
  env: Env,
  log: AgentLog,
  directory: string,
  kind?: NetworkKind,
  tunnel?: { address: string; port?: number },
): Promise<NetworkDriver> {
  if (kind === 'user') return userNetworkDriver('it was asked for');
  const { bridgeObstacle } = await import('./bridge/probe.ts');
  const obstacle = await bridgeObstacle(env);
  if (obstacle !== undefined) {
    if (kind === 'bridge')
      throw new AgentError('unsupported', `this machine can't have bridge networking: ${obstacle}`);
    return userNetworkDriver(obstacle);
  }
  const { openBridgeDriver } = await import('./bridge/bridge-driver.ts');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  return await openBridgeDriver(env, log, await realpath(directory), tunnel);
}
