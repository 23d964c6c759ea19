import type { Queryable } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import { requireAdmin, type Subject } from '../identity/subject.ts';
import type { QuotaName } from '../settings.ts';
import type { Limits } from './quotas.ts';
import { type CountedQuota, countedQuotas, usageOf } from './usage.ts';

/** What K5 limits in each availability zone by itself. */
const zoneQuotas = ['instances', 'cores', 'ram_mb'] as const satisfies readonly QuotaName[];

export type ZoneLimits = Partial<Record<(typeof zoneQuotas)[number], number>>;

const limitsOfZone = statement((q, p: { projectId: string; zoneId: string }) =>
  q
    .selectFrom('zone_quotas')
    .select(['resource', 'hard_limit'])
    .where('project_id', '=', p.projectId)
    .where('zone_id', '=', p.zoneId),
);

/** How much of the zone a project may have, where that was set; what it may have in all zones together holds as well. */
export async function zoneLimitsIn(db: Queryable, projectId: string, zoneId: string): Promise<ZoneLimits> {
  const rows = await limitsOfZone.all(db, { projectId, zoneId });
  return Object.fromEntries(rows.map(({ resource, hard_limit }) => [resource, hard_limit]));
}

/** What a project may have, and has, in one availability zone. */
export class ZoneQuotas {
  readonly #core: CloudCore;
  readonly #limitsOf: (subject: Subject, projectId: string) => Promise<Limits>;

  constructor(core: CloudCore, limitsOf: (subject: Subject, projectId: string) => Promise<Limits>) {
    this.#core = core;
    this.#limitsOf = limitsOf;
  }

  /** The project's limits with those of the zone in place of the common ones. Throws `invalid` for an unknown zone. */
  async limits(subject: Subject, projectId: string, zoneName: string): Promise<Limits> {
    const limits = await this.#limitsOf(subject, projectId);
    const zoneId = await this.#zoneId(zoneName);
    return { ...limits, ...(await zoneLimitsIn(this.#core.db.read, projectId, zoneId)) };
  }

  /** What the project has; of servers only those in the zone. */
  async usage(subject: Subject, projectId: string, zoneName: string): Promise<Record<CountedQuota, number>> {
    if (subject.projectId !== projectId) requireAdmin(subject, 'get_quota');
    const { db } = this.#core;
    const zoneId = await this.#zoneId(zoneName);
    return (await usageOf(db.kind, db.read, projectId, countedQuotas, zoneId)) as Record<CountedQuota, number>;
  }

  /** Sets limits of a project in the zone; others stay. Throws `invalid` for what is not limited by zone. */
  async setLimits(
    subject: Subject,
    projectId: string,
    zoneName: string,
    changes: Partial<Record<QuotaName, number>>,
  ): Promise<Limits> {
    requireAdmin(subject, 'update_quota');
    const zoneId = await this.#zoneId(zoneName);
    const wanted = Object.entries(changes).filter(([, limit]) => limit !== undefined);
    for (const [name, limit] of wanted) {
      if (!(zoneQuotas as readonly string[]).includes(name)) {
        throw new CloudError('invalid', `There is no quota of ${name} in one availability zone.`, { field: name });
      }
      if (Number.isSafeInteger(limit) && limit >= -1) continue;
      throw new CloudError('invalid', `Quota limit ${limit} for ${name} must be -1 or greater.`, { field: name });
    }
    await this.#core.db.write(async (tx) => {
      for (const [resource, hard_limit] of wanted) {
        await tx
          .insertInto('zone_quotas')
          .values({ project_id: projectId, zone_id: zoneId, resource, hard_limit })
          .onConflict((conflict) => conflict.columns(['project_id', 'zone_id', 'resource']).doUpdateSet({ hard_limit }))
          .execute();
      }
    });
    return await this.limits(subject, projectId, zoneName);
  }

  /** The project has no limits of its own in the zone any more. */
  async reset(subject: Subject, projectId: string, zoneName: string): Promise<void> {
    requireAdmin(subject, 'delete_quota');
    const zoneId = await this.#zoneId(zoneName);
    await this.#core.db.write((tx) =>
      tx.deleteFrom('zone_quotas').where('project_id', '=', projectId).where('zone_id', '=', zoneId).execute(),
    );
  }

  async #zoneId(name: string): Promise<string> {
    const row = await this.#core.db.read.selectFrom('zones').select('id').where('name', '=', name).executeTakeFirst();
    if (row) return row.id;
    throw new CloudError('invalid', `Availability zone '${name}' is invalid.`, { field: 'availability_zone' });
  }
}
