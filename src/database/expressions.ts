import { type Expression, type RawBuilder, type SqlBool, sql } from 'kysely';
import type { Database } from './database.ts';

/** `column in (values)` as one statement text for any number of values, so that it can be prepared. */
export function oneOf(
  db: Pick<Database, 'kind'>,
  column: Expression<unknown>,
  values: readonly string[],
): Expression<SqlBool> {
  return db.kind === 'sqlite'
    ? sql<SqlBool>`${column} in (select value from json_each(${values}))`
    : sql<SqlBool>`${column} = any(${values})`;
}

/** The text of member `key` in a JSON column, null when it has none. */
export function jsonText(
  db: Pick<Database, 'kind'>,
  column: Expression<unknown>,
  key: string,
): RawBuilder<string | null> {
  return db.kind === 'sqlite'
    ? sql`json_extract(${column}, ${`$.${JSON.stringify(key)}`})`
    : sql`(${column}::jsonb ->> ${key}::text)`;
}
