import { DatabaseSync, type StatementSync } from 'node:sqlite';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  Kysely,
  type QueryResult,
  type SelectModifierNode,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import {
  ConstraintViolation,
  compileTemplate,
  type Database,
  DatabaseUnavailable,
  type PreparedQuery,
  type Tx,
  type WriteOptions,
} from './database.ts';
import { DiskSync } from './disk-sync.ts';
import { migrateToLatest } from './migrate.ts';
import type { Schema } from './schema.ts';

/**
 * Opens (and, if need be, makes or upgrades) the SQLite file `path`, or a database in memory with `:memory:`.
 * A commit is in the write-ahead log when it returns, which a kill does not touch (`synchronous=NORMAL`); whoever wrote
 * what may not be repeated then waits until the disk has the log, as with `FULL`, but beside the event loop.
 * Reads have a connection of their own.
 *
 * @param contents what `contentsOf` gave of another database: a database in memory begins with that
 */
export async function openSqlite(path: string, { contents }: { contents?: Uint8Array } = {}): Promise<Database> {
  // A shared-cache URI would be needed for two connections to one memory database, so there reads use the writer.
  const writer = openConnection(path);
  const reader = path === ':memory:' ? writer : openConnection(path);
  const write = new Kysely<Schema>({ dialect: new NodeSqliteDialect(writer) });
  if (contents) writer.load(contents);
  else await migrateToLatest(write);
  const log = path === ':memory:' ? undefined : new DiskSync(`${path}-wal`);
  return new SqliteDatabase(write, writer, reader, log);
}

/** All that is committed in a database of `openSqlite`. */
export function contentsOf(db: Database): Uint8Array {
  if (!(db instanceof SqliteDatabase)) throw new Error('only SQLite gives its contents');
  return db.contents();
}

function openConnection(path: string): Connection {
  const db = new DatabaseSync(path, { enableForeignKeyConstraints: true, timeout: 5000 });
  db.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000',
  );
  return new Connection(db);
}

interface Job {
  work: (tx: Tx) => Promise<unknown>;
  isRepeatable: boolean;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

/**
 * Tells whoever asked for a job how it went, once it is committed. Where it is unsure whether the disk has it, it is said to
 * have failed; but all others can read it, so that its effects follow.
 */
type Outcome = (unsure?: DatabaseUnavailable) => void;

class SqliteDatabase implements Database {
  readonly kind = 'sqlite';
  readonly read: Kysely<Schema>;
  readonly #write: Kysely<Schema>;
  readonly #writer: Connection;
  readonly #reader: Connection;
  /** None of a database in memory. */
  readonly #log: DiskSync | undefined;
  /** Commits that wait for the disk. */
  readonly #unsynced = new Set<Promise<void>>();
  /** This process is the only one that writes, so it sees every change. */
  readonly #versions = new Map<string, number>();
  #waiting: Job[] = [];
  #busy = false;
  #closed = false;

  constructor(write: Kysely<Schema>, writer: Connection, reader: Connection, log: DiskSync | undefined) {
    this.#write = write;
    this.#writer = writer;
    this.#reader = reader;
    this.#log = log;
    this.read = direct(new Kysely<Schema>({ dialect: new NodeSqliteDialect(reader) }), reader);
  }

