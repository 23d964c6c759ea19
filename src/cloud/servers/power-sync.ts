import type { GuestState, HostAgent } from '../../agent/contract.ts';
import type { Tx } from '../../database/database.ts';
import type { ServersTable } from '../../database/schema.ts';
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
  for (const { id } of rows)
    if (await noteGuestState(cloud, hostId, id, states.get(id) ?? 'absent', asOf)) corrected += 1;
  return { servers: rows.length, corrected };
}

/**
 * Whether the server's state had to be corrected. What another host than the server's has of it says nothing.
 * @param asOf when the guest was seen so: what was done with the server since then says more
 */
export async function noteGuestState(
  cloud: Cloud,
  hostId: string,
  serverId: string,
  state: GuestState,
  asOf = cloud.env.now(),
): Promise<boolean> {
  return await cloud.db.write(async (tx) => {
    const server = await tx.selectFrom('servers').select('host_id').where('id', '=', serverId).executeTakeFirst();
    if (server?.host_id !== hostId || (await isWorkedOn(tx, serverId, asOf))) return false;
    return await alignWithGuest(cloud, tx, serverId, state);
  });
}

/** Whether an action is at work on the server, or has been since. Not every one of them shows in its task state. */
async function isWorkedOn(tx: Tx, serverId: string, since: number): Promise<boolean> {
  const action = await tx
    .selectFrom('actions')
    .select('id')
    .where('resource_id', '=', serverId)
    .where((e) =>
      e.or([e.and([e('finished_at', 'is', null), e('lease_owner', 'is not', null)]), e('updated_at', '>', since)]),
    )
    .executeTakeFirst();
  return action !== undefined;
}

/** Makes the server's row say what its guest does, as far as nothing is under way on it. */
export async function alignWithGuest(cloud: Cloud, tx: Tx, serverId: string, state: GuestState): Promise<boolean> {
  const row = await tx.selectFrom('servers').selectAll().where('id', '=', serverId).executeTakeFirst();
  if (!row || row.deleted_at !== null || row.task_state !== null) return false;
  const columns = correctionOf(row, state);
  if (columns) await settleServer(cloud, tx, serverId, columns);
  return columns !== undefined;
}

/** What a server is whose guest lives. */
const livingStates: Partial<Record<GuestState, Pick<ServersTable, 'vm_state' | 'power_state'>>> = {
  running: { vm_state: 'active', power_state: power.running },
  paused: { vm_state: 'paused', power_state: power.paused },
  suspended: { vm_state: 'suspended', power_state: power.suspended },
};

/** What has to change in the server's row, given what its guest is doing. */
function correctionOf(row: ServersTable, state: GuestState): Partial<ServersTable> | undefined {
  const isOff = state === 'stopped' || state === 'absent';
  if (row.vm_state === 'resized' || row.vm_state === 'rescued') {
    if (isOff) return row.power_state === power.running ? { power_state: power.shutdown } : undefined;
    const cameUp = state === 'running' && row.power_state === power.shutdown;
    return cameUp ? { power_state: power.running } : undefined;
  }
  // A suspended guest that is off has lost its memory.
  const shouldBeThere = row.vm_state === 'active' || row.vm_state === 'paused' || row.vm_state === 'suspended';
  if (shouldBeThere && isOff) return { vm_state: 'stopped', power_state: power.shutdown };
  // One that was held goes on, or the other way round, when what had asked for it was not answered and not undone.
  const living = livingStates[state];
  if (shouldBeThere && living && row.vm_state !== living.vm_state) return living;
  const cameUp = state === 'running' && row.vm_state === 'stopped';
  return cameUp ? { vm_state: 'active', power_state: power.running } : undefined;
}
