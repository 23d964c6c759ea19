import { type Expression, type SqlBool, sql } from 'kysely';
import type { Database } from '../../database/database.ts';
import type { FieldType } from './inventory.ts';
import { badValue, type Operator, type TimeText } from './query.ts';

/** The most values that `?=` takes. */
const maxListed = 1000;

/** `expression operator values` as SQL. The values are what `comparedValues` gave for the condition, or stand for it. */
export function comparison(
  db: Pick<Database, 'kind'>,
  expression: Expression<unknown>,
  type: FieldType,
  operator: Operator,
  values: readonly unknown[],
): Expression<SqlBool> {
  const left = type === 'time' ? sql`(${expression} / 1000000)` : expression;
  const [value] = values;
  switch (operator) {
    case 'is null':
      return sql`${expression} is null`;
    case 'not null':
      return sql`${expression} is not null`;
    case '~=':
      return like(db, left, type, value);
    case '!~=':
      return sql`not ${like(db, left, type, value)}`;
    case '?=':
      return sql`${left} in (${sql.join(values)})`;
    case '!?=':
      return sql`${left} not in (${sql.join(values)})`;
    case '=':
      return sql`${left} = ${value}`;
    case '!=':
      return sql`${left} <> ${value}`;
    case '>':
      return sql`${left} > ${value}`;
    case '>=':
      return sql`${left} >= ${value}`;
    case '<':
      return sql`${left} < ${value}`;
    case '<=':
      return sql`${left} <= ${value}`;
  }
}

/** Letters match in either case, on both databases. */
function like(
  db: Pick<Database, 'kind'>,
  left: Expression<unknown>,
  type: FieldType,
  pattern: unknown,
): Expression<SqlBool> {
  const subject = type === 'string' ? left : sql`cast(${left} as text)`;
  return db.kind === 'sqlite'
    ? sql<SqlBool>`(${subject} like ${pattern} escape '\\')`
    : sql<SqlBool>`(${subject} ilike ${pattern} escape '\\')`;
}

/** What a condition compares with, read as the field's type asks: one value, a list of them for `?=`, none for null. */
export function comparedValues(
  field: { name: string; type: FieldType },
  operator: Operator,
  text: string,
  times: TimeText,
  list?: readonly string[],
): unknown[] {
  switch (operator) {
    case 'is null':
    case 'not null':
      return [];
    case '~=':
    case '!~=':
      if (field.type === 'time') throw badValue(field.name, `field[${field.name}] is a time, which has no pattern`);
      return [endsInLoneBackslash(text) ? `${text}\\` : text];
    case '?=':
    case '!?=':
      return listed(field.name, list ?? text.split(',')).map((one) => readValue(field, one, times));
    default:
      return [readValue(field, text, times)];
  }
}

function listed(name: string, values: readonly string[]): readonly string[] {
  if (values.length <= maxListed) return values;
  throw badValue(name, `the list for field[${name}] can have ${maxListed} values at most, but ${values.length} found`);
}

/** PostgreSQL refuses patterns that end in the escape character; then it stands for itself. */
function endsInLoneBackslash(text: string): boolean {
  return (/\\+$/.exec(text)?.[0].length ?? 0) % 2 === 1;
}

function readValue({ name, type }: { name: string; type: FieldType }, text: string, times: TimeText): unknown {
  if (type === 'string') return text;
  const value = text.trim();
  if (type === 'bool') {
    const lower = value.toLowerCase();
    if (lower === 'true' || lower === '1') return 1;
    if (lower === 'false' || lower === '0') return 0;
  } else if (type === 'time') {
    const micros = times.parse(value);
    if (micros !== undefined) return Math.floor(micros / 1e6);
  } else if (/^[+-]?\d{1,16}$/.test(value) && Number.isSafeInteger(Number(value))) {
    return Number(value);
  }
  throw badValue(name, `invalid value[${text}] for field[${name}] of type ${type}`);
}
