import { Ajv } from 'ajv';
import type { TSchema } from 'typebox';
import type { Database, Tx } from '../database/database.ts';
import type { ActionState } from '../database/schema.ts';
import { type Env, newId } from '../env/env.ts';
import type { Action, ActionFailure, AnyAction } from './definition.ts';
import { LeaseLost } from './failure.ts';
import { type JournalStatements, journalStatements, parseFailure, readJournal } from './journal.ts';
import { Walk, type WalkOutcome } from './walk.ts';

export interface RunnerOptions {
  db: Database;
  env: Env;
  actions: readonly AnyAction[];
  log: {
    info(fields: object, text: string): void;
    warn(fields: object, text: string): void;
    error(fields: object, text: string): void;
  };
  /** How many actions this process walks at once; further ones wait. */
  maxConcurrent?: number;
  /** How long a hold on an action lasts without being renewed, milliseconds. */
  leaseMs?: number;
}

/** Who asks for an action, and of what. */
export interface Submission<Input> {
  input: Input;
  /** The name its users know, as `rebuild`. */
  name: string;
  resourceType: string;
  resourceId: string;
  projectId: string;
  userId: string;
  requestId: string;
}

export interface ActionOutcome {
  state: Extract<ActionState, 'succeeded' | 'failed' | 'parked'>;
  failure?: ActionFailure;
}

const parkedRetryMs = 60_000;

/** Remembers what it has compiled: the schema of each input once in the life of the process. */
const ajv = new Ajv({ strict: false });

/** Holds on actions mean nothing after a restart of the machine, so no disk has to know of them. */
const hold = { isRepeatable: true };

/**
 * Walks actions. Those of one resource run one after the other in the order in which they were submitted, those of
 * different resources side by side. A process that dies loses nothing: whoever finds the action later goes on with it.
 */
export class ActionRunner {
  readonly #options: Required<RunnerOptions>;
  readonly #statements: JournalStatements;
  readonly #registry = new Map<string, AnyAction>();
  readonly #owner: string;
  readonly #running = new Map<string, { resourceId: string; cancel: AbortController; ended: Promise<void> }>();
  readonly #waiters = new Map<string, Set<(outcome: ActionOutcome) => void>>();
  readonly #listeners = new Set<(change: { actionId: string; resourceId: string }) => void>();
  #queue: string[] = [];
  #services: unknown;
  #stop = new AbortController();
  #started = false;
  #timers: Array<() => void> = [];
  /** Actions that this process could not walk: it lets go of them, so that they are tried again. */
  readonly #broken = new Set<string>();

