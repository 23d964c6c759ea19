import type { Compilable, CompiledQuery, Kysely } from 'kysely';
import type { Schema } from './schema.ts';

/**
 * The state of a cloud. `sqlite.ts` and `postgres.ts` implement it over one schema; nothing above this folder knows
 * which one it runs on. What `write` has resolved survives kill -9; power loss as well, unless the writer said otherwise.
 */
export interface Database {
  readonly kind: 'sqlite' | 'postgres';
  /** Reads outside of transactions. They see what is committed, and never wait for a transaction. */
  readonly read: Kysely<Schema>;
  /**
   * Runs `work` in one transaction and resolves once it is durable. Everything of it is taken back when `work` throws.
   * Rows that it has selected `for update` are its own until it ends; on SQLite all that it reads is.
   * `work` may await its transaction and nothing else: with SQLite, transactions that wait at the same time share one
   * commit, so a transaction that waits for the outside would hold up all others. It may be called again, after all that it did
   * was taken back: where transactions of others were in the way, and once where a key refused what it wrote, or a row
   * had gone, which another transaction has made or removed meanwhile. So what `work` looks for before it writes says why it can't.
   */
  write<T>(work: (tx: Tx) => Promise<T>, options?: WriteOptions): Promise<T>;
  /** Compiles a query once, for hot paths: building one with Kysely costs ten times what running it does. */
  prepare<Params extends object, Row>(build: QueryBuilder<Params, Row>): PreparedQuery<Params, Row>;
  /**
   * A number that grows with every commit that changed one of the tables: what was read before may be kept for as long
   * as it stays the same. Undefined where others may change them unseen (PostgreSQL).
   */
  versionOf(tables: readonly (keyof Schema)[]): number | undefined;
  close(): Promise<void>;
}

export interface WriteOptions {
  /**
   * Who lost this write would do the same work again, and nobody would notice: it survives kill -9, but waits for no
   * disk. A power cut takes only the newest of such writes, never one that came before a write that is kept.
   */
  isRepeatable?: boolean;
}

/** A transaction under way. */
export type Tx = Kysely<Schema> & {
  /** Calls `effect` after the transaction has become durable; never when it is taken back. */
  onCommit(effect: () => void): void;
};

/** Something that can run a query: a transaction, or `Database.read`. */
export type Queryable = Kysely<Schema>;

export type QueryBuilder<Params extends object, Row> = (db: Kysely<Schema>, params: Params) => Compilable<Row>;

export interface PreparedQuery<Params extends object, Row> {
  readonly sql: string;
  /** All rows; outside of a transaction unless one is given. */
  all(params: Params, tx?: Tx): Promise<Row[]>;
  first(params: Params, tx?: Tx): Promise<Row | undefined>;
  /** For statements that change rows: how many they changed. */
  run(params: Params, tx: Tx): Promise<number>;
}

class Placeholder {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/**
 * Compiles `build` with a placeholder for each parameter; `bind` then fills in the values in statement order.
 * A parameter must be used as a plain value (not be looked into) while the query is built.
 */
export function compileTemplate<Params extends object, Row>(db: Kysely<Schema>, build: QueryBuilder<Params, Row>) {
  const params = new Proxy({}, { get: (_, name) => new Placeholder(String(name)) }) as Params;
  const compiled = build(db, params).compile();
  const slots = compiled.parameters;
  const bind = (values: Params): unknown[] =>
    slots.map((slot) => (slot instanceof Placeholder ? values[slot.name as keyof Params] : slot));
  return {
    sql: compiled.sql,
    bind,
    with: (values: Params): CompiledQuery<Row> => ({ ...compiled, parameters: bind(values) }),
  };
}

/** A unique or foreign key would have been violated. `constraint` names it as far as the database tells. */
export class ConstraintViolation extends Error {
  readonly kind: 'unique' | 'foreign_key';
  readonly constraint: string;
  constructor(kind: 'unique' | 'foreign_key', constraint: string, cause: unknown) {
    super(`${kind} constraint violated: ${constraint}`, { cause });
    this.kind = kind;
    this.constraint = constraint;
  }
}

/** The database can't do its work now: there is no room for it, or its server is away. */
export class DatabaseUnavailable extends Error {
  constructor(cause: Error) {
    super("The database can't be used now", { cause });
    this.name = 'DatabaseUnavailable';
  }
}

/** Other transactions are in the way of this one, as in a deadlock: `write` does the same work once more. */
export class TransactionConflict extends DatabaseUnavailable {
  constructor(cause: Error) {
    super(cause);
    this.name = 'TransactionConflict';
  }
}
