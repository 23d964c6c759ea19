import { sql } from 'kysely';
import type { ActionOutcome } from '../../actions/runner.ts';
import type { PreparedQuery, Tx } from '../../database/database.ts';
import type { ScheduleFiringsTable } from '../../database/schema.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import { graceUs, takeUp } from './take-up.ts';
import { holdUs, type Turns, turnsOf } from './turns.ts';

/** What does the work of jobs that are due. */
export interface ScheduleWorker {
  /**
   * Begins the work, once for each firing however often it is asked: who asked before may have died before it could
   * write down that it had. Throws what the engine refuses. Gives no action where what is wanted is so already.
   */
  begin(firing: ScheduleFiringsTable): Promise<{ actionId?: string }>;
  /** How the work ended; undefined while it goes on. */
  outcome(actionId: string): Promise<ActionOutcome | undefined>;
  /** Called once when a firing has succeeded. */
  succeeded(firing: ScheduleFiringsTable): Promise<void>;
}

/** What one activation did. */
export interface FiringStatus {
  begun: number;
  missed: number;
  ended: number;
  refused: number;
}

/** How much one activation takes up at the most. */
const maxPerActivation = 50;

/** How soon those are looked at again that had to wait for their turn. */
const turnMs = 250;

/**
 * Makes firings of what is due, a row for each due time of a job, and sees to them until they have ended. Any number of
 * processes may do that over one database, and die at any time: whose guarded write moves a link on makes its firing.
 */
export class Firings {
  readonly #core: Pick<CloudCore, 'db' | 'env' | 'log'>;
  readonly #worker: ScheduleWorker;
  readonly #turns: Turns;
  /** When it was last asked what is due. */
  #lookedAt = 0;
  readonly #ended: PreparedQuery<{ limit: number }, ScheduleFiringsTable>;
  readonly #nextDue: PreparedQuery<Record<never, never>, { next_at: number }>;
  readonly #anyUnfinished: PreparedQuery<Record<never, never>, { id: string }>;

