import { type Database, DatabaseUnavailable } from '../database/database.ts';
import type { ActionState, ActionStepsTable } from '../database/schema.ts';
import type { Env } from '../env/env.ts';
import type { ActionFailure, AnyAction, StepContext } from './definition.ts';
import { EventTrail } from './event-trail.ts';
import { ActionCancelled, describeFailure, isRetryable, LeaseLost, NotUndone } from './failure.ts';
import {
  type Journal,
  type JournalStatements,
  type JournalWrite,
  lastRun,
  parseFailure,
  stateOf,
  stateWhenRun,
} from './journal.ts';
import { type AnyNode, type AnySpan, type AnyStep, CommitRefused, guarded, StepFailed, stepAt } from './nodes.ts';

export interface WalkOptions {
  db: Database;
  env: Env;
  statements: JournalStatements;
  services: unknown;
  owner: string;
  /** How long a hold on the action lasts without being renewed, microseconds. */
  lease: number;
  /** Aborts when the user cancels the action: it is then unwound. */
  cancelled: AbortSignal;
  /** Aborts when this process has to let go of the action as it is. */
  stopped: AbortSignal;
}

export type WalkOutcome = 'succeeded' | 'failed' | 'parked';

const undoRetry = { attempts: 4, backoffMs: 100 };
const maxBackoffMs = 30_000;

/** A journal that has lost its newest entries leads to the same steps again, and each of them may be run twice. */
const repeatable = { isRepeatable: true };

/**
 * Walks one action from where its journal ends. All that is learnt is gathered in `#pending` and written in one
 * transaction right before the next step begins, so that an action costs one commit a step.
 */
export class Walk {
  readonly #action: AnyAction;
  readonly #journal: Journal;
  readonly #options: WalkOptions;
  readonly #input: unknown;
  #state: Record<string, unknown> = {};
  #pending: JournalWrite[] = [];
  #phase: ActionState;
  #failure: ActionFailure | undefined;
  #progress: number;
  readonly #forward: AbortSignal;
  readonly #cancelled: AbortSignal;
  /** Later tries of a parked action: its user has had the outcome, so they leave no trace in the log. */
  readonly #quiet: boolean;
  #isSuperseded = false;
  readonly #events: EventTrail;

  constructor(action: AnyAction, journal: Journal, options: WalkOptions) {
    this.#action = action;
    this.#journal = journal;
    this.#options = options;
    this.#input = JSON.parse(journal.action.input);
    this.#phase = journal.action.state === 'pending' ? 'running' : journal.action.state;
    this.#failure = parseFailure(journal.action.error);
    this.#progress = journal.action.progress;
    this.#cancelled = action.onFailure === 'park' ? new AbortController().signal : options.cancelled;
    this.#forward = AbortSignal.any([this.#cancelled, options.stopped]);
    this.#quiet = this.#phase === 'parked';
    this.#events = new EventTrail(journal, options.statements, options.env, (write) => this.#pending.push(write));
  }

  /** Ends when the action has; throws `LeaseLost` when another process has it, and database errors as they are. */
  async run(): Promise<WalkOutcome> {
    if (this.#quiet) {
      const { resource_id: resourceId, created_at: since } = this.#journal.action;
      this.#isSuperseded = (await this.#options.statements.later.first({ resourceId, since })) !== undefined;
    }
    const goesForward = this.#phase === 'running' || (this.#quiet && this.#action.onFailure === 'park');
    if (goesForward) {
      try {
        await this.#walkNodes(this.#action.nodes, '');
        return await this.#succeed();
      } catch (error) {
        const failed = this.#asStepFailed(error);
        if (this.#action.onFailure === 'park') return await this.#park(failed.failure);
        this.#failure = failed.failure;
        this.#phase = 'unwinding';
        this.#events.leaveAll(failed.failure.traceback);
      }
    }
    return await this.#unwind();
  }

  #asStepFailed(error: unknown): StepFailed {
    if (error instanceof StepFailed) return error;
    if (!(error instanceof CommitRefused)) throw error;
    const failure = describeFailure(error.cause, error.step.name, error.path);
    this.#record(error.step, error.path, 'failed', { error: failure });
    return new StepFailed(failure, error.cause);
  }