  constructor(options: RunnerOptions) {
    const { maxConcurrent = 256, leaseMs = 15_000 } = options;
    this.#options = { ...options, maxConcurrent, leaseMs };
    this.#statements = journalStatements(options.db);
    this.#owner = newId(options.env);
    for (const action of options.actions) {
      if (this.#registry.has(action.kind)) throw new Error(`two actions are called ${action.kind}`);
      this.#registry.set(action.kind, action);
    }
  }

  get actions(): readonly AnyAction[] {
    return this.#options.actions;
  }

  /** Begins to walk: first what an earlier process left unfinished, then whatever is submitted. */
  async start(services: unknown): Promise<void> {
    this.#services = services;
    this.#started = true;
    if (this.#options.db.kind === 'sqlite') await this.#takeOverEverything();
    await this.#lookForWork();
    const renewEvery = this.#options.leaseMs / 3;
    this.#timers.push(this.#options.env.every(renewEvery, () => void this.#renew()));
    this.#timers.push(this.#options.env.every(this.#options.leaseMs / 4, () => void this.#lookForWork()));
  }

  /** Lets go of every action as it is; they go on in another process, or at the next start. */
  async stop(): Promise<void> {
    this.#started = false;
    for (const stop of this.#timers) stop();
    this.#stop.abort();
    await Promise.all([...this.#running.values()].map(({ ended }) => ended));
  }

  /**
   * Writes the action into the caller's transaction; it starts once that is durable. Nothing outside the database may
   * have happened before.
   */
  async submit<Services, Input, State>(
    tx: Tx,
    action: Action<Services, Input, State>,
    submission: Submission<Input>,
  ): Promise<string> {
    const known = this.#registry.get(action.kind);
    if (!known) throw new Error(`the action ${action.kind} is not registered`);
    const isAsDeclared = ajv.compile(known.inputSchema as TSchema);
    if (!isAsDeclared(submission.input)) throw new Error(`the input of ${action.kind} is not what it declares`);
    const { env, leaseMs } = this.#options;
    const id = newId(env);
    const now = env.now();
    const busy = await this.#statements.head.first({ resourceId: submission.resourceId }, tx);
    const mine = !busy && this.#started;
    await this.#statements.insertAction.run(
      {
        id,
        kind: action.kind,
        name: submission.name,
        resource_type: submission.resourceType,
        resource_id: submission.resourceId,
        project_id: submission.projectId,
        user_id: submission.userId,
        request_id: submission.requestId,
        state: 'pending',
        input: JSON.stringify(submission.input),
        progress: 0,
        error: null,
        cancel_requested: 0,
        lease_owner: mine ? this.#owner : null,
        lease_expires_at: mine ? now + leaseMs * 1000 : 0,
        created_at: now,
        updated_at: now,
        finished_at: null,
      },
      tx,
    );
    if (mine) tx.onCommit(() => this.#enqueue(id));
    return id;
  }

  /** Whether an action of the kind can be asked to stop: one that only goes forward can't. */
  canCancel(kind: string): boolean {
    return this.#registry.get(kind)?.onFailure === 'unwind';
  }

  /** Asks whatever is under way on the resource to stop and unwind. */
  async cancel(tx: Tx, resourceId: string): Promise<void> {
    await this.#statements.requestCancel.run({ resourceId }, tx);
    tx.onCommit(() => {
      for (const walk of this.#running.values()) if (walk.resourceId === resourceId) walk.cancel.abort();
    });
  }

  /** Asks one action to stop and unwind, and no other one of its resource. */
  async cancelAction(tx: Tx, id: string): Promise<void> {
    await this.#statements.requestCancelOf.run({ id }, tx);
    tx.onCommit(() => this.#running.get(id)?.cancel.abort());
  }

  /** Resolves when the action has ended for its user, or with undefined after `timeoutMs`. */
  async wait(actionId: string, options: { timeoutMs: number }): Promise<ActionOutcome | undefined> {
    const { env } = this.#options;
    const timeout = new AbortController();
    let settle: (outcome: ActionOutcome) => void = () => {};
    const told = new Promise<ActionOutcome>((resolve) => {
      settle = resolve;
    });
    const waiters = this.#waiters.get(actionId) ?? new Set();
    this.#waiters.set(actionId, waiters.add(settle));
    try {
      const deadline = env.now() + options.timeoutMs * 1000;
      for (;;) {
        const outcome = await this.outcome(actionId);
        if (outcome) return outcome;
        const left = (deadline - env.now()) / 1000;
        if (left <= 0) return undefined;
        // Another process may be the one that ends it, so the database is asked again now and then.
        const pause = this.#running.has(actionId) ? left : Math.min(left, 250);
        const first = await Promise.race([told, env.sleep(pause, timeout.signal)]);
        if (first) return first;
      }
    } finally {
      timeout.abort();
      waiters.delete(settle);
      if (waiters.size === 0) this.#waiters.delete(actionId);
    }
  }

  /** How the action ended, or undefined while it is under way. */
  async outcome(actionId: string): Promise<ActionOutcome | undefined> {
    const row = await this.#statements.action.first({ id: actionId });
    if (!row) throw new Error(`there is no action ${actionId}`);
    if (row.state !== 'succeeded' && row.state !== 'failed' && row.state !== 'parked') return undefined;
    return { state: row.state, failure: parseFailure(row.error) };
  }

  /** Calls `listener` after an action has begun or ended in this process. */
  watch(listener: (change: { actionId: string; resourceId: string }) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves once nothing is walked or queued in this process: for tests and an orderly stop. */
  async idle(): Promise<void> {
    while (this.#running.size > 0 || this.#queue.length > 0) {
      await Promise.all([...this.#running.values()].map(({ ended }) => ended));
    }
  }

  get runningCount(): number {
    return this.#running.size;
  }

  #enqueue(id: string): void {
    if (!this.#started || this.#running.has(id)) return;
    if (this.#running.size >= this.#options.maxConcurrent) return void this.#queue.push(id);
    const cancel = new AbortController();
    const entry = { resourceId: '', cancel, ended: Promise.resolve() };
    this.#running.set(id, entry);
    entry.ended = this.#walk(id, entry).finally(() => {
      this.#running.delete(id);
      const next = this.#queue.shift();
      if (next) this.#enqueue(next);
    });
  }

  async #walk(id: string, entry: { resourceId: string; cancel: AbortController }): Promise<void> {
    try {
      const journal = await readJournal(this.#statements, id);
      if (!journal || journal.action.lease_owner !== this.#owner) return;
      entry.resourceId = journal.action.resource_id;
      if (journal.action.cancel_requested) entry.cancel.abort();
      const known = this.#registry.get(journal.action.kind);
      if (!known) throw new Error(`the journal holds an action ${journal.action.kind} that this version does not know`);
      this.#tell(id, entry.resourceId);
      const { db, env, leaseMs } = this.#options;
      const walk = new Walk(known, journal, {
        db,
        env,
        statements: this.#statements,
        services: this.#services,
        owner: this.#owner,
        lease: leaseMs * 1000,
        cancelled: entry.cancel.signal,
        stopped: this.#stop.signal,
      });
      await this.#ended(id, entry.resourceId, await walk.run());
    } catch (error) {
      // The action stays as its journal has it; whoever holds it next goes on.
      if (error instanceof LeaseLost) return;
      this.#options.log.error({ err: error, actionId: id }, 'an action could not be walked');
      this.#broken.add(id);
    }
  }

  async #ended(id: string, resourceId: string, outcome: WalkOutcome): Promise<void> {
    const { db, env, log } = this.#options;
    if (outcome === 'parked') {
      log.warn({ actionId: id, resourceId }, 'what remains of an action is left to later tries');
      const until = env.now() + parkedRetryMs * 1000;
      await db.write(
        async (tx) => void (await this.#statements.release.run({ id, owner: this.#owner, until }, tx)),
        hold,
      );
    }
    this.#tell(id, resourceId);
    const waiters = this.#waiters.get(id);
    if (waiters) {
      const ending = await this.outcome(id);
      if (ending) for (const settle of waiters) settle(ending);
    }
    await this.#claimNext(resourceId);
  }

  async #claimNext(resourceId: string): Promise<void> {
    const head = await this.#statements.head.first({ resourceId });
    if (head) await this.#claim(head.id, resourceId);
  }

  /** Takes hold of an action whose turn it is: a parked one waits until nothing else is under way on its resource. */
  async #claim(id: string, resourceId: string): Promise<void> {
    const { db, env, leaseMs } = this.#options;
    const now = env.now();
    const expires = now + leaseMs * 1000;
    const claimed = await db.write(async (tx) => {
      const head = await this.#statements.head.first({ resourceId }, tx);
      if (head && head.id !== id) return 0;
      return await this.#statements.claim.run({ id, owner: this.#owner, now, expires }, tx);
    }, hold);
    if (claimed > 0) this.#enqueue(id);
  }

  /** One process owns a SQLite database, so every hold that is left is a dead one's. */
  async #takeOverEverything(): Promise<void> {
    await this.#options.db.write(async (tx) => {
      await tx
        .updateTable('actions')
        .set({ lease_owner: null, lease_expires_at: 0 })
        .where('finished_at', 'is', null)
        .where('lease_owner', 'is not', this.#owner)
        .execute();
    });
  }

  /** Finds actions that nobody holds: heads of their resource's queue, and parked ones whose time has come. */
  async #lookForWork(): Promise<void> {
    if (!this.#started) return;
    try {
      await this.#letGoOfBroken();
      const now = this.#options.env.now();
      const rows = await this.#options.db.read
        .selectFrom('actions')
        .select(['id', 'resource_id', 'state'])
        .where('finished_at', 'is', null)
        .where('lease_expires_at', '<', now)
        .orderBy('created_at')
        .limit(500)
        .execute();
      for (const resourceId of new Set(rows.filter(({ state }) => state !== 'parked').map((row) => row.resource_id))) {
        await this.#claimNextIfFree(resourceId, now);
      }
      for (const { id, state, resource_id } of rows) if (state === 'parked') await this.#claim(id, resource_id);
    } catch (error) {
      this.#options.log.error({ err: error }, 'looking for unfinished actions failed');
    }
  }

  async #letGoOfBroken(): Promise<void> {
    for (const id of this.#broken) {
      const release = { id, owner: this.#owner, until: 0 };
      await this.#options.db.write(async (tx) => void (await this.#statements.release.run(release, tx)), hold);
      this.#broken.delete(id);
    }
  }

  async #claimNextIfFree(resourceId: string, now: number): Promise<void> {
    const head = await this.#statements.head.first({ resourceId });
    if (head && (head.lease_owner === null || head.lease_expires_at < now)) await this.#claim(head.id, resourceId);
  }

  async #renew(): Promise<void> {
    if (this.#running.size === 0) return;
    const { db, env, leaseMs, log } = this.#options;
    const expires = env.now() + leaseMs * 1000;
    try {
      await db.write(async (tx) => void (await this.#statements.renew.run({ owner: this.#owner, expires }, tx)), hold);
      if (db.kind === 'postgres') await this.#noticeCancellations();
    } catch (error) {
      log.error({ err: error }, 'the hold on running actions could not be renewed');
    }
  }

  /** Another process may have been asked to cancel what this one walks. */
  async #noticeCancellations(): Promise<void> {
    const rows = await this.#options.db.read
      .selectFrom('actions')
      .select('id')
      .where('lease_owner', '=', this.#owner)
      .where('finished_at', 'is', null)
      .where('cancel_requested', '=', 1)
      .execute();
    for (const { id } of rows) this.#running.get(id)?.cancel.abort();
  }

  #tell(actionId: string, resourceId: string): void {
    for (const listener of this.#listeners) listener({ actionId, resourceId });
  }
}
