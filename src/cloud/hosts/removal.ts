import type { DesiredNetworks, HostAgent } from '../../agent/contract.ts';
import type { Tx } from '../../database/database.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError, notFound } from '../errors.ts';
import { forgetSettings } from '../resource-settings/forget-settings.ts';
import { contentOf } from './content.ts';

/**
 * Takes a host out of the cloud. It is told to give up what it keeps for the cloud, at once where it answers, else when it
 * does, and does not come back by itself. Throws `not_found`, and `conflict` (`in_use`) while there is anything on it, or
 * something is under way that concerns it.
 *
 * @param options.isGone its machine, another one than this, will never answer again: nobody waits for it. Also for a host
 *   that was taken out before
 */
export async function removeHost(
  cloud: Cloud,
  id: string,
  { isGone = false }: { isGone?: boolean } = {},
): Promise<void> {
  if (isGone) await cloud.farHosts.giveUpMachine(id);
  if (!isGone || !cloud.hosts.leaving.has(id)) await takeOut(cloud, id);
  cloud.hosts.letGo(id);
  await clearRemovedHosts(cloud);
}

async function takeOut(cloud: Cloud, id: string): Promise<void> {
  await cloud.db.write(async (tx) => {
    const query = tx.selectFrom('hosts').select(['id', 'name']).where('id', '=', id);
    // Whoever places something there locks the row, too.
    const host = await query.forUpdate().executeTakeFirst();
    if (!host) throw notFound('host', id);
    await refuseContent(tx, id);
    await forgetRows(tx, id);
    // One on another machine does not come by itself.
    if (await cloud.farHosts.markLeaving(tx, id)) return;
    const removed = { name: host.name, host_id: id, removed_at: cloud.env.now() };
    await tx.insertInto('removed_hosts').values(removed).execute();
  });
}

export interface RemovedHostsStatus {
  /** Hosts that have given up everything. */
  cleared: number;
  failed: number;
}

/** Hosts of which it was said already that they could not be cleared. */
const kept = new WeakSet<HostAgent>();

/** Has hosts that are out of the cloud give up what they still keep for it. It has no row, so nothing needs it. */
export async function clearRemovedHosts(cloud: Cloud): Promise<RemovedHostsStatus> {
  const status: RemovedHostsStatus = { cleared: 0, failed: 0 };
  const known = new Set((await cloud.hosts.list()).map(({ id }) => id));
  // Another process of the control plane may have taken them out.
  for (const id of cloud.hosts.agents.keys()) if (!known.has(id)) cloud.hosts.letGo(id);
  for (const [id, agent] of cloud.hosts.leaving) {
    try {
      if (!(await cloud.farHosts.isEmpty(id))) await clear(cloud, agent);
      // Of what was looked at before this process knew.
      await cloud.db.write((tx) => tx.deleteFrom('cached_images').where('host_id', '=', id).execute());
      await cloud.farHosts.leave(id);
      cloud.hosts.leaving.delete(id);
      cloud.log.info({ hostId: id }, 'a host has left the cloud');
      status.cleared += 1;
    } catch (err) {
      // It is tried for as long as it takes; who reads of it knows after the first time.
      const level = kept.has(agent) ? 'debug' : 'warn';
      kept.add(agent);
      cloud.log[level]({ err, hostId: id }, 'a host that was taken out of the cloud could not be cleared yet');
      status.failed += 1;
    }
  }
  return status;
}

async function refuseContent(tx: Tx, id: string): Promise<void> {
  const working = tx
    .selectFrom('actions')
    .select('id')
    .where('finished_at', 'is', null)
    .where('input', 'like', `%${id}%`);
  const content = await contentOf(tx, id);
  const work = content ? undefined : await working.executeTakeFirst();
  const found = content ?? (work && { what: 'work', id: work.id });
  if (!found) return;
  const words = `host[uuid:${id}] has ${found.what}[uuid:${found.id}], it can't be deleted`;
  throw new CloudError('conflict', words, { resource: 'host', id, reason: 'in_use' });
}

/** Disks that nothing needs any more go with the host, which removes them when it can. */
async function forgetRows(tx: Tx, id: string): Promise<void> {
  for (const table of ['disks', 'cached_images', 'aggregate_hosts', 'host_notes', 'storage_hosts'] as const) {
    await tx.deleteFrom(table).where('host_id', '=', id).execute();
  }
  await tx.updateTable('ports').set({ host_id: null }).where('host_id', '=', id).execute();
  await forgetSettings(tx, id);
  await tx.deleteFrom('hosts').where('id', '=', id).execute();
}

const noNetworks: DesiredNetworks = { networks: [], ports: [], securityGroups: [], routers: [] };

async function clear(cloud: Cloud, agent: HostAgent): Promise<void> {
  const { guests, disks, images } = await agent.inventory();
  for (const { serverId } of guests) await agent.removeGuest(serverId);
  for (const diskId of disks) {
    // Hosts that keep disks in one place tell each other's.
    const row = await cloud.db.read.selectFrom('disks').select('id').where('id', '=', diskId).executeTakeFirst();
    if (!row) await agent.removeDisk(diskId);
  }
  const storage = (await agent.applyStorages([])).find(({ problem }) => problem !== undefined);
  if (storage) throw new Error(`a storage is kept: ${storage.problem}`);
  for (const imageId of images) await agent.removeCachedImage(imageId);
  if (!(await sharesNetworks(cloud, agent))) await agent.applyNetworks(noNetworks);
}

/** Whether a host of the cloud has the same networks: that one looks after them, or nobody does as guests have none. */
async function sharesNetworks({ hosts, hostNetworks }: Cloud, agent: HostAgent): Promise<boolean> {
  const { driver, shared } = await hostNetworks.networkingOf(agent);
  if (driver === 'user') return true;
  if (!shared) return false;
  const others = await Promise.all([...hosts.agents.values()].map((one) => hostNetworks.networkingOf(one)));
  return others.some((other) => other.shared?.id === shared.id);
}
