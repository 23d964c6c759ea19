import { type Expression, type SqlBool, sql } from 'kysely';
import type { Database } from '../../../database/database.ts';
import { parseTimestamp } from '../protocol/timestamp.ts';
import { invalidArgument } from '../protocol/zstack-error.ts';
import type { Operator } from './conditions.ts';
import type { FieldType } from './inventory.ts';

/** The most values that `?=` takes. */
const maxListed = 1000;

/** `expression operator text` as SQL; the text is a parameter of the statement, read as the field's type asks. */
export function comparison(
  db: Pick<Database, 'kind'>,
  expression: Expression<unknown>,
  type: FieldType,
  operator: Operator,
  text: string,
  name: string,
): Expression<SqlBool> {
  const left = type === 'time' ? sql`(${expression} / 1000000)` : expression;
  const read = (value: string) => readValue(type, value, name);
  switch (operator) {
    case 'is null':
      return sql`${expression} is null`;
    case 'not null':
      return sql`${expression} is not null`;
    case '~=':
      return like(db, left, type, text, name);
    case '!~=':
      return sql`not ${like(db, left, type, text, name)}`;
    case '?=':
      return sql`${left} in (${values(text, read, name)})`;
    case '!?=':
      return sql`${left} not in (${values(text, read, name)})`;
    case '=':
      return sql`${left} = ${read(text)}`;
    case '!=':
      return sql`${left} <> ${read(text)}`;
    case '>':
      return sql`${left} > ${read(text)}`;
    case '>=':
      return sql`${left} >= ${read(text)}`;
    case '<':
      return sql`${left} < ${read(text)}`;
    case '<=':
      return sql`${left} <= ${read(text)}`;
  }
}

function values(text: string, read: (value: string) => unknown, name: string) {
  const listed = text.split(',');
  if (listed.length > maxListed) {
    throw invalidArgument(
      `the list for field[${name}] can have ${maxListed} values at most, but ${listed.length} found`,
    );
  }
  return sql.join(listed.map(read));
}

/** Wildcards are the caller's `%` and `_`, a backslash takes their meaning away. Letters match in either case. */
function like(
  db: Pick<Database, 'kind'>,
  left: Expression<unknown>,
  type: FieldType,
  text: string,
  name: string,
): Expression<SqlBool> {
  if (type === 'time') throw invalidArgument(`field[${name}] is a time, which can't be compared by pattern`);
  const subject = type === 'string' ? left : sql`cast(${left} as text)`;
  const pattern = endsInLoneBackslash(text) ? `${text}\\` : text;
  return db.kind === 'sqlite'
    ? sql<SqlBool>`(${subject} like ${pattern} escape '\\')`
    : sql<SqlBool>`(${subject} ilike ${pattern} escape '\\')`;
}

/** PostgreSQL refuses patterns that end in the escape character; then it stands for itself. */
function endsInLoneBackslash(text: string): boolean {
  return (/\\+$/.exec(text)?.[0].length ?? 0) % 2 === 1;
}

function readValue(type: FieldType, text: string, name: string): unknown {
  if (type === 'string') return text;
  const value = text.trim();
  if (type === 'bool') {
    const lower = value.toLowerCase();
    if (lower === 'true' || lower === '1') return 1;
    if (lower === 'false' || lower === '0') return 0;
  } else if (type === 'time') {
    const micros = parseTimestamp(value);
    if (micros !== undefined) return Math.floor(micros / 1e6);
  } else if (/^[+-]?\d{1,16}$/.test(value) && Number.isSafeInteger(Number(value))) {
    return Number(value);
  }
  throw invalidArgument(`invalid value[${text}] for field[${name}] of type ${type}`);
}
