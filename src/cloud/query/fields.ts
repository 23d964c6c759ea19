import { type Expression, type RawBuilder, sql } from 'kysely';
import { jsonText } from '../../database/expressions.ts';
import type { Schema } from '../../database/schema.ts';
import type { Field, FieldType, Row, TableName } from './inventory.ts';

type Column<Table extends TableName> = keyof Schema[Table] & string;

/** A field that is a column. */
export function column<Table extends TableName>(name: Column<Table>, type: FieldType, description: string) {
  return { type, description, sql: (row: Row<Table>) => row.column(name) } satisfies Field<Table>;
}

/** A field that is a column times a factor, as mebibytes that are shown in bytes. */
export function scaled<Table extends TableName>(name: Column<Table>, factor: number, description: string) {
  return {
    type: 'long',
    description,
    sql: (row: Row<Table>) => sql`(${row.column(name)} * ${sql.lit(factor)})`,
  } satisfies Field<Table>;
}

/** A field whose words are the API's own for what the column says. */
export function words<Table extends TableName>(
  name: Column<Table>,
  translations: Record<string, string>,
  otherwise: string,
  description: string,
) {
  return {
    type: 'string',
    description,
    sql: (row: Row<Table>) => caseOf(row.column(name), translations, otherwise),
  } satisfies Field<Table>;
}

/** A field that is the same in every row. */
export function constant(value: string | number | boolean, type: FieldType, description: string): Field {
  const literal = typeof value === 'boolean' ? Number(value) : value;
  // PostgreSQL takes a bare constant in `order by` for the number of a column.
  return { type, description, sql: () => sql`(case when 1 = 1 then ${sql.lit(literal)} end)` };
}

/** A field computed over the row. */
export function computed<Table extends TableName>(
  type: FieldType,
  description: string,
  expression: (row: Row<Table>) => Expression<unknown>,
): Field<Table> {
  return { type, description, sql: expression };
}

/** A field that is a member of a JSON column. */
export function jsonMember<Table extends TableName>(
  name: Column<Table>,
  key: string,
  type: 'string' | 'int' | 'long',
  description: string,
  factor = 1,
): Field<Table> {
  return {
    type,
    description,
    sql: (row) => {
      const text = jsonText(row.db, row.column(name), key);
      if (type === 'string') return text;
      return sql`(cast(${text} as bigint) * ${sql.lit(factor)})`;
    },
  };
}

/** The text of a member of a JSON column, null when it has none. */
export function jsonMemberText<Table extends TableName>(
  row: Row<Table>,
  name: Column<Table>,
  key: string,
): RawBuilder<string | null> {
  return jsonText(row.db, row.column(name), key);
}

/** `case value when 'a' then 'x' … else otherwise end` */
function caseOf(
  value: Expression<unknown>,
  translations: Record<string, string>,
  otherwise: string,
): RawBuilder<string> {
  const branches = Object.entries(translations).map(([from, to]) => sql`when ${sql.lit(from)} then ${sql.lit(to)}`);
  return sql<string>`(case ${value} ${sql.join(branches, sql` `)} else ${sql.lit(otherwise)} end)`;
}
