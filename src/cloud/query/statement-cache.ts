import type { RawBuilder } from 'kysely';
import type { Database, PreparedQuery } from '../../database/database.ts';
import type { Cloud } from '../cloud.ts';
import type { InventoryDefinition } from './inventory.ts';

type Row = Record<string, unknown>;
type Statements = Map<string, PreparedQuery<object, Row>>;

/** Further shapes are compiled each time: clients that make up ever new ones must not fill the memory. */
const maxStatements = 500;

const prepared = new WeakMap<Database, Statements>();

/**
 * Runs the statement that `build` makes of the values. Building one costs several times what running it does, so that
 * each shape is built once, with placeholders for its values; `shape` has to say all that decides its text.
 */
export async function rowsOf<Values extends object>(
  { db }: Cloud,
  definition: InventoryDefinition,
  shape: string,
  values: Values,
  build: (values: Values) => RawBuilder<unknown>,
): Promise<Row[]> {
  // Rows that stand in no table are part of the statement.
  if (definition.rows) return (await build(values).execute(db.read)).rows as Row[];
  const statements = prepared.get(db) ?? new Map();
  prepared.set(db, statements);
  const known: PreparedQuery<object, Row> | undefined = statements.get(shape);
  if (known) return await known.all(values);
  if (statements.size >= maxStatements) return (await build(values).execute(db.read)).rows as Row[];
  const fresh = db.prepare<Values, Row>((q, given) => ({
    compile: () => (build(given) as RawBuilder<Row>).compile(q),
  }));
  statements.set(shape, fresh as PreparedQuery<object, Row>);
  return await fresh.all(values);
}
