import type { Queryable, Tx } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import { takeTurn } from '../../database/turns.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import { requireAdmin, type Subject } from '../identity/subject.ts';
import type { QuotaName } from '../settings.ts';
import { type CountedQuota, countedQuotas, isCounted, usageOf } from './usage.ts';
import { ZoneQuotas, zoneLimitsIn } from './zone-quotas.ts';

/** The limit of each quota; -1 for none. */
export type Limits = Record<QuotaName, number>;

/** Stands for a project where the limits are those of a class. */
const classAsProject = (name: string) => `class:${name}`;

/** The class of all projects that have no limits of their own. */
const everyProject = classAsProject('default');

const setLimits = statement((q, p: { projectId: string }) =>
  q
    .selectFrom('quotas')
    .select(['project_id', 'resource', 'hard_limit'])
    .where('project_id', 'in', [p.projectId, everyProject]),
);

/** The project's limits as a transaction sees them: its own, those of all projects, or the operator's. */
export async function limitsIn(
  { settings }: Pick<CloudCore, 'settings'>,
  db: Queryable,
  projectId: string,
): Promise<Limits> {
  const rows = await setLimits.all(db, { projectId });
  const limits = { ...settings.defaultQuotas };
  const own = rows.filter(({ project_id }) => project_id !== everyProject);
  const common = rows.filter(({ project_id }) => project_id === everyProject);
  for (const { resource, hard_limit } of [...common, ...own]) {
    if (resource in limits) limits[resource as QuotaName] = hard_limit;
  }
  return limits;
}

/** How much a project may have. */
export class Quotas {
  readonly #core: CloudCore;
  /** What projects may have in one zone. */
  readonly zones: ZoneQuotas;

  constructor(core: CloudCore) {
    this.#core = core;
    this.zones = new ZoneQuotas(core, (subject, projectId) => this.limits(subject, projectId));
  }

