import type { Database, Tx, WriteOptions } from '../database/database.ts';
import type { SimulatedEnv } from '../env/simulated.ts';

/** Work on the database that no timer waits for. */
export interface Load {
  /** Under way now. */
  commits: number;
  total: number;
}

class Killed extends Error {}

/**
 * A process that can be killed between any two things it does: what it waits for then never comes, what it had asked of
 * the database and was not committed is not done, and its timers do not fire. What is committed stays.
 */
export class SimulatedProcess {
  readonly env: SimulatedEnv;
  readonly #load: Load;
  readonly #onDeath: () => void;
  #isDead = false;
  #writesLeft = Number.POSITIVE_INFINITY;
  #diesAfterCommit = false;

  constructor(env: SimulatedEnv, load: Load, onDeath: () => void) {
    this.env = env;
    this.#load = load;
    this.#onDeath = onDeath;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  kill(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    this.env.cut();
    this.#onDeath();
  }

  /** Has it die at its n-th commit from now on: right before it, or after it and before anybody learns of it. */
  killAtWrite(writes: number, afterCommit: boolean): void {
    this.#writesLeft = writes;
    this.#diesAfterCommit = afterCommit;
  }

  /** Nothing kills it any more at a write to come. */
  spare(): void {
    this.#writesLeft = Number.POSITIVE_INFINITY;
  }

  /** The promise, as long as the process lives. */
  hold<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => (this.#isDead ? undefined : resolve(value)),
        (error) => (this.#isDead ? undefined : reject(error)),
      );
    });
  }

  /** The object, whose promises this process gets only as long as it lives. */
  wrap<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (object, name) => {
        const value = Reflect.get(object, name) as unknown;
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (this.#isDead) return never();
          const result = value.apply(object, args) as unknown;
          return result instanceof Promise ? this.hold(result) : result;
        };
      },
    });
  }

  /** The database, as this process reaches it. It outlives the process. */
  database(db: Database): Database {
    return {
      kind: db.kind,
      read: db.read,
      prepare: db.prepare.bind(db),
      versionOf: db.versionOf.bind(db),
      close: async () => {},
      write: (work, options) => this.#write(db, work, options),
    };
  }

  async #write<T>(db: Database, work: (tx: Tx) => Promise<T>, options?: WriteOptions): Promise<T> {
    if (this.#isDead) return never();
    this.#writesLeft -= 1;
    const isLast = this.#writesLeft === 0;
    if (isLast && !this.#diesAfterCommit) {
      this.kill();
      return never();
    }
    this.#load.commits += 1;
    this.#load.total += 1;
    const committed = db.write(async (tx) => {
      if (this.#isDead) throw new Killed();
      const mine = Object.assign(tx.withoutPlugins(), {
        onCommit: (effect: () => void) => tx.onCommit(() => (this.#isDead || isLast ? undefined : effect())),
      }) as Tx;
      return await work(mine);
    }, options);
    return await this.hold(committed.finally(() => this.#committed(isLast)));
  }

  #committed(isLast: boolean): void {
    this.#load.commits -= 1;
    if (isLast) this.kill();
  }
}

function never<T>(): Promise<T> {
  return new Promise(() => {});
}
