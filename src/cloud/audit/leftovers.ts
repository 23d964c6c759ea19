import type { Cloud } from '../cloud.ts';

/** Something that was made and is still there. */
export interface Leftover {
  type: string;
  id: string;
  name: string | null;
  projectId: string | null;
  createdAt: number;
}

/** What users make and name, by table. */
const named = {
  network: 'networks',
  subnet: 'subnets',
  port: 'ports',
  router: 'routers',
  'security group': 'security_groups',
  'server group': 'server_groups',
  'load balancer': 'load_balancers',
  certificate: 'certificates',
} as const;

/** The same, where what is deleted stays in the table. */
const kept = {
  server: 'servers',
  volume: 'volumes',
  'volume snapshot': 'volume_snapshots',
  'volume backup': 'volume_backups',
  image: 'images',
} as const;

/** Everything that was made at `since` or later and is still there, the oldest first. Microseconds. */
export async function leftovers({ db }: Cloud, since: number): Promise<Leftover[]> {
  const found: Leftover[] = [];
  const add = (
    type: string,
    rows: Array<{ id: string; name: string | null; project_id: string; created_at: number }>,
  ) => found.push(...rows.map((row) => leftover(type, row)));
  for (const [type, table] of Object.entries(kept)) {
    const query = db.read.selectFrom(table).select(['id', 'name', 'project_id', 'created_at']);
    add(type, await query.where('created_at', '>=', since).where('deleted_at', 'is', null).execute());
  }
  for (const [type, table] of Object.entries(named)) {
    const query = db.read.selectFrom(table).select(['id', 'name', 'project_id', 'created_at']);
    add(type, await query.where('created_at', '>=', since).execute());
  }
  const floating = await db.read
    .selectFrom('floating_ips')
    .select(['id', 'ip_address as name', 'project_id', 'created_at'])
    .where('created_at', '>=', since)
    .execute();
  add('floating IP', floating);
  for (const table of ['projects', 'users', 'flavors'] as const) {
    const rows = await db.read
      .selectFrom(table)
      .select(['id', 'name', 'created_at'])
      .where('created_at', '>=', since)
      .execute();
    found.push(
      ...rows.map((row) => ({ ...leftover(table.slice(0, -1), { ...row, project_id: '' }), projectId: null })),
    );
  }
  return found.sort((a, b) => a.createdAt - b.createdAt);
}

function leftover(
  type: string,
  row: { id: string; name: string | null; project_id: string; created_at: number },
): Leftover {
  return { type, id: row.id, name: row.name, projectId: row.project_id, createdAt: row.created_at };
}
