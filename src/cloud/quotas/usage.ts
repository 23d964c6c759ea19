import { sql } from 'kysely';
import type { Database, Queryable } from '../../database/database.ts';
import type { QuotaName } from '../settings.ts';

/** What of a quota is counted per project. The others limit something smaller, as one server's metadata items. */
export type CountedQuota = Exclude<
  QuotaName,
  | 'keypairs'
  | 'metadata_items'
  | 'per_volume_gigabytes'
  | 'server_group_members'
  | 'injected_files'
  | 'injected_file_content_bytes'
  | 'injected_file_path_bytes'
  | 'fixed_ips'
  | 'server_floating_ips'
>;

export const countedQuotas: readonly CountedQuota[] = [
  'instances',
  'cores',
  'ram_mb',
  'volumes',
  'gigabytes',
  'snapshots',
  'backups',
  'backup_gigabytes',
  'volume_groups',
  'images',
  'image_bytes',
  'networks',
  'subnets',
  'subnet_pools',
  'ports',
  'security_groups',
  'security_group_rules',
  'routers',
  'floating_ips',
  'rbac_policies',
  'server_groups',
  'load_balancers',
  'load_balancer_listeners',
];

/** Those of which each row counts as one. */
const rowCounted = [
  'networks',
  'subnets',
  'subnet_pools',
  'ports',
  'routers',
  'floating_ips',
  'rbac_policies',
  'server_groups',
  'load_balancers',
  'load_balancer_listeners',
] as const;

export function isCounted(name: QuotaName): name is CountedQuota {
  return (countedQuotas as readonly QuotaName[]).includes(name);
}

/** How much of the quotas' resources a project has now, of servers only those in the zone where one is given. Counts only what `names` asks for. */
export async function usageOf(
  kind: Database['kind'],
  db: Queryable,
  projectId: string,
  names: readonly CountedQuota[],
  zoneId?: string,
): Promise<Partial<Record<CountedQuota, number>>> {
  const has = (...some: CountedQuota[]) => some.some((name) => names.includes(name));
  const groups = [
    has('instances', 'cores', 'ram_mb') && serverUsage(kind, db, projectId, zoneId),
    has('volumes', 'gigabytes', 'snapshots') && volumeUsage(db, projectId),
    has('backups', 'backup_gigabytes') && backupUsage(db, projectId),
    has('volume_groups') && volumeGroupUsage(db, projectId),
    has('images', 'image_bytes') && imageUsage(db, projectId),
    has('security_groups') && groupUsage(db, projectId),
    has('security_group_rules') && groupRuleUsage(db, projectId),
    ...rowCounted.map((table) => has(table) && rowCount(db, table, projectId)),
  ];
  const used: Partial<Record<CountedQuota, number>> = {};
  for (const group of groups) if (group) Object.assign(used, await group);
  return used;
}

/** Soft-deleted servers do not count, as in Nova: their project may have others meanwhile. */
async function serverUsage(kind: Database['kind'], db: Queryable, projectId: string, zoneId?: string) {
  const number = (member: string) =>
    kind === 'sqlite'
      ? sql<number>`coalesce(sum(json_extract(flavor, ${`$.${member}`})), 0)`
      : sql<number>`coalesce(sum((flavor::jsonb ->> ${member}::text)::bigint), 0)`;
  const servers = db
    .selectFrom('servers')
    .select((eb) => [
      eb.fn.countAll<number>().as('instances'),
      number('vcpus').as('cores'),
      number('memoryMb').as('ram_mb'),
    ])
    .where('project_id', '=', projectId)
    .where('deleted_at', 'is', null)
    .where('vm_state', '!=', 'soft-delete');
  return (zoneId === undefined ? servers : servers.where('zone_id', '=', zoneId)).executeTakeFirstOrThrow();
}

/** Root disks that live and die with their server are not the user's volumes. Snapshots take room as volumes do. */
async function volumeUsage(db: Queryable, projectId: string) {
  const row = await db
    .selectFrom('volumes')
    .select((eb) => [eb.fn.countAll<number>().as('volumes'), sql<number>`coalesce(sum(size), 0)`.as('bytes')])
    .where('project_id', '=', projectId)
    .where('origin', '=', 'volume')
    .where('deleted_at', 'is', null)
    .executeTakeFirstOrThrow();
  const snapshots = await db
    .selectFrom('volume_snapshots')
    .select((eb) => [eb.fn.countAll<number>().as('snapshots'), sql<number>`coalesce(sum(size), 0)`.as('bytes')])
    .where('project_id', '=', projectId)
    .where('deleted_at', 'is', null)
    .executeTakeFirstOrThrow();
  return {
    volumes: row.volumes,
    snapshots: snapshots.snapshots,
    gigabytes: Math.ceil((row.bytes + snapshots.bytes) / 2 ** 30),
  };
}

async function backupUsage(db: Queryable, projectId: string) {
  const row = await db
    .selectFrom('volume_backups')
    .select((eb) => [eb.fn.countAll<number>().as('backups'), sql<number>`coalesce(sum(size), 0)`.as('bytes')])
    .where('project_id', '=', projectId)
    .where('deleted_at', 'is', null)
    .executeTakeFirstOrThrow();
  return { backups: row.backups, backup_gigabytes: Math.ceil(row.bytes / 2 ** 30) };
}

async function volumeGroupUsage(db: Queryable, projectId: string) {
  return db
    .selectFrom('volume_groups')
    .select((eb) => eb.fn.countAll<number>().as('volume_groups'))
    .where('project_id', '=', projectId)
    .where('deleted_at', 'is', null)
    .executeTakeFirstOrThrow();
}

async function imageUsage(db: Queryable, projectId: string) {
  return db
    .selectFrom('images')
    .select((eb) => [eb.fn.countAll<number>().as('images'), sql<number>`coalesce(sum(size), 0)`.as('image_bytes')])
    .where('project_id', '=', projectId)
    .where('deleted_at', 'is', null)
    .executeTakeFirstOrThrow();
}

/** The open group is nobody's wish, and takes nothing from what a project may have. */
async function groupUsage(db: Queryable, projectId: string) {
  return db
    .selectFrom('security_groups')
    .select((eb) => eb.fn.countAll<number>().as('security_groups'))
    .where('project_id', '=', projectId)
    .where('open', '=', 0)
    .executeTakeFirstOrThrow();
}

async function groupRuleUsage(db: Queryable, projectId: string) {
  return db
    .selectFrom('security_group_rules')
    .innerJoin('security_groups', 'security_groups.id', 'security_group_rules.security_group_id')
    .select((eb) => eb.fn.countAll<number>().as('security_group_rules'))
    .where('security_group_rules.project_id', '=', projectId)
    .where('security_groups.open', '=', 0)
    .executeTakeFirstOrThrow();
}

async function rowCount(db: Queryable, table: (typeof rowCounted)[number], projectId: string) {
  const { count } = await db
    .selectFrom(table)
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('project_id', '=', projectId)
    .executeTakeFirstOrThrow();
  return { [table]: count };
}
