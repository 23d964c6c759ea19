import type { Env } from '../env/env.ts';
import type { Journal, JournalStatements, JournalWrite } from './journal.ts';

interface NamedSpan {
  name: string;
  attempts: number;
}

/** The spans of one walk, as its users see them: opened and closed as a stack, a new event for each try. */
export class EventTrail {
  readonly #journal: Journal;
  readonly #statements: JournalStatements;
  readonly #env: Env;
  readonly #write: (write: JournalWrite) => void;
  readonly #open: Array<{ span: NamedSpan; path: string; seq: number }> = [];

  constructor(journal: Journal, statements: JournalStatements, env: Env, write: (write: JournalWrite) => void) {
    this.#journal = journal;
    this.#statements = statements;
    this.#env = env;
    this.#write = write;
  }

  hasSucceeded(path: string): boolean {
    return this.#last(path)?.result === 'Success';
  }

  /** How many events the span has had. */
  count(path: string): number {
    return this.#journal.events.filter((event) => event.path === path).length;
  }

  /** Begins an event, or goes on with the one that an earlier process had begun. */
  enter(span: NamedSpan, path: string): void {
    const last = this.#last(path);
    if (last && last.result === null) return void this.#open.push({ span, path, seq: last.seq });
    const row = {
      action_id: this.#journal.action.id,
      seq: this.#journal.events.length,
      path,
      name: span.name,
      host: null,
      started_at: this.#env.now(),
    };
    this.#journal.events.push({ ...row, finished_at: null, result: null, traceback: null });
    this.#open.push({ span, path, seq: row.seq });
    this.#write(async (tx) => void (await this.#statements.openEvent.run(row, tx)));
  }

  /** Ends the innermost event. */
  leave(result: 'Success' | 'Error', traceback: string | null): void {
    const open = this.#open.pop()!;
    const change = { finished_at: this.#env.now(), result, traceback };
    Object.assign(this.#journal.events[open.seq]!, change);
    const row = { action_id: this.#journal.action.id, seq: open.seq, ...change };
    this.#write(async (tx) => void (await this.#statements.closeEvent.run(row, tx)));
  }

  leaveAll(traceback: string): void {
    while (this.#open.length > 0) this.leave('Error', traceback);
  }

  /** Ends every event inside of the span at `path`, but not its own. */
  leaveDownTo(path: string, traceback: string): void {
    while (this.#open.at(-1)!.path !== path) this.leave('Error', traceback);
  }

  /** A retried step shows as another event of the same name. Spans with tries of their own count them by events. */
  retryInnermost(traceback: string): void {
    const innermost = this.#open.at(-1);
    if (!innermost || innermost.span.attempts > 1) return;
    this.leave('Error', traceback);
    this.enter(innermost.span, innermost.path);
  }

  #last(path: string) {
    return this.#journal.events.findLast((event) => event.path === path);
  }
}
