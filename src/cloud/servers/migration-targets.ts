import type { Cloud } from '../cloud.ts';
import type { Host } from '../hosts/model.ts';
import { rejectionOf, rejectionText } from '../hosts/scheduler.ts';
import type { Server } from './model.ts';
import { disksToMove } from './moved-disks.ts';
import { placementOf } from './steps/move.ts';

/** A host, and whether a server could be moved there now. */
export interface MigrationTarget {
  host: Host;
  isPossible: boolean;
  /** Why not, the first reason of the scheduler. */
  reasons: string[];
}

/** Every host but the server's own, by name, with what the scheduler says of it now. */
export async function migrationTargets(cloud: Cloud, server: Server): Promise<MigrationTarget[]> {
  // Nothing is written; but what a move would have to take along is read as of one moment.
  return await cloud.db.write(async (tx) => {
    const place = await disksToMove(cloud, tx, server);
    const { id: serverId, hostId, flavor: newFlavor } = server;
    const request = {
      ...placementOf({ ...place, serverId, hostId: hostId ?? '', newFlavor, mayStay: false }),
      neighbours: await cloud.servers.groups.neighbours(tx, serverId),
    };
    const targets = (await cloud.hosts.usage(tx)).filter(({ host }) => host.id !== hostId);
    return targets
      .sort((a, b) => (a.host.name < b.host.name ? -1 : 1))
      .map((candidate) => {
        const rejection = rejectionOf(candidate, request);
        const reasons = rejection ? [rejectionText(rejection)] : [];
        return { host: candidate.host, isPossible: !rejection, reasons };
      });
  });
}