  /** What the operator has set for projects that have no limits of their own. */
  get defaults(): Limits {
    return { ...this.#core.settings.defaultQuotas };
  }

  /** The limits of projects that have none of their own: the operator's, and over them what was set since. */
  defaultLimits(): Promise<Limits> {
    return this.limitsIn(this.#core.db.read, everyProject);
  }

  /** Those of a class. Only `default` counts for anybody: what is kept of others is what was said of them. */
  limitsOfClass(name: string): Promise<Limits> {
    return this.limitsIn(this.#core.db.read, classAsProject(name));
  }

  /** Sets limits of a class. */
  setLimitsOfClass(subject: Subject, name: string, changes: Partial<Limits>): Promise<Limits> {
    return this.setLimits(subject, classAsProject(name), changes);
  }

  /** The project's limits. Those of others are for administrators. */
  async limits(subject: Subject, projectId: string): Promise<Limits> {
    if (subject.projectId !== projectId) requireAdmin(subject, 'get_quota');
    return this.limitsIn(this.#core.db.read, projectId);
  }

  /** The project's limits as a transaction sees them; asks for no permission. */
  limitsIn(db: Queryable, projectId: string): Promise<Limits> {
    return limitsIn(this.#core, db, projectId);
  }

  /** The limits of all projects that have own ones of these quotas, by their ids. For administrators. */
  async ofProjects(subject: Subject, names: readonly QuotaName[]): Promise<Map<string, Limits>> {
    requireAdmin(subject, 'get_quotas');
    const { read } = this.#core.db;
    const rows = await read
      .selectFrom('quotas')
      .select(['project_id', 'resource', 'hard_limit'])
      .where('resource', 'in', names)
      .where('project_id', 'not like', classAsProject('%'))
      .orderBy('project_id')
      .execute();
    const common = await this.limitsIn(read, everyProject);
    const byProject = Map.groupBy(rows, ({ project_id }) => project_id);
    return new Map(
      [...byProject].map(([projectId, own]) => [
        projectId,
        { ...common, ...Object.fromEntries(own.map(({ resource, hard_limit }) => [resource, hard_limit])) },
      ]),
    );
  }

  /** What the project has now of everything that is counted per project. */
  async usage(subject: Subject, projectId: string): Promise<Record<CountedQuota, number>> {
    if (subject.projectId !== projectId) requireAdmin(subject, 'get_quota');
    const { db } = this.#core;
    return (await usageOf(db.kind, db.read, projectId, countedQuotas)) as Record<CountedQuota, number>;
  }

  /**
   * Sets limits of a project; others stay. They may be below what the project has: then it gets no more.
   * @param judge is told what the project has, which stays so until the limits hold, and throws where they may not be set
   */
  async setLimits(
    subject: Subject,
    projectId: string,
    changes: Partial<Limits>,
    judge?: (used: Partial<Record<CountedQuota, number>>) => void,
  ): Promise<Limits> {
    requireAdmin(subject, 'update_quota');
    const wanted = Object.entries(changes).filter(([, limit]) => limit !== undefined);
    for (const [name, limit] of wanted) {
      if (Number.isSafeInteger(limit) && limit >= -1) continue;
      throw new CloudError('invalid', `Quota limit ${limit} for ${name} must be -1 or greater.`, { field: name });
    }
    return this.#core.db.write(async (tx) => {
      if (judge) {
        await takeTurn(this.#core.db, tx, `limits ${projectId}`);
        const names = wanted.map(([name]) => name as QuotaName).filter(isCounted);
        judge(await usageOf(this.#core.db.kind, tx, projectId, names));
      }
      for (const [resource, hard_limit] of wanted) {
        await tx
          .insertInto('quotas')
          .values({ project_id: projectId, resource, hard_limit })
          .onConflict((conflict) => conflict.columns(['project_id', 'resource']).doUpdateSet({ hard_limit }))
          .execute();
      }
      return this.limitsIn(tx, projectId);
    });
  }

  /** Gives the project the default limits again: all of them, or these. Tells whether it had any of its own. */
  async resetLimits(subject: Subject, projectId: string, names?: readonly string[]): Promise<boolean> {
    requireAdmin(subject, 'delete_quota');
    return await this.#core.db.write(async (tx) => {
      const all = tx.deleteFrom('quotas').where('project_id', '=', projectId);
      const { numDeletedRows } = await (names ? all.where('resource', 'in', names) : all).executeTakeFirstOrThrow();
      return numDeletedRows > 0;
    });
  }

  /**
   * Refuses to give a project more than it may have. To be called in the transaction that takes what is asked for,
   * before it does: `requested` says how much more that is. Quotas that are not counted per project are compared with
   * `requested` itself. With a zone, what the project may have there holds as well.
   * Throws `quota_exceeded`, whose `reason` is the first quota that does not suffice, in Nova's words.
   */
  async check(
    tx: Tx,
    projectId: string,
    requested: Partial<Record<QuotaName, number>>,
    zoneId?: string,
  ): Promise<void> {
    // Who takes something, limited or not, is waited for by those who set limits that must not be below what there is.
    await takeTurn(this.#core.db, tx, `limits ${projectId}`, 'shared');
    await this.#checkAgainst(await this.limitsIn(tx, projectId), tx, projectId, requested);
    if (zoneId === undefined) return;
    await this.#checkAgainst(await zoneLimitsIn(tx, projectId, zoneId), tx, projectId, requested, zoneId);
  }

  async #checkAgainst(
    limits: Partial<Limits>,
    tx: Tx,
    projectId: string,
    requested: Partial<Record<QuotaName, number>>,
    zoneId?: string,
  ): Promise<void> {
    const names = Object.keys(requested) as QuotaName[];
    const limited = names.filter((name) => requested[name]! > 0 && (limits[name] ?? -1) >= 0);
    if (limited.length === 0) return;
    const { kind } = this.#core.db;
    // Others who ask for the same project wait here: each must see what the one before took.
    await takeTurn(this.#core.db, tx, `quota ${projectId}`);
    const used = await usageOf(kind, tx, projectId, limited.filter(isCounted), zoneId);
    const over = limited.filter((name) => usedOf(used, name) + requested[name]! > limits[name]!);
    if (over.length > 0) throw exceeded(over, requested, used, limits);
  }
}

function usedOf(used: Partial<Record<CountedQuota, number>>, name: QuotaName): number {
  return isCounted(name) ? (used[name] ?? 0) : 0;
}

/** As Nova names them. */
const novaNames: Partial<Record<QuotaName, string>> = { ram_mb: 'ram' };

function exceeded(
  over: QuotaName[],
  requested: Partial<Record<QuotaName, number>>,
  used: Partial<Record<CountedQuota, number>>,
  limits: Partial<Limits>,
): CloudError {
  const each = (value: (name: QuotaName) => unknown) => over.map(value).join(', ');
  const message =
    `Quota exceeded for ${each((name) => novaNames[name] ?? name)}: Requested ${each((name) => requested[name])}, ` +
    `but already used ${each((name) => usedOf(used, name))} of ${each((name) => limits[name])} ` +
    over.map((name) => novaNames[name] ?? name).join(', ');
  return new CloudError('quota_exceeded', message, { resource: 'quota', reason: over[0] });
}
