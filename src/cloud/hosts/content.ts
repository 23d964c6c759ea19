import type { Database, Tx } from '../../database/database.ts';

/** What keeps a host in the cloud. */
export interface HostContent {
  what: 'server' | 'volume' | 'snapshot' | 'disk';
  id: string;
}

/** Something of the cloud’s that is on the host, or has its place there; undefined where nothing is. */
export async function contentOf(db: Tx | Database['read'], hostId: string): Promise<HostContent | undefined> {
  const held = db.selectFrom('allocations').select('server_id as id').where('host_id', '=', hostId);
  const server = await held.executeTakeFirst();
  if (server) return { what: 'server', id: server.id };
  const tables = { servers: 'server', volumes: 'volume', volume_snapshots: 'snapshot' } as const;
  for (const table of ['servers', 'volumes', 'volume_snapshots'] as const) {
    const live = db.selectFrom(table).select('id').where('host_id', '=', hostId).where('deleted_at', 'is', null);
    const found = await live.executeTakeFirst();
    if (found) return { what: tables[table], id: found.id };
  }
  const needed = db.selectFrom('disks').select('id').where('host_id', '=', hostId).where('released_at', 'is', null);
  const disk = await needed.executeTakeFirst();
  return disk && { what: 'disk', id: disk.id };
}