  write<T>(work: (tx: Tx) => Promise<T>, { isRepeatable = false }: WriteOptions = {}): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) return reject(new Error('the database is closed'));
      this.#waiting.push({ work, isRepeatable, resolve: resolve as (value: unknown) => void, reject });
      if (!this.#busy) {
        this.#busy = true;
        // The next turn of the loop, so that writes asked for in this one share a commit.
        setImmediate(() => void this.#drain());
      }
    });
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const jobs = this.#waiting;
      this.#waiting = [];
      await this.#commitTogether(jobs);
    }
    this.#busy = false;
  }

  /** One commit for all `jobs`; each has a savepoint, so that one that fails takes back only itself. */
  async #commitTogether(jobs: Job[]): Promise<void> {
    const outcomes: Outcome[] = [];
    try {
      this.#writer.begin();
      for (const job of jobs) outcomes.push(await this.#runOne(job));
      this.#writer.commit();
      for (const table of this.#writer.takeChangedTables())
        this.#versions.set(table, (this.#versions.get(table) ?? 0) + 1);
    } catch (error) {
      this.#writer.rollback();
      for (const job of jobs) job.reject(translated(error));
      return;
    }
    const mustWait = (_: unknown, index: number) => this.#log !== undefined && !jobs[index]!.isRepeatable;
    const waiting = outcomes.filter(mustWait);
    for (const settle of outcomes) if (!waiting.includes(settle)) settle();
    if (waiting.length > 0) this.#settleWhenSynced(waiting);
  }

  /** The next commits don't wait for it: they share the disk's next turn. */
  #settleWhenSynced(outcomes: Outcome[]): void {
    const settle = (unsure?: DatabaseUnavailable) => {
      for (const one of outcomes) one(unsure);
    };
    const settled = this.#log!.sync()
      .then(
        () => settle(),
        (error) => settle(new DatabaseUnavailable(error)),
      )
      .finally(() => this.#unsynced.delete(settled));
    this.#unsynced.add(settled);
  }

  async #runOne(job: Job): Promise<Outcome> {
    const effects: Array<() => void> = [];
    const tx = Object.assign(direct(this.#write.withoutPlugins(), this.#writer), {
      onCommit: (effect: () => void) => void effects.push(effect),
    }) as Tx;
    this.#writer.step('SAVEPOINT job');
    try {
      const value = await job.work(tx);
      if (this.#writer.lost) throw this.#writer.lost;
      this.#writer.step('RELEASE job');
      return (unsure) => {
        if (unsure) job.reject(unsure);
        else job.resolve(value);
        for (const effect of effects) effect();
      };
    } catch (error) {
      // Nothing of the transaction is there to go back to, and no other job is kept.
      if (this.#writer.lost) throw this.#writer.lost;
      this.#writer.step('ROLLBACK TO job');
      this.#writer.step('RELEASE job');
      return () => job.reject(error);
    }
  }

  prepare<Params extends object, Row>(
    build: (db: Kysely<Schema>, params: Params) => import('kysely').Compilable<Row>,
  ): PreparedQuery<Params, Row> {
    const template = compileTemplate(this.read, build);
    const reader = this.#reader;
    const all = async (params: Params, tx?: Tx): Promise<Row[]> =>
      tx
        ? (await tx.executeQuery(template.with(params))).rows
        : (reader.all(template.sql, template.bind(params)) as Row[]);
    return {
      sql: template.sql,
      all,
      first: async (params, tx) => (await all(params, tx))[0],
      run: async (params, tx) => Number((await tx.executeQuery(template.with(params))).numAffectedRows ?? 0n),
    };
  }

  contents(): Uint8Array {
    return this.#reader.contents();
  }

  versionOf(tables: readonly (keyof Schema)[]): number {
    let sum = 0;
    for (const table of tables) sum += this.#versions.get(table) ?? 0;
    return sum;
  }

  async close(): Promise<void> {
    this.#closed = true;
    while (this.#busy) await new Promise((resolve) => setImmediate(resolve));
    await Promise.all(this.#unsynced);
    await this.#log?.close();
    if (this.#reader !== this.#writer) this.#reader.close();
    this.#writer.close();
  }
}

interface Prepared {
  statement: StatementSync;
  returnsRows: boolean;
  /** The tables that it changes. */
  changes: readonly string[];
}

/** Where a statement names a table that it changes, wherever in the statement that stands. */
const changedTable = /\b(?:insert(?:\s+or\s+\w+)?\s+into|update|delete\s+from)\s+"?(\w+)/gi;

/** One node:sqlite connection with its prepared statements. */
class Connection implements DatabaseConnection {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, Prepared>();
  #changed = new Set<string>();
  #isBegun = false;
  #lost: unknown;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  begin(): void {
    this.step('BEGIN IMMEDIATE');
    this.#isBegun = true;
  }

  commit(): void {
    if (this.#lost) throw this.#lost;
    this.step('COMMIT');
    this.#isBegun = false;
  }

  rollback(): void {
    this.#isBegun = false;
    this.#lost = undefined;
    if (this.#db.isTransaction) this.step('ROLLBACK');
  }

  /**
   * What had SQLite end the transaction by itself, as a full disk does. Until it is rolled back here too, nothing else is
   * done: each statement would be a transaction of its own.
   */
  get lost(): unknown {
    return this.#lost;
  }

  /** One statement that begins or ends something, prepared once. */
  step(sql: string): void {
    this.#prepared(sql).statement.run();
  }

  all(sql: string, parameters: readonly unknown[]): unknown[] {
    const { statement } = this.#prepared(sql);
    return statement.all(...parameters.map(toSqlite));
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#lost) throw this.#lost;
    const { statement, returnsRows, changes } = this.#prepared(query.sql);
    for (const table of changes) this.#changed.add(table);
    const parameters = query.parameters.map(toSqlite);
    try {
      if (returnsRows) return { rows: statement.all(...parameters) as R[] };
      const { changes, lastInsertRowid } = statement.run(...parameters);
      return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
    } catch (error) {
      const told = translated(error);
      if (this.#isBegun && !this.#db.isTransaction) this.#lost = told;
      throw told;
    }
  }

  // biome-ignore lint/correctness/useYield: Kysely's interface asks for it; nothing here streams rows
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('streaming queries are not offered');
  }

  contents(): Uint8Array {
    return this.#db.serialize();
  }

  /** Replaces everything. */
  load(contents: Uint8Array): void {
    this.#statements.clear();
    this.#db.deserialize(contents);
    // The pragma that a memory database forgets with its contents.
    this.#db.exec('PRAGMA foreign_keys = ON');
  }

  /** The tables that statements changed since the last call. */
  takeChangedTables(): Set<string> {
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
  }

  #prepared(sql: string) {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#db.prepare(sql);
    const changes = [...sql.matchAll(changedTable)].map(([, table]) => table!);
    const entry = { statement, returnsRows: statement.columns().length > 0, changes };
    // Statements with lists of varying length would otherwise gather without end.
    if (this.#statements.size > 2000) this.#statements.clear();
    this.#statements.set(sql, entry);
    return entry;
  }
}

/** SQLite knows no booleans and no arrays: lists travel as JSON for `json_each` (see `oneOf` in expressions.ts). */
function toSqlite(value: unknown): null | number | bigint | string | Uint8Array {
  if (value === undefined || value === null) return null;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (Array.isArray(value)) return JSON.stringify(value);
  return value as number | bigint | string | Uint8Array;
}

function translated(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const unique = /^UNIQUE constraint failed: (.*)$/.exec(error.message);
  if (unique) return new ConstraintViolation('unique', unique[1]!, error);
  if (error.message.startsWith('FOREIGN KEY constraint failed'))
    return new ConstraintViolation('foreign_key', '', error);
  // Extended codes have the plain one in their last byte.
  const { errcode } = error as { errcode?: number };
  if (errcode !== undefined && beyondUs.has(errcode & 0xff)) return new DatabaseUnavailable(error);
  return error;
}

/** SQLite's codes for a database that another program keeps locked, and for what a machine lacks: READONLY, IOERR, FULL, CANTOPEN. */
const beyondUs = new Set([5, 8, 10, 13, 14]);

/** Transactions come one after the other, so that whatever one reads is locked for it: `for update` asks for nothing more. */
class SerialQueryCompiler extends SqliteQueryCompiler {
  protected override visitSelectModifier(node: SelectModifierNode): void {
    if (node.modifier === undefined || !node.modifier.startsWith('For')) super.visitSelectModifier(node);
  }
}

/** SQLite does change its schema in transactions: a migration is then one commit, and all or nothing. */
class TransactionalDdlAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/** What is compiled already goes to `connection` without the way through Kysely's runtime, which costs more than most statements. */
function direct(db: Kysely<Schema>, connection: Connection): Kysely<Schema> {
  return Object.assign(db, { executeQuery: <R>(query: CompiledQuery<R>) => connection.executeQuery<R>(query) });
}

/** Kysely over one connection that is only ever used by one caller at a time. */
class NodeSqliteDialect implements Dialect {
  readonly #connection: Connection;
  constructor(connection: Connection) {
    this.#connection = connection;
  }
  createAdapter = () => new TransactionalDdlAdapter();
  createQueryCompiler = () => new SerialQueryCompiler();
  createIntrospector = (db: Kysely<never>) => new SqliteIntrospector(db);
  createDriver(): Driver {
    const connection = this.#connection;
    return {
      init: async () => {},
      acquireConnection: async () => connection,
      releaseConnection: async () => {},
      beginTransaction: async () => connection.begin(),
      commitTransaction: async () => connection.commit(),
      rollbackTransaction: async () => connection.rollback(),
      destroy: async () => {},
    };
  }
}
