import type { GuestState, HostAgent } from '../../agent/contract.ts';
import type { Cloud } from '../cloud.ts';
import { power } from './model.ts';
import { settleServer } from './transition.ts';

/** What a guest that did something by itself means for its server. */
export interface PowerSyncStatus {
  servers: number;
  corrected: number;
}

/** Brings the servers' states in line with what their guests really do, where nothing else is under way on them. */
export async function syncPowerStates(cloud: Cloud, hostId: string, agent: HostAgent): Promise<PowerSyncStatus> {
  const asOf = cloud.env.now();
  const { guests } = await agent.inventory();
  const states = new Map(guests.map(({ serverId, state }) => [serverId, state]));
  const rows = await cloud.db.read
    .selectFrom('servers')
    .select(['id'])
    .where('host_id', '=', hostId)
    .where('deleted_at', 'is', null)
    .where('task_state', 'is', null)
    .execute();
  let corrected = 0;
  for (const { id } of rows) if (await noteGuestState(cloud, id, states.get(id) ?? 'absent', asOf)) corrected += 1;
  return { servers: rows.length, corrected };
}

/**
 * Whether the server's state had to be corrected.
 * @param asOf when the guest was seen so: what was done with the server since then says more
 */
export async function noteGuestState(
  cloud: Cloud,
  serverId: string,
  state: GuestState,
  asOf = cloud.env.now(),
): Promise<boolean> {
  return await cloud.db.write(async (tx) => {
    const row = await tx.selectFrom('servers').selectAll().where('id', '=', serverId).executeTakeFirst();
    if (!row || row.deleted_at !== null || row.task_state !== null || row.updated_at > asOf) return false;
    const awake = row.vm_state === 'active' || row.vm_state === 'paused';
    const isOff = state === 'stopped' || state === 'absent';
    const lostItsMemory = row.vm_state === 'suspended' && isOff;
    if ((awake && isOff) || lostItsMemory) {
      await settleServer(cloud, tx, serverId, { vm_state: 'stopped', power_state: power.shutdown });
      return true;
    }
    const maySayOff = row.vm_state === 'resized' || row.vm_state === 'rescued';
    if (maySayOff && isOff && row.power_state === power.running) {
      await settleServer(cloud, tx, serverId, { power_state: power.shutdown });
      return true;
    }
    if (maySayOff && state === 'running' && row.power_state === power.shutdown) {
      await settleServer(cloud, tx, serverId, { power_state: power.running });
      return true;
    }
    if (row.vm_state === 'stopped' && state === 'running') {
      await settleServer(cloud, tx, serverId, { vm_state: 'active', power_state: power.running });
      return true;
    }
    return false;
  });
}
