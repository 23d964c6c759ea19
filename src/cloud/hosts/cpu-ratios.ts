import { sql } from 'kysely';
import type { Database, Tx } from '../../database/database.ts';
import { takeTurn } from '../../database/turns.ts';
import { changedKeyOf } from '../settings.ts';

/**
 * Gives every host the ratio that holds for it: its own, else its cluster's, else its zone's, else the cloud's. Part of
 * whatever changes one of these, or where a host is: placement reads the host's row alone.
 * @param ofCloud the cloud's where nobody has changed it
 */
export async function setCpuRatios(db: Pick<Database, 'kind'>, tx: Tx, ofCloud: number): Promise<void> {
  await takeTurn(db, tx, 'cpu ratios');
  const ratioOf = (column: 'id' | 'cluster_id' | 'zone_id') =>
    sql`(select r.value from resource_settings as r where r.setting = 'cpuRatio'
      and r.resource_id = ${sql.ref(`hosts.${column}`)})`;
  // Another process may have changed the cloud's a moment ago.
  const changed = sql`(select cast(s.value as bigint) from settings as s where s.key = ${changedKeyOf('cpuRatio')})`;
  const own = sql`${ratioOf('id')}, ${ratioOf('cluster_id')}, ${ratioOf('zone_id')}`;
  const ratio = sql<number>`coalesce(${own}, ${changed}, ${sql.lit(ofCloud)})`;
  await tx.updateTable('hosts').set({ cpu_ratio: ratio }).where('cpu_ratio', '<>', ratio).execute();
}