  async #walkNodes(nodes: readonly AnyNode[], prefix: string): Promise<void> {
    for (const [index, node] of nodes.entries()) {
      const path = prefix === '' ? `${index}` : `${prefix}.${index}`;
      if (node.type === 'step') await this.#walkStep(node, path);
      else if (node.type === 'span') await this.#walkSpan(node, path);
      else if (node.condition({ input: this.#input, state: this.#state })) await this.#walkNodes(node.nodes, path);
    }
  }

  async #walkSpan(span: AnySpan, path: string): Promise<void> {
    if (this.#quiet || this.#events.hasSucceeded(path)) return await this.#walkNodes(span.nodes, path);
    this.#events.enter(span, path);
    const last = this.#journal.steps.findLast((entry) => entry.path === path);
    if (last?.outcome === 'unwinding') await this.#unwindSpan(span, path, parseFailure(last.error)!);
    for (;;) {
      try {
        await this.#walkNodes(span.nodes, path);
        return this.#events.leave('Success', null);
      } catch (error) {
        const failed = this.#asStepFailed(error);
        const tries = this.#events.count(path);
        if (tries >= span.attempts || failed.failure.code === 'cancelled' || !isRetryable(failed.cause)) throw failed;
        this.#events.leaveDownTo(path, failed.failure.traceback);
        this.#record(span, path, 'unwinding', { error: failed.failure });
        await this.#unwindSpan(span, path, failed.failure);
      }
    }
  }

  /**
   * Undoes the span's steps before its next try. That it is under way is in the journal: a process that goes on here
   * must not take a step for done that was being undone. Where something could not be undone there is no next try: it
   * might succeed somewhere else, and nobody would ever come back for what is left.
   */
  async #unwindSpan(span: AnySpan, path: string, failure: ActionFailure): Promise<void> {
    if (!(await this.#undoUnder(path, failure.path))) throw new StepFailed(failure, new NotUndone());
    this.#record(span, path, 'unwound', {});
    this.#events.leave('Error', failure.traceback);
    this.#events.enter(span, path);
  }

  async #walkStep(step: AnyStep, path: string): Promise<void> {
    const last = this.#journal.steps.findLast((entry) => entry.path === path);
    if (last?.outcome === 'done') {
      if (last.state) Object.assign(this.#state, JSON.parse(last.state));
      return;
    }
    for (;;) {
      await this.#flush();
      this.#checkSignals(step, path);
      try {
        const result = await step.do(this.#context(this.#forward));
        const patch = result?.state ?? undefined;
        if (patch) Object.assign(this.#state, patch);
        if (result?.commit) this.#pending.push(guarded(step, path, result.commit));
        this.#record(step, path, 'done', { state: patch ?? null, undo: result?.undo ?? null });
        return;
      } catch (error) {
        this.#checkSignals(step, path);
        // Nothing is wrong with what is done: it goes on where the journal ends, as after a kill.
        if (error instanceof DatabaseUnavailable) throw error;
        const failure = describeFailure(error, step.name, path);
        if (this.#quiet) throw new StepFailed(failure, error);
        this.#record(step, path, 'failed', { error: failure });
        const tries = this.#failuresSinceUndone(path);
        if (tries >= step.retry.attempts || !isRetryable(error)) throw new StepFailed(failure, error);
        this.#events.retryInnermost(failure.traceback);
        await this.#flush();
        await this.#options.env.sleep(backoff(step.retry.backoffMs, tries), this.#forward);
      }
    }
  }

  /** Ends the walk where this process has to let go of the action, or its user cancelled it. */
  #checkSignals(step: AnyStep, path: string): void {
    if (this.#options.stopped.aborted) throw new LeaseLost();
    if (!this.#cancelled.aborted) return;
    const error = new ActionCancelled();
    const failure = describeFailure(error, step.name, path);
    // What it may have done is undone, also where an earlier try of it was undone before.
    this.#record(step, path, 'failed', { error: failure });
    throw new StepFailed(failure, error);
  }

  async #succeed(): Promise<WalkOutcome> {
    await this.#flush(async (tx) => {
      await this.#action.succeeded(tx, this.#settleContext());
      await this.#finish(tx, 'succeeded');
    });
    return 'succeeded';
  }

  async #unwind(): Promise<WalkOutcome> {
    const clean = await this.#undoUnder('', this.#failure?.path);
    if (!clean) {
      if (!this.#quiet) this.#pending.push((tx) => this.#action.failed(tx, this.#settleContext(), this.#failure!));
      this.#phase = 'parked';
      await this.#flush();
      return 'parked';
    }
    await this.#flush(async (tx) => {
      if (!this.#quiet) await this.#action.failed(tx, this.#settleContext(), this.#failure!);
      await this.#finish(tx, 'failed');
    });
    return 'failed';
  }

  async #park(failure: ActionFailure): Promise<WalkOutcome> {
    this.#events.leaveAll(failure.traceback);
    this.#failure ??= failure;
    this.#phase = 'parked';
    if (!this.#quiet) this.#pending.push((tx) => this.#action.failed(tx, this.#settleContext(), failure));
    await this.#flush();
    return 'parked';
  }

  /**
   * Undoes what is done below `prefix`, newest first, and the step that failed. False when something could not be
   * undone: the rest is undone all the same.
   */
  async #undoUnder(prefix: string, failedPath: string | undefined): Promise<boolean> {
    const inside = (path: string) => prefix === '' || path === prefix || path.startsWith(`${prefix}.`);
    const last = new Map(this.#journal.steps.map((entry) => [entry.path, entry]));
    const todo = [...last.entries()]
      .filter(([path, entry]) => inside(path) && (entry.outcome === 'done' || entry.outcome === 'undo_failed'))
      .map(([path]) => ({ path, seq: lastRun(this.#journal.steps, path)!.seq, data: this.#undoDataOf(path) }));
    if (failedPath !== undefined && inside(failedPath) && last.get(failedPath)?.outcome !== 'undone') {
      const known = todo.find(({ path }) => path === failedPath);
      if (known) known.seq = Number.POSITIVE_INFINITY;
      else todo.push({ path: failedPath, seq: Number.POSITIVE_INFINITY, data: this.#undoDataOf(failedPath) });
    }
    todo.sort((a, b) => b.seq - a.seq);
    let clean = true;
    for (const { path, data } of todo) {
      this.#state = stateWhenRun(this.#journal.steps, path);
      clean = (await this.#undoStep(stepAt(this.#action.nodes, path), path, data)) && clean;
    }
    this.#state = stateOf(this.#journal.steps);
    return clean;
  }

  async #undoStep(step: AnyStep, path: string, data: unknown): Promise<boolean> {
    for (let attempt = 1; ; attempt += 1) {
      await this.#flush();
      try {
        const result = await step.undo?.(this.#context(this.#options.stopped), data);
        const { commit } = result ?? {};
        if (commit) this.#pending.push(commit);
        this.#record(step, path, 'undone', {});
        return true;
      } catch (error) {
        if (this.#options.stopped.aborted) throw new LeaseLost();
        if (attempt < undoRetry.attempts && !this.#quiet) {
          await this.#options.env.sleep(backoff(undoRetry.backoffMs, attempt), this.#options.stopped);
          continue;
        }
        if (this.#quiet) return false;
        this.#record(step, path, 'undo_failed', { error: describeFailure(error, step.name, path) });
        return false;
      }
    }
  }

  #undoDataOf(path: string): unknown {
    let data: string | null = null;
    for (const entry of this.#journal.steps) {
      if (entry.path !== path) continue;
      if (entry.outcome === 'done') data = entry.undo;
      else if (entry.outcome === 'undone') data = null;
    }
    return data === null ? null : JSON.parse(data);
  }

  #failuresSinceUndone(path: string): number {
    let count = 0;
    for (const entry of this.#journal.steps) {
      if (entry.path !== path) continue;
      count = entry.outcome === 'failed' ? count + 1 : 0;
    }
    return count;
  }

  #record(
    node: { name: string },
    path: string,
    outcome: ActionStepsTable['outcome'],
    what: { state?: unknown; undo?: unknown; error?: unknown },
  ): void {
    const row = {
      action_id: this.#journal.action.id,
      seq: this.#journal.steps.length,
      path,
      name: node.name,
      outcome,
      state: toJson(what.state),
      undo: toJson(what.undo),
      error: toJson(what.error),
      ended_at: this.#options.env.now(),
    };
    this.#journal.steps.push(row);
    this.#pending.push(async (tx) => void (await this.#options.statements.insertStep.run(row, tx)));
  }

  /** Writes what is pending, and `last` with it, if this process still holds the action. */
  async #flush(last?: JournalWrite): Promise<void> {
    if (this.#pending.length === 0 && !last) return;
    const writes = this.#pending;
    this.#pending = [];
    try {
      await this.#write(writes, last);
    } catch (error) {
      if (error instanceof CommitRefused) this.#pending = writes.filter((write) => write !== error.write);
      throw error;
    }
  }

  async #write(writes: JournalWrite[], last: JournalWrite | undefined): Promise<void> {
    const { db, env, statements, owner, lease } = this.#options;
    await db.write(async (tx) => {
      const now = env.now();
      const held = await statements.advance.run(
        {
          id: this.#journal.action.id,
          owner,
          state: this.#phase,
          error: this.#failure ? JSON.stringify(this.#failure) : null,
          progress: this.#progress,
          now,
          expires: now + lease,
        },
        tx,
      );
      if (held === 0) throw new LeaseLost();
      for (const write of writes) await write(tx);
      if (last) await last(tx);
    }, repeatable);
  }

  async #finish(tx: Parameters<JournalWrite>[0], state: 'succeeded' | 'failed'): Promise<void> {
    const { statements, owner, env } = this.#options;
    await statements.finish.run({ id: this.#journal.action.id, owner, state, now: env.now() }, tx);
  }

  #context(signal: AbortSignal): StepContext<unknown, unknown, Record<string, unknown>> {
    const { action } = this.#journal;
    return {
      actionId: action.id,
      resourceId: action.resource_id,
      requestId: action.request_id,
      input: this.#input as never,
      state: { ...this.#state },
      services: this.#options.services,
      env: this.#options.env,
      signal,
      isLate: this.#quiet,
      isSuperseded: this.#isSuperseded,
      progress: (percent) => {
        this.#progress = Math.max(0, Math.min(100, Math.round(percent)));
      },
    };
  }

  #settleContext() {
    const { action } = this.#journal;
    const now = this.#options.env.now();
    const { services } = this.#options;
    return {
      actionId: action.id,
      resourceId: action.resource_id,
      input: this.#input as never,
      state: { ...this.#state },
      services,
      now,
    };
  }
}

function backoff(baseMs: number, tries: number): number {
  return Math.min(maxBackoffMs, baseMs * 2 ** (tries - 1));
}

function toJson(value: unknown): string | null {
  return value === undefined || value === null ? null : JSON.stringify(value);
}
