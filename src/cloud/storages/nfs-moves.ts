import type { Tx } from '../../database/database.ts';
import type { StoragesTable } from '../../database/schema.ts';
import type { CloudCore } from '../core.ts';
import { refuseRunning, refuseTakenUrl, runningOn } from './nfs-place.ts';

/**
 * Says where the folder of an NFS server is from now on. Where it was is remembered until a host has found it there, so
 * that it goes back if none does, also when this process dies before. Gives whether anything is to be found out.
 * @param row of the storage, locked
 */
export async function beginMove(
  core: Pick<CloudCore, 'env'>,
  tx: Tx,
  row: StoragesTable,
  url: string,
): Promise<boolean> {
  if (row.nfs_url === url) return row.former_nfs_url !== null;
  await refuseTakenUrl(tx, url, row.id);
  await refuseRunning(tx, row.id);
  const proven = row.former_nfs_url ?? row.nfs_url;
  const attached = await tx
    .selectFrom('storage_clusters')
    .select('cluster_id')
    .where('storage_id', '=', row.id)
    .executeTakeFirst();
  const former = attached && proven !== url ? proven : null;
  const values = { nfs_url: url, former_nfs_url: former, updated_at: core.env.now() };
  await tx.updateTable('storages').set(values).where('id', '=', row.id).execute();
  return attached !== undefined;
}

/**
 * Ends the moves of which hosts have said something: a folder that one has found stays where it is, and one that none has
 * found is where it was again. Gives why, by storage, of those that went back: their hosts are to be told.
 * @param told hosts that are waited for, as they are told of every change
 */
export async function settleMoves(
  core: Pick<CloudCore, 'db' | 'env'>,
  told: ReadonlyMap<string, unknown>,
): Promise<Map<string, string>> {
  const refused = new Map<string, string>();
  const unproven = core.db.read.selectFrom('storages').select('id').where('former_nfs_url', 'is not', null);
  for (const { id } of await unproven.execute()) {
    const problem = await core.db.write((tx) => settleMove(core, tx, id, told));
    if (problem !== undefined) refused.set(id, problem);
  }
  return refused;
}

/** Gives why it went back. */
async function settleMove(
  core: Pick<CloudCore, 'env'>,
  tx: Tx,
  id: string,
  told: ReadonlyMap<string, unknown>,
): Promise<string | undefined> {
  const row = await tx.selectFrom('storages').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
  if (!row || row.former_nfs_url === null) return undefined;
  const said = await tx
    .selectFrom('storage_hosts')
    .select(['host_id', 'problem', 'nfs_url'])
    .where('storage_id', '=', id)
    .orderBy('host_id')
    .execute();
  const ofPlace = said.filter(({ nfs_url }) => nfs_url === row.nfs_url);
  const isFound = ofPlace.some(({ problem }) => problem === null) || !(await hasHosts(tx, id));
  const problem = ofPlace[0]?.problem ?? undefined;
  if (!isFound) {
    const isWaitedFor = said.some(({ host_id, nfs_url }) => nfs_url !== row.nfs_url && told.has(host_id));
    // One on which something runs is found by somebody.
    if (problem === undefined || isWaitedFor || (await runningOn(tx, id)).length > 0) return undefined;
  }
  const place = isFound ? {} : { nfs_url: row.former_nfs_url };
  const values = { ...place, former_nfs_url: null, updated_at: core.env.now() };
  await tx.updateTable('storages').set(values).where('id', '=', id).execute();
  return isFound ? undefined : problem;
}

async function hasHosts(tx: Tx, id: string): Promise<boolean> {
  const host = await tx
    .selectFrom('storage_clusters')
    .innerJoin('hosts', 'hosts.cluster_id', 'storage_clusters.cluster_id')
    .select('hosts.id')
    .where('storage_id', '=', id)
    .executeTakeFirst();
  return host !== undefined;
}
