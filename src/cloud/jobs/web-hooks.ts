import type { Database, PreparedQuery } from '../../database/database.ts';
import type { JobsTable } from '../../database/schema.ts';
import type { Env } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { type Job, jobFromRow } from './model.ts';

/** A job whose web hook this process looks after for now. */
export interface OwedWebHook {
  job: Job & { webHook: string };
  /** How often it was told in vain. */
  tries: number;
  /** Until when no other process takes it, microseconds. */
  heldUntil: number;
}

/** How long a process holds one; whoever looks after it is done by then, milliseconds. */
const holdMs = 20_000;

/** For how long a request may be at work before another process asks what became of it, microseconds. */
export const hookGrace = 60_000_000;

/**
 * What is owed to the web hooks of jobs. It is in the job's row from its begin until the hook has understood or is given
 * up, so that it outlives every process. One process at a time looks after each.
 */
export class WebHooks {
  readonly #db: Database;
  readonly #env: Env;
  readonly #due: PreparedQuery<{ now: number; limit: number }, JobsTable>;
  readonly #listeners = new Set<() => void>();

  constructor(core: Pick<CloudCore, 'db' | 'env'>) {
    this.#db = core.db;
    this.#env = core.env;
    this.#due = core.db.prepare<{ now: number; limit: number }, JobsTable>((db, { now, limit }) =>
      db
        .selectFrom('jobs')
        .selectAll()
        .where('hook_due_at', '<=', now)
        .orderBy('hook_due_at')
        .orderBy('id')
        .limit(limit),
    );
  }

  /** Called when this process has made something due. Returns what ends that. */
  onDue(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** To be called once what made something due is committed. */
  wake(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Takes up to `limit` of those that are due, the longest due first: no other process has them for `holdMs`. */
  async claim(limit: number): Promise<OwedWebHook[]> {
    const rows = await this.#due.all({ now: this.#env.now(), limit });
    if (rows.length === 0) return [];
    const heldUntil = this.#env.now() + holdMs * 1000;
    return await this.#db.write(async (tx) => {
      const claimed: OwedWebHook[] = [];
      for (const row of rows) {
        const { numUpdatedRows } = await tx
          .updateTable('jobs')
          .set({ hook_due_at: heldUntil })
          .where('id', '=', row.id)
          .where('hook_due_at', '=', row.hook_due_at)
          .executeTakeFirst();
        if (numUpdatedRows === 0n) continue;
        claimed.push({ job: jobFromRow(row) as OwedWebHook['job'], tries: row.hook_tries, heldUntil });
      }
      return claimed;
    });
  }

  /** It has understood, or is given up: nothing is owed any more. */
  async settle({ job }: OwedWebHook): Promise<void> {
    await this.#db.write((tx) => tx.updateTable('jobs').set({ hook_due_at: null }).where('id', '=', job.id).execute());
  }

  /** Lets go of it until it is due again in `ms`. Does nothing where another process has taken it meanwhile. */
  async postpone({ job, tries, heldUntil }: OwedWebHook, ms: number): Promise<void> {
    await this.#db.write((tx) =>
      tx
        .updateTable('jobs')
        .set({ hook_due_at: this.#env.now() + ms * 1000, hook_tries: tries })
        .where('id', '=', job.id)
        .where('hook_due_at', '=', heldUntil)
        .execute(),
    );
  }

  /** Makes due what a process held that is gone. For a start where no other process can hold anything. */
  async takeOver(): Promise<void> {
    const now = this.#env.now();
    await this.#db.write((tx) =>
      tx.updateTable('jobs').set({ hook_due_at: now }).where('hook_due_at', '>', now).execute(),
    );
  }
}
