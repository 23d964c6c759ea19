import type { Cloud } from '../cloud/cloud.ts';
import { operator } from '../cloud/identity/subject.ts';
import type { Server } from '../cloud/servers/model.ts';

export interface StoppedServers {
  stopped: number;
  /** What went wrong, each with the server's name. */
  failures: string[];
  /** Guests that no server could be stopped for, as of one that is rescued or whose resize nobody has confirmed, also where they stand still. */
  stillRunning: number;
}

/** A guest is ended after its grace period; its action ends a little later. Milliseconds. */
const stopLimitMs = 180_000;

/** Shuts down every server that runs, of all projects, and waits until they have stopped. */
export async function stopAllServers(cloud: Cloud, onStopped: (name: string) => void): Promise<StoppedServers> {
  await cloud.runner.idle();
  const servers = await cloud.servers.list(
    operator(),
    { allProjects: true, vmStates: ['active', 'paused'] },
    { limit: 1_000_000, sort: [{ key: 'created_at', direction: 'asc' }] },
  );
  const failures: string[] = [];
  const stopOne = async (server: Server) => {
    try {
      await stop(cloud, server);
      onStopped(server.name);
    } catch (error) {
      failures.push(`${server.name}: ${(error as Error).message}`);
    }
  };
  await Promise.all(servers.map(stopOne));
  return { stopped: servers.length - failures.length, failures, stillRunning: await countRunning(cloud) };
}

async function stop(cloud: Cloud, { id, vmState }: Server): Promise<void> {
  if (vmState === 'paused') await ended(cloud, await cloud.servers.unpause(operator(), id));
  await ended(cloud, await cloud.servers.stop(operator(), id));
}

async function ended(cloud: Cloud, { actionId }: { actionId: string }): Promise<void> {
  const outcome = await cloud.runner.wait(actionId, { timeoutMs: stopLimitMs });
  if (!outcome) throw new Error('it did not stop in time');
  if (outcome.failure) throw new Error(outcome.failure.message);
}

async function countRunning(cloud: Cloud): Promise<number> {
  const inventories = await Promise.all([...cloud.hosts.agents.values()].map((agent) => agent.inventory()));
  const guests = inventories.flatMap((inventory) => inventory.guests);
  return guests.filter(({ state }) => state === 'running' || state === 'paused').length;
}
