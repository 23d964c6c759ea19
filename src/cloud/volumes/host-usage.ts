import { sql } from 'kysely';
import type { Queryable } from '../../database/database.ts';

/** What the disks of a host hold of one project's block storage. */
export interface HostStorageUsage {
  projectId: string;
  volumes: number;
  bytes: number;
  snapshots: number;
  snapshotBytes: number;
}

export async function usageOfHost(db: Queryable, hostId: string): Promise<HostStorageUsage[]> {
  const sum = sql<number>`coalesce(sum(size), 0)`;
  const volumes = await db
    .selectFrom('volumes')
    .select((e) => ['project_id', e.fn.countAll<number>().as('count'), sum.as('bytes')])
    .where('host_id', '=', hostId)
    .where('origin', '=', 'volume')
    .where('deleted_at', 'is', null)
    .groupBy('project_id')
    .execute();
  const snapshots = await db
    .selectFrom('volume_snapshots')
    .select((e) => ['project_id', e.fn.countAll<number>().as('count'), sum.as('bytes')])
    .where('host_id', '=', hostId)
    .where('deleted_at', 'is', null)
    .groupBy('project_id')
    .execute();
  const ids = new Set([...volumes, ...snapshots].map(({ project_id }) => project_id));
  return [...ids].sort().map((projectId) => {
    const own = volumes.find(({ project_id }) => project_id === projectId);
    const kept = snapshots.find(({ project_id }) => project_id === projectId);
    return {
      projectId,
      volumes: Number(own?.count ?? 0),
      bytes: Number(own?.bytes ?? 0),
      snapshots: Number(kept?.count ?? 0),
      snapshotBytes: Number(kept?.bytes ?? 0),
    };
  });
}
