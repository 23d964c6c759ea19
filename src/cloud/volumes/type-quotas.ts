import { sql } from 'kysely';
import type { Queryable, Tx } from '../../database/database.ts';
import { takeTurn } from '../../database/turns.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError } from '../errors.ts';
import { requireAdmin, type Subject } from '../identity/subject.ts';

/** What can be limited of one volume type besides of all together. */
export const typeQuotaKinds = ['volumes', 'gigabytes', 'snapshots'] as const;
export type TypeQuotaKind = (typeof typeQuotaKinds)[number];
export type TypeLimits = Record<TypeQuotaKind, number>;

/** Stands for a project where the limits are those of all projects that have none of their own. */
export const everyProject = 'class:default';

const gib = 2 ** 30;
const nameOf = (kind: TypeQuotaKind, typeId: string) => `${kind}:${typeId}`;

/** The project's limits for each of the types; -1 for none. */
export async function typeLimits(
  db: Queryable,
  projectId: string,
  typeIds: readonly string[],
): Promise<Map<string, TypeLimits>> {
  const found = await db
    .selectFrom('quotas')
    .select(['project_id', 'resource', 'hard_limit'])
    .where('project_id', 'in', [projectId, everyProject])
    .where('resource', 'like', '%:%')
    .execute();
  const limitOf = (kind: TypeQuotaKind, typeId: string) => {
    const rows = found.filter(({ resource }) => resource === nameOf(kind, typeId));
    return (rows.find(({ project_id }) => project_id === projectId) ?? rows[0])?.hard_limit ?? -1;
  };
  return new Map(
    typeIds.map((id) => [
      id,
      {
        volumes: limitOf('volumes', id),
        gigabytes: limitOf('gigabytes', id),
        snapshots: limitOf('snapshots', id),
      },
    ]),
  );
}

/** What the project has of the type. */
export async function typeUsage(db: Queryable, projectId: string, typeId: string): Promise<TypeLimits> {
  const volumes = await db
    .selectFrom('volumes')
    .select((e) => [e.fn.countAll<number>().as('count'), sql<number>`coalesce(sum(size), 0)`.as('bytes')])
    .where('project_id', '=', projectId)
    .where('volume_type', '=', typeId)
    .where('origin', '=', 'volume')
    .where('deleted_at', 'is', null)
    .executeTakeFirstOrThrow();
  const snapshots = await db
    .selectFrom('volume_snapshots')
    .innerJoin('volumes', 'volumes.id', 'volume_snapshots.volume_id')
    .select((e) => [
      e.fn.countAll<number>().as('count'),
      sql<number>`coalesce(sum(volume_snapshots.size), 0)`.as('bytes'),
    ])
    .where('volume_snapshots.project_id', '=', projectId)
    .where('volumes.volume_type', '=', typeId)
    .where('volume_snapshots.deleted_at', 'is', null)
    .executeTakeFirstOrThrow();
  return {
    volumes: Number(volumes.count),
    gigabytes: Math.ceil((Number(volumes.bytes) + Number(snapshots.bytes)) / gib),
    snapshots: Number(snapshots.count),
  };
}

/** Sets limits of one type for a project, or for every project that has none of its own. */
export async function setTypeLimits(
  cloud: Pick<Cloud, 'db'>,
  subject: Subject,
  projectId: string,
  typeId: string,
  changes: Partial<TypeLimits>,
): Promise<void> {
  requireAdmin(subject, 'volume_extension:quotas:update');
  await cloud.db.write(async (tx) => {
    for (const [kind, hard_limit] of Object.entries(changes)) {
      if (!Number.isSafeInteger(hard_limit) || hard_limit < -1) {
        throw new CloudError('invalid', `Quota limit ${hard_limit} for ${kind} must be -1 or greater.`, {
          field: kind,
        });
      }
      const resource = nameOf(kind as TypeQuotaKind, typeId);
      await tx
        .insertInto('quotas')
        .values({ project_id: projectId, resource, hard_limit })
        .onConflict((conflict) => conflict.columns(['project_id', 'resource']).doUpdateSet({ hard_limit }))
        .execute();
    }
  });
}

/**
 * Refuses (`quota_exceeded`) what would be more than the project may have: of all types, or of the one. `largest` is
 * the size of one volume, bytes.
 */
export async function checkVolumeQuotas(
  cloud: Pick<Cloud, 'quotas' | 'db'>,
  tx: Tx,
  projectId: string,
  wanted: {
    typeId: string;
    volumes?: number;
    snapshots?: number;
    bytes: number;
    largest?: number;
    /** It is the project's already, and becomes of another type. */
    onlyType?: boolean;
  },
): Promise<void> {
  const { typeId, volumes = 0, snapshots = 0, bytes, largest = 0 } = wanted;
  const more: TypeLimits = { volumes, snapshots, gigabytes: Math.ceil(bytes / gib) };
  if (!wanted.onlyType)
    await cloud.quotas.check(tx, projectId, { ...more, per_volume_gigabytes: Math.ceil(largest / gib) });
  const limits = (await typeLimits(tx, projectId, [typeId])).get(typeId)!;
  if (typeQuotaKinds.every((kind) => limits[kind] < 0 || more[kind] === 0)) return;
  await takeTurn(cloud.db, tx, `quota ${projectId}`);
  const used = await typeUsage(tx, projectId, typeId);
  for (const kind of typeQuotaKinds) {
    if (limits[kind] < 0 || more[kind] === 0 || used[kind] + more[kind] <= limits[kind]) continue;
    throw new CloudError(
      'quota_exceeded',
      `Quota exceeded for ${kind} of the volume type: Requested ${more[kind]}, but already used ${used[kind]} of ` +
        `${limits[kind]}`,
      { resource: 'quota', reason: kind },
    );
  }
}
