import { type Compilable, type Insertable, type Kysely, SqliteAdapter, type Updateable } from 'kysely';
import { compileTemplate, type Database, type Queryable } from './database.ts';
import type { Schema } from './schema.ts';

/** A query that is built once for each kind of database, and run in whatever transaction asks: for hot paths. */
export interface Statement<Params extends object, Row> {
  all(db: Queryable, params: Params): Promise<Row[]>;
  first(db: Queryable, params: Params): Promise<Row | undefined>;
  /** For statements that change rows: how many they changed. */
  run(db: Queryable, params: Params): Promise<number>;
}

type Template<Params extends object, Row> = ReturnType<typeof compileTemplate<Params, Row>>;

/**
 * Building a query with Kysely costs ten times what running it does; this builds it at its first use. A parameter must
 * be used as a plain value (not be looked into) while the query is built.
 */
export function statement<Params extends object, Row = unknown>(
  build: (db: Kysely<Schema>, params: Params, kind: Database['kind']) => Compilable<Row>,
): Statement<Params, Row> {
  const templates = new Map<Database['kind'], Template<Params, Row>>();
  const execute = (db: Queryable, params: Params) => {
    const kind = kindOf(db);
    let template = templates.get(kind);
    if (!template) {
      template = compileTemplate<Params, Row>(db, (q, p) => build(q, p, kind));
      templates.set(kind, template);
    }
    return db.executeQuery<Row>(template.with(params));
  };
  return {
    all: async (db, params) => (await execute(db, params)).rows,
    first: async (db, params) => (await execute(db, params)).rows[0],
    run: async (db, params) => Number((await execute(db, params)).numAffectedRows ?? 0n),
  };
}

function kindOf(db: Queryable): Database['kind'] {
  return db.getExecutor().adapter instanceof SqliteAdapter ? 'sqlite' : 'postgres';
}

type Table = keyof Schema;
type Values = Record<string, unknown>;
/** Tables whose rows have one `id`. */
type TableWithId = { [T in Table]: Schema[T] extends { id: unknown } ? T : never }[Table];

/** The parameters of the two below have been checked by their callers' types; in here they are columns and values. */
type Untyped = Kysely<{ any: Values }>;

const inserts = new Map<string, Statement<Values, unknown>>();
const updates = new Map<string, Statement<Values, unknown>>();

/**
 * Adds a row of plain values; a key that is undefined counts as not there. Gives false, and adds nothing, where another
 * row has the same value in the column `unlessTaken`.
 */
export async function insertRow<T extends Table>(
  db: Queryable,
  table: T,
  row: Insertable<Schema[T]>,
  { unlessTaken }: { unlessTaken?: keyof Schema[T] & string } = {},
): Promise<boolean> {
  const columns = columnsOf(row);
  const insert = known(inserts, `${table}:${unlessTaken}:${columns}`, () =>
    statement<Values>((q, p) => {
      const query = (q as unknown as Untyped).insertInto(table as 'any').values(valuesFrom(p, columns));
      return unlessTaken ? query.onConflict((conflict) => conflict.column(unlessTaken).doNothing()) : query;
    }),
  );
  return (await insert.run(db, row as Values)) > 0;
}

/** Changes a row to plain values; a key that is undefined counts as not there. Gives false where no row has the id. */
export async function updateRow<T extends TableWithId>(
  db: Queryable,
  table: T,
  id: string,
  patch: Updateable<Schema[T]>,
): Promise<boolean> {
  const columns = columnsOf(patch);
  if (columns.length === 0) return true;
  const update = known(updates, `${table}:${columns}`, () =>
    statement<Values>((q, p) =>
      (q as unknown as Untyped)
        .updateTable(table as 'any')
        .set(valuesFrom(p, columns))
        .where('id', '=', p['where id']),
    ),
  );
  return (await update.run(db, { ...patch, 'where id': id })) > 0;
}

function columnsOf(values: object): string[] {
  return Object.entries(values).flatMap(([column, value]) => (value === undefined ? [] : [column]));
}

function valuesFrom(params: Values, columns: readonly string[]): Values {
  return Object.fromEntries(columns.map((column) => [column, params[column]]));
}

function known<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
