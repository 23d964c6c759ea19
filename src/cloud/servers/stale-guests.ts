import type { Cloud } from '../cloud.ts';
import { serverFromRow } from './model.ts';

export interface StaleGuestsStatus {
  removed: number;
  failed: number;
}

/**
 * Removes guests from hosts that their servers have left: the host was down when they were evacuated, or did not let go
 * of them after they had moved. A guest that something is still under way on is left alone.
 */
export async function removeStaleGuests(cloud: Cloud): Promise<StaleGuestsStatus> {
  const status: StaleGuestsStatus = { removed: 0, failed: 0 };
  for (const [hostId, agent] of cloud.hosts.agents) {
    try {
      for (const { serverId } of (await agent.inventory()).guests) {
        if (!(await isStale(cloud, serverId, hostId))) continue;
        await agent.removeGuest(serverId);
        cloud.log.warn({ serverId, hostId }, 'a guest was removed whose server is on another host');
        status.removed += 1;
      }
    } catch (error) {
      status.failed += 1;
      cloud.log.debug({ err: error, hostId }, 'guests that servers have left could not be removed yet');
    }
  }
  return status;
}

async function isStale(cloud: Cloud, serverId: string, hostId: string): Promise<boolean> {
  const row = await cloud.db.read.selectFrom('servers').selectAll().where('id', '=', serverId).executeTakeFirst();
  if (!row) return false;
  const isItsHost = row.host_id === hostId || serverFromRow(row).previous?.hostId === hostId;
  if (row.deleted_at === null && (row.host_id === null || isItsHost)) return false;
  const working = await cloud.db.read
    .selectFrom('actions')
    .select('id')
    .where('resource_id', '=', serverId)
    .where('finished_at', 'is', null)
    .where('state', '!=', 'parked')
    .executeTakeFirst();
  return working === undefined;
}
