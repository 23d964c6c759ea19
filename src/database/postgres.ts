import { type DatabaseConnection, type Driver, Kysely, NoResultError, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import {
  ConstraintViolation,
  compileTemplate,
  type Database,
  DatabaseUnavailable,
  type PreparedQuery,
  TransactionConflict,
  type Tx,
  type WriteOptions,
} from './database.ts';
import { migrateToLatest } from './migrate.ts';
import type { Schema } from './schema.ts';

/** Opens a PostgreSQL database by its URL and brings its schema up to date. Any number of processes may share it. */
export async function openPostgres(url: string): Promise<Database> {
  const types = {
    // bigint and count(): all our integers stay below 2^53 (sizes in bytes, times in microseconds).
    getTypeParser: ((oid: number, format: 'text') =>
      oid === pg.types.builtins.INT8 || oid === pg.types.builtins.NUMERIC
        ? Number
        : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
  };
  const pool = new pg.Pool({ connectionString: url, max: 20, types });
  // An idle connection that the server ends is replaced by the next query; without a listener it would end the process.
  pool.on('error', () => {});
  // The same for one that is at work: who asked by it hears of its end, and the pool makes another.
  pool.on('connect', (client) => client.on('error', () => {}));
  const db = new Kysely<Schema>({ dialect: new TranslatingDialect({ pool }) });
  try {
    await migrateToLatest(db);
  } catch (error) {
    await pool.end();
    throw error;
  }
  return new PostgresDatabase(db, pool);
}

/** How often a transaction is begun that others are in the way of. */
const maxAttempts = 5;

class PostgresDatabase implements Database {
  readonly kind = 'postgres';
  readonly read: Kysely<Schema>;
  readonly #pool: pg.Pool;
  #prepared = 0;

  constructor(db: Kysely<Schema>, pool: pg.Pool) {
    this.read = db;
    this.#pool = pool;
  }

  async write<T>(work: (tx: Tx) => Promise<T>, { isRepeatable = false }: WriteOptions = {}): Promise<T> {
    let wasRefused = false;
    for (let attempt = 1; ; attempt += 1) {
      const effects: Array<() => void> = [];
      try {
        const value = await this.read.transaction().execute(async (trx) => {
          if (isRepeatable) await sql`set local synchronous_commit to off`.execute(trx);
          return await work(Object.assign(trx, { onCommit: (effect: () => void) => void effects.push(effect) }) as Tx);
        });
        for (const effect of effects) effect();
        return value;
      } catch (error) {
        if (attempt < maxAttempts && error instanceof TransactionConflict) continue;
        // Another transaction has made or removed something since this one looked: the next try sees that, and says what it means.
        if ((error instanceof ConstraintViolation || error instanceof NoResultError) && !wasRefused) {
          wasRefused = true;
          continue;
        }
        throw error;
      }
    }
  }

  prepare<Params extends object, Row>(
    build: (db: Kysely<Schema>, params: Params) => import('kysely').Compilable<Row>,
  ): PreparedQuery<Params, Row> {
    const template = compileTemplate(this.read, build);
    this.#prepared += 1;
    const name = `q${this.#prepared}`;
    const all = async (params: Params, tx?: Tx): Promise<Row[]> =>
      tx
        ? (await tx.executeQuery(template.with(params))).rows
        : ((await this.#ask({ name, text: template.sql, values: template.bind(params) })).rows as Row[]);
    return {
      sql: template.sql,
      all,
      first: async (params, tx) => (await all(params, tx))[0],
      run: async (params, tx) => Number((await tx.executeQuery(template.with(params))).numAffectedRows ?? 0n),
    };
  }

  async #ask(query: pg.QueryConfig): Promise<pg.QueryResult> {
    try {
      return await this.#pool.query(query);
    } catch (error) {
      throw translated(error);
    }
  }

  versionOf(): undefined {
    return undefined;
  }

  async close(): Promise<void> {
    await this.read.destroy();
  }
}

/** PostgreSQL whose errors have the names that both databases' errors have, also inside of transactions. */
class TranslatingDialect extends PostgresDialect {
  override createDriver(): Driver {
    const driver = super.createDriver();
    const acquire = driver.acquireConnection.bind(driver);
    driver.acquireConnection = async () => {
      try {
        return translating(await acquire());
      } catch (error) {
        throw translated(error);
      }
    };
    return driver;
  }
}

function translating(connection: DatabaseConnection): DatabaseConnection {
  return new Proxy(connection, {
    get(target, name) {
      const member = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      if (name !== 'executeQuery') return member.bind(target);
      return async (...args: unknown[]) => {
        try {
          return await member.apply(target, args);
        } catch (error) {
          throw translated(error);
        }
      };
    },
  });
}

function code(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : undefined;
}

function translated(error: unknown): unknown {
  const constraint = (error as { constraint?: string })?.constraint ?? '';
  if (code(error) === '23505') return new ConstraintViolation('unique', constraint, error);
  if (code(error) === '23503') return new ConstraintViolation('foreign_key', constraint, error);
  if (!(error instanceof Error)) return error;
  // Serialisation failures and deadlocks are PostgreSQL's way to ask for another try.
  if (code(error) === '40001' || code(error) === '40P01') return new TransactionConflict(error);
  return isBeyondUs(error) ? new DatabaseUnavailable(error) : error;
}

/** A server that can't be reached, takes or keeps no connections, only reads, or lacks disk or memory. */
function isBeyondUs(error: Error): boolean {
  const { syscall } = error as NodeJS.ErrnoException;
  if (syscall !== undefined || /^(08|28|3D|53|57P|25006|55000)/.test(code(error) ?? '')) return true;
  // What the client says by itself has no code.
  return /^Connection terminated|^Client has encountered a connection error|^timeout exceeded when trying to connect/.test(
    error.message,
  );
}
