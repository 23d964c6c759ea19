import type { HostAgent } from '../../agent/contract.ts';
import { newId, withDashes } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError } from '../errors.ts';
import { operator } from '../identity/subject.ts';
import { power } from './model.ts';
import { type Transition, transitions } from './states.ts';
import { beginTransition } from './transition.ts';
import { start } from './transitions/start.ts';

/** What nobody asks for: the guest of a server that is said to run is started, because its host has lost it. */
const resumption: Transition = { ...transitions.start, from: ['active'], evenIfLocked: true };

/**
 * Starts the guests that ran when their host lost its power, as Nova's `resume_guests_state_on_host_boot`. Guests that
 * ended while their host ran on stay off. To be called before power states are looked at: these would say that the
 * servers are off. Tells how many are started.
 */
export async function resumeGuests(cloud: Cloud, hostId: string, agent: HostAgent): Promise<number> {
  const rows = await cloud.db.read
    .selectFrom('servers')
    .select(['id', 'updated_at'])
    .where('host_id', '=', hostId)
    .where('vm_state', '=', 'active')
    .where('power_state', '=', power.running)
    .where('task_state', 'is', null)
    .where('deleted_at', 'is', null)
    .execute();
  const { guests } = await agent.inventory();
  const alive = new Set(guests.filter(({ state }) => state !== 'stopped').map(({ serverId }) => serverId));
  const lost = rows.filter(({ id }) => !alive.has(id));
  if (lost.length === 0) return 0;
  const bootedAt = cloud.env.now() - (await agent.describe()).uptimeSeconds * 1_000_000;
  let resumed = 0;
  for (const { id } of lost.filter(({ updated_at }) => updated_at < bootedAt)) {
    const subject = operator(`req-${withDashes(newId(cloud.env))}`);
    try {
      await beginTransition(cloud, subject, id, resumption, () => ({
        action: start,
        input: { serverId: id, hostId, wasStopped: true },
      }));
      resumed += 1;
    } catch (error) {
      // Somebody was faster: with what they asked for, or by deleting it.
      if (!(error instanceof CloudError)) throw error;
    }
  }
  return resumed;
}
