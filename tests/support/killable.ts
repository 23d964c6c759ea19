import type { Database, Tx, WriteOptions } from '../../src/database/database.ts';

/** What everything throws once the simulated process is dead. */
export class Killed extends Error {
  readonly retryable = false;
}

/**
 * A process that can be killed at its n-th database write, before or after that became durable. Everything that its
 * parts try afterwards fails and changes nothing, as with kill -9.
 */
export class KillableProcess {
  #writes = 0;
  #dead = false;
  #killAt: number;
  #when: 'before' | 'after';
  #onDeath: () => void = () => {};
  /** Resolves when the process was killed. */
  readonly died: Promise<void>;

  constructor(killAt = Number.POSITIVE_INFINITY, when: 'before' | 'after' = 'before') {
    this.#killAt = killAt;
    this.#when = when;
    this.died = new Promise((resolve) => {
      this.#onDeath = resolve;
    });
  }

  /** Has it killed at the n-th write from now on. */
  killAfter(writes: number, when: 'before' | 'after'): void {
    this.#killAt = this.#writes + writes;
    this.#when = when;
  }

  get writes(): number {
    return this.#writes;
  }

  get isDead(): boolean {
    return this.#dead;
  }

  kill(): void {
    this.#dead = true;
    this.#onDeath();
  }

  database(db: Database): Database {
    const write = async <T>(work: (tx: Tx) => Promise<T>, options?: WriteOptions): Promise<T> => {
      this.#check();
      this.#writes += 1;
      const fatal = this.#writes === this.#killAt;
      if (fatal && this.#when === 'before') this.kill();
      this.#check();
      const value = await db.write(async (tx) => {
        const alive = Object.assign(tx.withoutPlugins(), {
          onCommit: (effect: () => void) => tx.onCommit(() => (this.#dead || fatal ? undefined : effect())),
        }) as Tx;
        return await work(alive);
      }, options);
      if (fatal) this.kill();
      this.#check();
      return value;
    };
    return {
      kind: db.kind,
      read: db.read,
      prepare: db.prepare.bind(db),
      versionOf: db.versionOf.bind(db),
      close: async () => {},
      write,
    };
  }

  /** The same object, whose methods fail once the process is dead. */
  wrap<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (object, name) => {
        const value = Reflect.get(object, name);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          this.#check();
          return value.apply(object, args);
        };
      },
    });
  }

  #check(): void {
    if (this.#dead) throw new Killed('this process was killed');
  }
}