  constructor(core: Pick<CloudCore, 'db' | 'env' | 'log'>, worker: ScheduleWorker) {
    this.#core = core;
    this.#worker = worker;
    this.#turns = turnsOf(core.db);
    // Of those whose work goes on nothing is to be said: however many they are, they keep none of the others waiting.
    this.#ended = core.db.prepare<{ limit: number }, ScheduleFiringsTable>((q, p) =>
      q
        .selectFrom('schedule_firings as firing')
        .selectAll('firing')
        .where('firing.finished_at', 'is', null)
        .where('firing.state', '=', 'begun')
        .where((e) =>
          e.not(
            e.exists(
              e
                .selectFrom('actions')
                .select('actions.id')
                .whereRef('actions.id', '=', 'firing.action_id')
                .where('actions.state', 'not in', ['succeeded', 'failed', 'parked']),
            ),
          ),
        )
        .orderBy('firing.created_at')
        .limit(p.limit),
    );
    this.#nextDue = core.db.prepare<Record<never, never>, { next_at: number }>((q) =>
      q
        .selectFrom(
          sql<{ next_at: number }>`(select min(next_at) as next_at from schedule_links
            union all select min(next_at) from schedule_group_links)`.as('link'),
        )
        .select('next_at')
        .where('next_at', 'is not', null)
        .orderBy('next_at')
        .limit(1),
    );
    this.#anyUnfinished = core.db.prepare<Record<never, never>, { id: string }>((q) =>
      q.selectFrom('schedule_firings').select('id').where('finished_at', 'is', null).limit(1),
    );
  }

  /** Milliseconds until there is something to do; at most `limitMs`. */
  async restMs(limitMs: number): Promise<number> {
    const next = await this.#nextDue.first({});
    const isBusy = (await this.#anyUnfinished.first({})) !== undefined;
    return Math.min(this.#restUntil(next?.next_at ?? Infinity), limitMs, isBusy ? 1000 : limitMs);
  }

  #restUntil(next: number): number {
    // What was due when it was last looked at waits for its turn.
    return next <= this.#lookedAt ? turnMs : Math.max(0, Math.ceil((next - this.#core.env.now()) / 1000));
  }

  /** One activation: takes up whose turn it is, and looks how what was taken up before is getting on. */
  async run(): Promise<FiringStatus> {
    const status: FiringStatus = { begun: 0, missed: 0, ended: 0, refused: 0 };
    for (const firing of await this.#turns.firings(this.#core.env.now(), maxPerActivation)) {
      if (await this.#hold(firing)) await this.#begin(firing, status);
    }
    for (const firing of await this.#takeUpDue(status)) await this.#begin(firing, status);
    for (const firing of await this.#ended.all({ limit: maxPerActivation })) await this.#lookAfter(firing, status);
    return status;
  }

  /** Those that this process is to begin now. */
  async #takeUpDue(status: FiringStatus): Promise<ScheduleFiringsTable[]> {
    const { db, env } = this.#core;
    const now = env.now();
    this.#lookedAt = now;
    const due = await this.#turns.links(now, maxPerActivation);
    if (due.length === 0) return [];
    return await db.write(async (tx) => {
      const taken: ScheduleFiringsTable[] = [];
      for (const link of due) {
        for (const firing of await takeUp(tx, env, link, now)) {
          if (firing.state !== 'due') status.missed += 1;
          else if (firing.held_until > now) taken.push(firing);
        }
      }
      return taken;
    });
  }

  /** Takes over what another process had taken up, or who asked for it by hand; false where somebody else was quicker. */
  async #hold({ id, held_until }: ScheduleFiringsTable): Promise<boolean> {
    const { db, env } = this.#core;
    const held = await db.write((tx) =>
      tx
        .updateTable('schedule_firings')
        .set({ held_until: env.now() + holdUs })
        .where('id', '=', id)
        .where('state', '=', 'due')
        .where('held_until', '=', held_until)
        .executeTakeFirst(),
    );
    return held.numUpdatedRows > 0n;
  }

  async #begin(firing: ScheduleFiringsTable, status: FiringStatus): Promise<void> {
    try {
      const { actionId } = await this.#worker.begin(firing);
      if (actionId === undefined) return await this.#finish(firing, status, undefined);
      status.begun += 1;
      await this.#core.db.write((tx) =>
        tx
          .updateTable('schedule_firings')
          .set({ state: 'begun', action_id: actionId })
          .where('id', '=', firing.id)
          .where('state', '=', 'due')
          .execute(),
      );
    } catch (error) {
      const isAnswer = error instanceof CloudError && error.code !== 'unavailable';
      if (!isAnswer && firing.due_at > this.#core.env.now() - graceUs) {
        // What is no answer of the engine may be different in a moment: it is tried again once the hold has lapsed.
        this.#core.log.warn({ err: error, firingId: firing.id }, 'a scheduled job could not be begun yet');
        return;
      }
      status.refused += 1;
      const isGone = error instanceof CloudError && error.code === 'not_found';
      await this.#finish(firing, status, error instanceof Error ? error.message : String(error), { isGone });
    }
  }

  async #lookAfter(firing: ScheduleFiringsTable, status: FiringStatus): Promise<void> {
    const outcome = await this.#worker.outcome(firing.action_id!);
    if (!outcome) return;
    const failed = outcome.state === 'failed';
    await this.#finish(firing, status, failed ? (outcome.failure?.message ?? 'The operation failed.') : undefined);
  }

  /** @param isGone what the job is about is no more: then it is not done again */
  async #finish(
    firing: ScheduleFiringsTable,
    status: FiringStatus,
    error: string | undefined,
    { isGone = false } = {},
  ): Promise<void> {
    const { db, env, log } = this.#core;
    const now = env.now();
    const state = error === undefined ? 'succeeded' : 'failed';
    const ended = await db.write(async (tx) => {
      const { numUpdatedRows } = await tx
        .updateTable('schedule_firings')
        .set({ state, error: error ?? null, finished_at: now })
        .where('id', '=', firing.id)
        .where('finished_at', 'is', null)
        .executeTakeFirst();
      if (isGone && numUpdatedRows > 0n) await disableJob(tx, firing.job_id, now);
      return numUpdatedRows > 0n;
    });
    if (!ended) return;
    status.ended += 1;
    if (error !== undefined) return;
    await this.#worker.succeeded(firing).catch((err: unknown) => {
      log.warn({ err, firingId: firing.id }, 'what a scheduled job leaves behind could not be tidied up');
    });
  }
}

/** It is not due any more until it is enabled again. */
export async function disableJob(tx: Tx, jobId: string, now: number): Promise<void> {
  await tx.updateTable('schedule_jobs').set({ enabled: 0, updated_at: now }).where('id', '=', jobId).execute();
  await tx.updateTable('schedule_links').set({ next_at: null, updated_at: now }).where('job_id', '=', jobId).execute();
}
