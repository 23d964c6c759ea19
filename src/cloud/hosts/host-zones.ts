import type { Tx } from '../../database/database.ts';
import type { AggregatesTable } from '../../database/schema.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import { clusterOf } from '../zones/zones.ts';
import { setCpuRatios } from './cpu-ratios.ts';

/** What is done to an aggregate when its hosts change their zone, as Nova names it. */
export type ZoneDoing = 'add_host_to_aggregate' | 'remove_host_from_aggregate' | 'update_aggregate_metadata';

/**
 * Moves empty hosts to the zones that the map says, by host id. Throws (see `refusedZone`) where one has servers, or
 * disks: these stay in their zone.
 */
export async function moveHosts(
  tx: Tx,
  core: Pick<CloudCore, 'db' | 'env' | 'settings'>,
  aggregate: AggregatesTable,
  targets: ReadonlyMap<string, string>,
  doing: ZoneDoing,
): Promise<void> {
  const ids = [...targets.keys()].sort();
  if (ids.length === 0) return;
  // Whoever gives a host a server or a disk locks its row as well. SQLite has one writer.
  if (core.db.kind === 'postgres')
    await tx.selectFrom('hosts').select('id').where('id', 'in', ids).orderBy('id').forUpdate().execute();
  for (const table of ['allocations', 'disks'] as const) {
    if (await tx.selectFrom(table).select('host_id').where('host_id', 'in', ids).executeTakeFirst()) {
      const what = table === 'disks' ? 'disks' : 'instances';
      throw refusedZone(aggregate, doing, `One or more hosts contain ${what} in this zone`);
    }
  }
  for (const [id, zoneId] of targets) {
    const clusterId = await clusterOf(tx, core.env, zoneId);
    const values = { zone_id: zoneId, cluster_id: clusterId, updated_at: core.env.now() };
    await tx.updateTable('hosts').set(values).where('id', '=', id).execute();
  }
  await setCpuRatios(core.db, tx, core.settings.cpuRatio);
}

/** Throws (see `refusedZone`) where one of the hosts is in another aggregate that names another zone. */
export async function refuseOtherZones(
  tx: Tx,
  aggregate: AggregatesTable,
  hostIds: readonly string[],
  zone: string,
  doing: ZoneDoing,
): Promise<void> {
  if (hostIds.length === 0) return;
  const others = await tx
    .selectFrom('aggregates')
    .innerJoin('aggregate_hosts', 'aggregate_hosts.aggregate_id', 'aggregates.id')
    .select('metadata')
    .where('aggregates.id', '<>', aggregate.id)
    .where('host_id', 'in', hostIds)
    .execute();
  const named = others.map(({ metadata }) => (JSON.parse(metadata) as Record<string, string>)['availability_zone']);
  const conflicting = [...new Set(named)].filter((name) => name !== undefined && name !== zone);
  if (conflicting.length === 0) return;
  throw refusedZone(aggregate, doing, `One or more hosts already in availability zone(s) ${conflicting.join(', ')}`);
}

/** In Nova's words: a conflict for hosts that come or go, a bad request for metadata. */
export function refusedZone(aggregate: AggregatesTable, doing: ZoneDoing, reason: string): CloudError {
  const message = `Cannot perform action '${doing}' on aggregate ${aggregate.number}. Reason: ${reason}.`;
  return new CloudError(doing === 'update_aggregate_metadata' ? 'invalid' : 'conflict', message, {
    reason: 'aggregate_zone',
  });
}
