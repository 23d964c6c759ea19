import { AsyncLocalStorage } from 'node:async_hooks';
import type { Database, Tx, WriteOptions } from './database.ts';

interface DryRun {
  /** Looks at what the transaction has changed, right before all of it is taken back. */
  inspect(tx: Tx): Promise<void>;
}

const current = new AsyncLocalStorage<DryRun>();

/** The work of a dry run has come to where it would have committed. It passes through whatever called `write`. */
class DryRunEnd extends Error {
  constructor() {
    super('This was a dry run: nothing has changed.');
    this.name = 'DryRunEnd';
  }
}

/** Whether the caller's changes are going to be taken back. */
export function isDryRun(): boolean {
  return current.getStore() !== undefined;
}

/**
 * Runs `work` as far as its first transaction, lets `inspect` look at that, and takes it back. Resolves to `committed`
 * where there was a transaction, and to `unchanged` where the work ended without one. Throws what the work throws.
 * Needs a database that `withDryRuns` has made.
 */
export async function runDry(
  inspect: (tx: Tx) => Promise<void>,
  work: () => Promise<unknown>,
): Promise<'committed' | 'unchanged'> {
  return current.run({ inspect }, async () => {
    try {
      await work();
      return 'unchanged';
    } catch (error) {
      if (error instanceof DryRunEnd) return 'committed';
      throw error;
    }
  });
}

/** The same database, whose transactions are taken back within a dry run. */
export function withDryRuns(db: Database): Database {
  const write = async <T>(work: (tx: Tx) => Promise<T>, options?: WriteOptions): Promise<T> => {
    const dry = current.getStore();
    if (!dry) return db.write(work, options);
    return db.write(async (tx) => {
      await work(tx);
      await dry.inspect(tx);
      throw new DryRunEnd();
    });
  };
  return new Proxy(db, {
    get(target, name) {
      if (name === 'write') return write;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
