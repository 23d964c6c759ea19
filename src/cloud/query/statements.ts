import { type Expression, type RawBuilder, sql } from 'kysely';
import { oneOf } from '../../database/expressions.ts';
import type { Cloud } from '../cloud.ts';
import type { InventoryDefinition, List, Row, Viewer } from './inventory.ts';
import { fieldOf } from './members.ts';
import type { Query } from './query.ts';
import { type Values, WhereBuilder } from './where.ts';

/** Children of one page: no page of a thousand rows has more in a cloud that works. */
const maxChildren = 100_000;

/** Who asks, as a statement sees it: whether they are admin decides its shape, the rest are its values. */
function viewerOf(isAdmin: boolean, values: Values): Viewer {
  return { isAdmin, projectId: values['projectId'] as string, userId: values['userId'] as string };
}

/** The rows that a query asks for. Its values are those of the conditions, `projectId`, `userId`, `limit` and `start`. */
export function selectRows(
  cloud: Cloud,
  definition: InventoryDefinition,
  isAdmin: boolean,
  query: Query & { isBroad?: boolean },
  columns: readonly string[],
  values: Values,
): RawBuilder<unknown> {
  const builder = new WhereBuilder(cloud.db, viewerOf(isAdmin, values), values, query.isBroad);
  const { row, alias } = builder.newRow();
  const where = builder.where(definition, row, query.conditions, query.filter);
  const order = orderOf(definition, row, query);
  const table = sql`${sourceOf(cloud, definition)} as ${sql.ref(alias)}`;
  const page = sql`limit ${values['limit']} offset ${values['start']}`;
  const selected = sql.join(columnsOf(definition, columns, row));
  if (!query.groupBy) return sql`select ${selected} from ${table} where ${where} order by ${order} ${page}`;
  // Of each group the row that comes first in the order that was asked for.
  const group = sql.join(groupsOf(definition, query.groupBy, row));
  return sql`select * from (
      select ${selected}, row_number() over (partition by ${group} order by ${order}) as row_in_group,
        row_number() over (order by ${order}) as row_in_all
      from ${table} where ${where}
    ) as grouped where row_in_group = 1 order by row_in_all ${page}`;
}

/** How many rows, or groups of rows, the conditions leave, as `total`. */
export function countRows(
  cloud: Cloud,
  definition: InventoryDefinition,
  isAdmin: boolean,
  query: Query,
  values: Values,
): RawBuilder<unknown> {
  const builder = new WhereBuilder(cloud.db, viewerOf(isAdmin, values), values);
  const { row, alias } = builder.newRow();
  const where = builder.where(definition, row, query.conditions, query.filter);
  const table = sql`${sourceOf(cloud, definition)} as ${sql.ref(alias)}`;
  if (!query.groupBy) return sql`select count(*) as total from ${table} where ${where}`;
  const group = sql.join(groupsOf(definition, query.groupBy, row));
  return sql`select count(*) as total from (select 1 from ${table} where ${where} group by ${group}) as grouped`;
}

/** The rows of a list for any number of parents (`keys`), with the parent's key as `parent_key`. */
export function selectChildren(
  cloud: Cloud,
  list: List,
  columns: readonly string[],
  keys: readonly string[],
): RawBuilder<unknown> {
  const child = list.of;
  const builder = new WhereBuilder(cloud.db, { isAdmin: true }, {});
  const { row, alias } = builder.newRow();
  const key = child.fields[list.foreign]!.sql(row);
  const where = sql`${builder.where(child, row, [])} and ${oneOf(cloud.db, key, keys)}`;
  const selected = sql.join([...columnsOf(child, columns, row), sql`${key} as parent_key`]);
  return sql`select ${selected} from ${sourceOf(cloud, child)} as ${sql.ref(alias)}
    where ${where} order by ${orderOf(child, row, {})} limit ${sql.lit(maxChildren)}`;
}

/** By what was asked for, and then by uuid, so that pages never overlap. Nulls come first, on both databases. */
function orderOf(
  definition: InventoryDefinition,
  row: Row,
  query: Pick<Query, 'sort' | 'thenBy'>,
): Expression<unknown> {
  const parts: Expression<unknown>[] = [];
  for (const { field, descending } of [...(query.sort ? [query.sort] : []), ...(query.thenBy ?? [])]) {
    const expression = fieldOf(definition, field).sql(row);
    parts.push(descending ? sql`${expression} desc nulls last` : sql`${expression} asc nulls first`);
  }
  if (parts.length === 0 && definition.fields['createDate']) {
    parts.push(definition.fields['createDate'].sql(row));
  }
  if (definition.fields['uuid']) parts.push(definition.fields['uuid'].sql(row));
  return parts.length > 0 ? sql.join(parts) : sql`1`;
}

/** The sums of number fields, for each value of another one where that is asked. */
export function sumRows(
  cloud: Cloud,
  definition: InventoryDefinition,
  isAdmin: boolean,
  query: Pick<Query, 'conditions' | 'filter'>,
  summed: { fields: readonly string[]; by: readonly string[] },
  values: Values,
): RawBuilder<unknown> {
  const builder = new WhereBuilder(cloud.db, viewerOf(isAdmin, values), values);
  const { row, alias } = builder.newRow();
  const where = builder.where(definition, row, query.conditions, query.filter);
  const table = sql`${sourceOf(cloud, definition)} as ${sql.ref(alias)}`;
  const sums = summed.fields.map((name) => {
    return sql`cast(coalesce(sum(${fieldOf(definition, name).sql(row)}), 0) as bigint) as ${sql.ref(name)}`;
  });
  if (summed.by.length === 0) return sql`select ${sql.join(sums)} from ${table} where ${where}`;
  const group = sql.join(groupsOf(definition, summed.by, row));
  const selected = sql.join([...columnsOf(definition, summed.by, row), ...sums]);
  return sql`select ${selected} from ${table} where ${where} group by ${group} order by ${group}
    limit ${values['limit']} offset ${values['start']}`;
}

function sourceOf(cloud: Cloud, definition: InventoryDefinition): Expression<unknown> {
  return definition.rows?.(cloud) ?? sql.table(definition.table);
}

function groupsOf(definition: InventoryDefinition, names: readonly string[], row: Row): Expression<unknown>[] {
  return names.map((name) => fieldOf(definition, name).sql(row));
}

function columnsOf(definition: InventoryDefinition, names: readonly string[], row: Row): Expression<unknown>[] {
  return names.map((name) => sql`${fieldOf(definition, name).sql(row)} as ${sql.ref(name)}`);
}
