import { type Expression, type RawBuilder, sql } from 'kysely';
import { column } from '../../../cloud/query/fields.ts';
import type { Row, TableWith } from '../../../cloud/query/inventory.ts';

export const mebibyte = 2 ** 20;
export const gibibyte = 2 ** 30;

/** The members that inventories of nearly every resource begin and end with. */
export const commonFields = {
  uuid: column<TableWith<'id'>>('id', 'string', 'The uuid: 32 hexadecimal digits.'),
  name: column<TableWith<'name'>>('name', 'string', 'The name.'),
  description: column<TableWith<'description'>>('description', 'string', 'The description.'),
  createDate: column<TableWith<'created_at'>>('created_at', 'time', 'When it was created.'),
  lastOpDate: column<TableWith<'updated_at'>>('updated_at', 'time', 'When it was last changed.'),
};

/** The enabled flag in the dialect's words. */
export const stateField = {
  type: 'string',
  description: 'What its administrator wants of it: Enabled or Disabled.',
  sql: (row: Row<TableWith<'enabled'>>): RawBuilder<string> =>
    sql`(case ${row.column('enabled')} when 1 then 'Enabled' else 'Disabled' end)`,
} as const;

/** The dotted netmask of a CIDR: `10.0.0.0/24` → `255.255.255.0`. Null for IPv6. */
export function netmaskOf(row: Pick<Row, 'db'>, cidr: Expression<unknown>, ipVersion: Expression<unknown>) {
  const branches = Array.from({ length: 33 }, (_, bits) => sql`when ${sql.lit(bits)} then ${sql.lit(netmask(bits))}`);
  return sql<string>`(case when ${ipVersion} = 4 then (case ${prefixLength(row, cidr)} ${sql.join(branches, sql` `)} end) end)`;
}

export function prefixLength({ db }: Pick<Row, 'db'>, cidr: Expression<unknown>): RawBuilder<number> {
  return db.kind === 'sqlite'
    ? sql`cast(substr(${cidr}, instr(${cidr}, '/') + 1) as integer)`
    : sql`cast(split_part(${cidr}, '/', 2) as integer)`;
}

function netmask(bits: number): string {
  const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (mask >>> shift) & 0xff).join('.');
}

/** The member `key` of the first element of a JSON list of objects. */
export function firstElement({ db }: Pick<Row, 'db'>, list: Expression<unknown>, key: string): RawBuilder<string> {
  return db.kind === 'sqlite'
    ? sql`json_extract(${list}, ${sql.lit(`$[0].${key}`)})`
    : sql`((${list})::jsonb -> 0 ->> ${sql.lit(key)})`;
}
