import type { Tx } from '../../database/database.ts';

/** The host on which the volumes of a server are, which all are on one; undefined for a server without. */
export async function hostOfVolumes(tx: Tx, serverId: string): Promise<string | undefined> {
  const own = await tx
    .selectFrom('volumes')
    .select('host_id')
    .where('server_id', '=', serverId)
    .where('origin', '=', 'volume')
    .where('disk_id', 'is not', null)
    .executeTakeFirst();
  if (own?.host_id) return own.host_id;
  const shared = await tx
    .selectFrom('volume_shares')
    .innerJoin('volumes', 'volumes.id', 'volume_shares.volume_id')
    .select('volumes.host_id')
    .where('volume_shares.server_id', '=', serverId)
    .executeTakeFirst();
  return shared?.host_id ?? undefined;
}
