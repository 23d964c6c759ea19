import type { Queryable } from '../../database/database.ts';
import type { ActionsTable } from '../../database/schema.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import { ownsOrAdmin, projectOf, requireAdmin, type Subject } from '../identity/subject.ts';
import { type Activity, type ActivityDetail, activityFromRow } from './model.ts';
import { type QueuedWork, queuedWork } from './queues.ts';
import { spanTree } from './span-tree.ts';

export interface ActivityQuery {
  /** Only what was done with this resource. */
  resourceId?: string;
  /** Only what one API request asked for: `req-` and a dashed UUID. */
  requestId?: string;
  /** Of every project; for administrators. */
  allProjects?: boolean;
  /** Only what has not ended. */
  underWay?: boolean;
  /** Only what began before this time, microseconds: the next page. */
  before?: number;
  limit: number;
}

const pollMs = 500;
/** Rows that others wrote a moment ago may carry a time from before the last look. Microseconds. */
const overlap = 2_000_000;
const maxPerLook = 500;

/** What is being done and what was done, over all resources: views of the action journal. */
export class Activities {
  readonly #core: CloudCore;
  readonly #listeners = new Set<(activity: Activity) => void>();
  #stopLooking: (() => void) | undefined;
  #since = 0;
  /** What was told of the rows within the overlap: id → `updated_at`. */
  #told = new Map<string, number>();

  constructor(core: CloudCore) {
    this.#core = core;
  }

  /** The newest first. */
  async list(subject: Subject, query: ActivityQuery): Promise<Activity[]> {
    if (query.allProjects) requireAdmin(subject, 'list_all_activities');
    const { read } = this.#core.db;
    let select = read.selectFrom('actions').selectAll();
    if (!query.allProjects) select = select.where('project_id', '=', projectOf(subject));
    if (query.resourceId) select = select.where('resource_id', '=', query.resourceId);
    if (query.requestId) select = select.where('request_id', '=', query.requestId);
    if (query.underWay) select = select.where('finished_at', 'is', null);
    if (query.before !== undefined) select = select.where('created_at', '<', query.before);
    return named(read, await select.orderBy('created_at', 'desc').limit(query.limit).execute());
  }

  /** One with its spans. Throws `not_found` for those of other projects. */
  async get(subject: Subject, id: string): Promise<ActivityDetail> {
    const { read } = this.#core.db;
    const row = await read.selectFrom('actions').selectAll().where('id', '=', id).executeTakeFirst();
    if (!row || !ownsOrAdmin(subject, row.project_id)) throw notFound('action', id);
    const events = await read.selectFrom('action_events').selectAll().where('action_id', '=', id).execute();
    const steps = await read
      .selectFrom('action_steps')
      .select(['name', 'path', 'outcome', 'ended_at as endedAt'])
      .where('action_id', '=', id)
      .orderBy('seq')
      .execute();
    const [activity] = await named(read, [row]);
    return { ...activity!, spans: spanTree(events, subject.isAdmin), steps };
  }

  /** What has not ended of all resources, or of these; for administrators. */
  async queued(subject: Subject, resourceIds?: readonly string[]): Promise<QueuedWork[]> {
    requireAdmin(subject, 'list_all_activities');
    return await queuedWork(this.#core.db.read, resourceIds);
  }

  /**
   * Asks one to stop and to undo what it did; what waits behind it on the same resource is asked, too. It may have ended
   * before it notices. Throws `conflict` (`ended`, `only_forward`) where there is nothing to stop, or no way back.
   */
  async cancel(subject: Subject, id: string): Promise<void> {
    const { db, runner } = this.#core;
    await db.write(async (tx) => {
      const row = await tx.selectFrom('actions').selectAll().where('id', '=', id).executeTakeFirst();
      if (!row || !ownsOrAdmin(subject, row.project_id)) throw notFound('action', id);
      const refused = (reason: string, words: string) =>
        new CloudError('conflict', words, { resource: 'action', id, reason });
      if (row.finished_at !== null) throw refused('ended', `The action ${row.kind} has ended already.`);
      if (!runner.canCancel(row.kind)) {
        throw refused('only_forward', `The action ${row.kind} goes on to its end: it can't be undone.`);
      }
      await runner.cancel(tx, row.resource_id);
    });
  }

  /**
   * Calls `listener` whenever an action of the subject's project (or of any, for administrators who ask) has begun, got
   * on or ended, whichever process walks it. Returns what ends that.
   */
  watch(subject: Subject, allProjects: boolean, listener: (activity: Activity) => void): () => void {
    if (allProjects) requireAdmin(subject, 'watch_all_activities');
    const projectId = allProjects ? undefined : projectOf(subject);
    const filtered = (activity: Activity) => {
      if (projectId === undefined || activity.projectId === projectId) listener(activity);
    };
    this.#listeners.add(filtered);
    this.#startLooking();
    return () => {
      this.#listeners.delete(filtered);
      if (this.#listeners.size > 0) return;
      this.#stopLooking?.();
      this.#stopLooking = undefined;
    };
  }

  #startLooking(): void {
    if (this.#stopLooking) return;
    const { env, runner, log } = this.#core;
    this.#since = env.now();
    this.#told.clear();
    let isLooking = false;
    const look = () => {
      if (isLooking) return;
      isLooking = true;
      this.#look()
        .catch((err) => log.error({ err }, 'the journal could not be read for those who watch it'))
        .finally(() => {
          isLooking = false;
        });
    };
    const stopTimer = env.every(pollMs, look);
    const stopWatching = runner.watch(look);
    this.#stopLooking = () => {
      stopTimer();
      stopWatching();
    };
  }

  async #look(): Promise<void> {
    const { read } = this.#core.db;
    const rows = await read
      .selectFrom('actions')
      .selectAll()
      .where('updated_at', '>', this.#since - overlap)
      .orderBy('updated_at')
      .limit(maxPerLook)
      .execute();
    const news = rows.filter(({ id, updated_at }) => this.#told.get(id) !== updated_at);
    for (const { id, updated_at } of news) this.#told.set(id, updated_at);
    this.#since = Math.max(this.#since, rows.at(-1)?.updated_at ?? 0);
    for (const [id, at] of this.#told) if (at < this.#since - 2 * overlap) this.#told.delete(id);
    for (const activity of await named(read, news)) for (const listener of this.#listeners) listener(activity);
  }
}

async function named(db: Queryable, rows: ActionsTable[]): Promise<Activity[]> {
  const names = new Map<string, string | null>();
  for (const table of ['servers', 'images', 'volumes'] as const) {
    const ids = [...new Set(rows.filter((row) => `${row.resource_type}s` === table).map((row) => row.resource_id))];
    if (ids.length === 0) continue;
    const found = await db.selectFrom(table).select(['id', 'name']).where('id', 'in', ids).execute();
    for (const { id, name } of found) names.set(id, name);
  }
  return rows.map((row) => activityFromRow(row, names.get(row.resource_id) ?? null));
}
