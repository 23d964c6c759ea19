import type { Cloud } from '../cloud.ts';
import { clearRemovedHosts } from '../hosts/removal.ts';
import { removeStoreLeftovers } from '../image-stores/leftovers.ts';
import { watchSchedules } from '../schedules/watch.ts';
import { confirmDueResizes } from '../servers/confirm-due.ts';
import { noteGuestState, syncPowerStates } from '../servers/power-sync.ts';
import { reclaimServers } from '../servers/reclaim.ts';
import { resumeGuests } from '../servers/resume-guests.ts';
import { removeStaleGuests } from '../servers/stale-guests.ts';
import { reapDisks } from '../volumes/disk-reaper.ts';
import { trimImageCaches } from '../volumes/image-cache.ts';

const powerSyncMs = 60_000;
const confirmResizesMs = 30_000;
const reclaimMs = 30_000;
const diskReaperMs = 30_000;
const imageCacheMs = 600_000;
const removedHostsMs = 60_000;
const storagesMs = 60_000;
const storeLeftoversMs = 600_000;
const settingsMs = 60_000;
const sweepMs = 3_600_000;
const controlPlaneMs = 20_000;

/**
 * Starts what keeps the cloud as it is meant to be. Each activation takes no input, does bounded work and does not retry:
 * the next activation is the retry. Resolves the returned function once nothing of it runs any more.
 */
export function startReconcilers(cloud: Cloud): () => Promise<void> {
  const running = new Set<Promise<void>>();
  const run = (name: string, work: () => Promise<unknown>) => {
    const activation = cloud.reconcilers
      .observe(name, work)
      .then((status) => cloud.log.debug({ name, status }, 'a reconciler ran'))
      .catch((err) => cloud.log.error({ err, name }, 'a reconciler failed'))
      .finally(() => running.delete(activation));
    running.add(activation);
  };
  const syncAll = async () => {
    const total = { servers: 0, corrected: 0, resumed: 0, silentHosts: 0 };
    for (const [hostId, agent] of cloud.hosts.agents) {
      try {
        if (cloud.settings.resumeGuests) total.resumed += await resumeGuests(cloud, hostId, agent);
        const { servers, corrected } = await syncPowerStates(cloud, hostId, agent);
        total.servers += servers;
        total.corrected += corrected;
      } catch (err) {
        // The other hosts must not wait for one that is silent.
        cloud.log.warn({ err, hostId }, 'the guests of a host could not be looked at');
        total.silentHosts += 1;
      }
    }
    return total;
  };
  const stops = [
    cloud.env.every(powerSyncMs, () => run('power states', syncAll)),
    cloud.env.every(confirmResizesMs, () => run('resize confirmations', () => confirmDueResizes(cloud))),
    cloud.env.every(reclaimMs, () => run('soft-deleted servers', () => reclaimServers(cloud))),
    cloud.env.every(diskReaperMs, () => run('disk reaper', () => reapDisks(cloud))),
    cloud.env.every(powerSyncMs, () => run('stale guests', () => removeStaleGuests(cloud))),
    cloud.env.every(removedHostsMs, () => run('removed hosts', () => clearRemovedHosts(cloud))),
    cloud.env.every(storagesMs, () => run('storages', () => cloud.storages.tellHosts())),
    cloud.env.every(imageCacheMs, () => run('image caches', () => trimImageCaches(cloud))),
    // One that was away comes back, and another process of the control plane may have changed them.
    cloud.env.every(settingsMs, () => run('list of image stores', () => cloud.imageStores.open())),
    cloud.env.every(storeLeftoversMs, () => run('image stores', () => removeStoreLeftovers(cloud))),
    cloud.env.every(sweepMs, () => run('jobs', () => cloud.jobs.sweep())),
    cloud.env.every(sweepMs, () => run('tags', () => cloud.tags.sweep())),
    cloud.env.every(sweepMs, () => run('history of schedules', () => cloud.schedules.sweep())),
    cloud.env.every(sweepMs, () => run('volume messages', () => cloud.blockStorage.messages.sweep())),
  ];
  // Another process of the control plane may have changed them.
  if (cloud.db.kind === 'postgres') {
    stops.push(cloud.env.every(settingsMs, () => run('settings', () => cloud.changedSettings.load())));
    stops.push(cloud.env.every(controlPlaneMs, () => run('hosts on other machines', () => cloud.farHosts.refresh())));
    stops.push(cloud.env.every(controlPlaneMs, () => run('control plane', () => cloud.controlPlanes.beat())));
  }
  stops.push(
    cloud.hosts.eachAgent((hostId, agent) =>
      agent.watchGuests(({ serverId, state }) =>
        run('guest change', () => noteGuestState(cloud, hostId, serverId, state)),
      ),
    ),
  );
  run('removed hosts', () => clearRemovedHosts(cloud));
  run('storages', () => cloud.storages.tellHosts());
  run('power states', syncAll);
  run('disk reaper', () => reapDisks(cloud));
  run('image stores', () => removeStoreLeftovers(cloud));
  const endSchedules = watchSchedules(cloud);
  return async () => {
    for (const stop of stops) stop();
    await endSchedules();
    await Promise.all(running);
  };
}
