import { type Expression, sql } from 'kysely';
import type { Cloud } from '../../../cloud/cloud.ts';
import { oneOf } from '../../../database/expressions.ts';
import { type FieldType, type InventoryDefinition, ownMember, type Row, type Viewer } from './inventory.ts';
import { presentValue } from './present-value.ts';
import type { Query } from './query-parameters.ts';
import { noSuchField, WhereBuilder } from './where.ts';

export type Inventory = Record<string, unknown>;

export interface QueryResult {
  /** Absent when only the count was asked for. */
  inventories?: Inventory[];
  total?: number;
}

/** Children of one page: no page of a thousand rows has more in a cloud that works. */
const maxChildren = 100_000;
const maxListDepth = 3;
const everyone: Viewer = { isAdmin: true };

/** Answers a query with a bounded number of statements: one for the rows, one for their count, one for each list. */
export async function runQuery(
  cloud: Cloud,
  definition: InventoryDefinition,
  viewer: Viewer,
  query: Query,
): Promise<QueryResult> {
  const result: QueryResult = {};
  if (query.count || query.replyWithCount) result.total = await countRows(cloud, definition, viewer, query);
  if (query.count) return result;
  const members = membersOf(definition, query.fields);
  const builder = new WhereBuilder(cloud.db, viewer);
  const { row, alias } = builder.newRow();
  const where = builder.where(definition, row, query.conditions);
  const order = orderOf(definition, row, query);
  const table = sql`${sourceOf(cloud, definition)} as ${sql.ref(alias)}`;
  const page = sql`limit ${query.limit} offset ${query.start}`;
  const columns = columnsOf(definition, members.columns, row);
  const statement = query.groupBy
    ? firstOfEachGroup(definition, row, query.groupBy, columns, sql`${table} where ${where}`, order, page)
    : sql<Inventory>`select ${sql.join(columns)} from ${table} where ${where} order by ${order} ${page}`;
  const { rows } = await statement.execute(cloud.db.read);
  result.inventories = await complete(cloud, definition, rows as Inventory[], members);
  return result;
}

/** One inventory by its uuid, whoever asks: for the answers of operations that were allowed already. */
export async function readInventory(
  cloud: Cloud,
  definition: InventoryDefinition,
  uuid: string,
): Promise<Inventory | undefined> {
  const query: Query = {
    conditions: [{ path: ['uuid'], operator: '=', value: uuid }],
    limit: 1,
    start: 0,
    count: false,
    replyWithCount: false,
  };
  return (await runQuery(cloud, definition, everyone, query)).inventories![0];
}

async function countRows(cloud: Cloud, definition: InventoryDefinition, viewer: Viewer, query: Query): Promise<number> {
  const builder = new WhereBuilder(cloud.db, viewer);
  const { row, alias } = builder.newRow();
  const where = builder.where(definition, row, query.conditions);
  const table = sql`${sourceOf(cloud, definition)} as ${sql.ref(alias)}`;
  const statement = query.groupBy
    ? sql<{ total: number }>`select count(*) as total from (select 1 from ${table} where ${where}
        group by ${fieldOf(definition, query.groupBy).sql(row)}) as grouped`
    : sql<{ total: number }>`select count(*) as total from ${table} where ${where}`;
  const { rows } = await statement.execute(cloud.db.read);
  return Number(rows[0]!.total);
}

/** Of each group the row that comes first in the order that was asked for. */
function firstOfEachGroup(
  definition: InventoryDefinition,
  row: Row,
  groupBy: string,
  columns: Expression<unknown>[],
  source: Expression<unknown>,
  order: Expression<unknown>,
  page: Expression<unknown>,
) {
  const group = fieldOf(definition, groupBy).sql(row);
  return sql<Inventory>`select * from (
      select ${sql.join(columns)}, row_number() over (partition by ${group} order by ${order}) as row_in_group,
        row_number() over (order by ${order}) as row_in_all
      from ${source}
    ) as grouped where row_in_group = 1 order by row_in_all ${page}`;
}

/** By what was asked for, and then by uuid, so that pages never overlap. Nulls come first, as the dialect has them. */
function orderOf(definition: InventoryDefinition, row: Row, query: Query): Expression<unknown> {
  const parts: Expression<unknown>[] = [];
  if (query.sort) {
    const expression = fieldOf(definition, query.sort.field).sql(row);
    parts.push(query.sort.descending ? sql`${expression} desc nulls last` : sql`${expression} asc nulls first`);
  } else if (definition.fields['createDate']) {
    parts.push(definition.fields['createDate'].sql(row));
  }
  if (definition.fields['uuid']) parts.push(definition.fields['uuid'].sql(row));
  return parts.length > 0 ? sql.join(parts) : sql`1`;
}

function sourceOf(cloud: Cloud, definition: InventoryDefinition): Expression<unknown> {
  return definition.rows?.(cloud) ?? sql.table(definition.table);
}

interface Members {
  /** Fields that are read: those that were asked for, and those that lists hang on. */
  columns: string[];
  lists: string[];
  live: string[];
  /** What was asked for; undefined for everything. */
  asked?: ReadonlySet<string>;
}

function membersOf(definition: InventoryDefinition, asked: readonly string[] | undefined): Members {
  const lists = definition.lists ?? {};
  const live = definition.live?.fields ?? {};
  if (!asked) {
    return { columns: Object.keys(definition.fields), lists: Object.keys(lists), live: Object.keys(live) };
  }
  const columns = new Set<string>();
  const wanted = new Set<string>();
  for (const name of asked) {
    if (ownMember(live, name)) {
      columns.add('uuid');
      continue;
    }
    const list = ownMember(lists, name);
    if (!list && !ownMember(definition.fields, name)) throw noSuchField(definition, name);
    if (list) wanted.add(name);
    columns.add(list ? list.local : name);
  }
  return {
    columns: [...columns],
    lists: [...wanted],
    live: asked.filter((name) => ownMember(live, name)),
    asked: new Set(asked),
  };
}

function columnsOf(definition: InventoryDefinition, names: readonly string[], row: Row): Expression<unknown>[] {
  return names.map((name) => sql`${fieldOf(definition, name).sql(row)} as ${sql.ref(name)}`);
}

function fieldOf(
  definition: InventoryDefinition,
  name: string,
): { type: FieldType; sql(row: Row): Expression<unknown> } {
  const field = ownMember(definition.fields, name);
  if (!field) throw noSuchField(definition, name);
  return field;
}

/** Fetches the lists of all rows and gives every value its outer form. */
async function complete(
  cloud: Cloud,
  definition: InventoryDefinition,
  rows: readonly Inventory[],
  members: Members,
  depth = 0,
): Promise<Inventory[]> {
  const lists = new Map<string, Map<unknown, unknown[]>>();
  if (depth < maxListDepth && rows.length > 0) {
    for (const name of members.lists) lists.set(name, await childrenOf(cloud, definition, name, rows, depth));
  }
  const live = await liveMembers(cloud, definition, rows, members);
  return rows.map((row, index) => {
    const inventory: Inventory = {};
    for (const name of members.columns) {
      if (members.asked && !members.asked.has(name)) continue;
      const value = presentValue(definition.fields[name]!.type, row[name]);
      if (value !== undefined) inventory[name] = value;
    }
    for (const name of members.live) {
      const value = presentValue(definition.live!.fields[name]!.type, live[index]?.[name]);
      if (value !== undefined) inventory[name] = value;
    }
    for (const [name, children] of lists) inventory[name] = children.get(row[definition.lists![name]!.local]) ?? [];
    return inventory;
  });
}

async function liveMembers(
  cloud: Cloud,
  definition: InventoryDefinition,
  rows: readonly Inventory[],
  members: Members,
): Promise<Record<string, unknown>[]> {
  if (members.live.length === 0) return [];
  return await Promise.all(rows.map((row) => definition.live!.read(cloud, String(row['uuid']))));
}

async function childrenOf(
  cloud: Cloud,
  definition: InventoryDefinition,
  name: string,
  parents: readonly Inventory[],
  depth: number,
): Promise<Map<unknown, unknown[]>> {
  const list = definition.lists![name]!;
  const child = list.of();
  const builder = new WhereBuilder(cloud.db, everyone);
  const { row, alias } = builder.newRow();
  const keys = [...new Set(parents.map((parent) => parent[list.local]).filter((key) => typeof key === 'string'))];
  const key = child.fields[list.foreign]!.sql(row);
  const where = sql`${builder.where(child, row, [])} and ${oneOf(cloud.db, key, keys as string[])}`;
  const members = membersOf(child, list.pluck ? [list.pluck] : undefined);
  const columns = [...columnsOf(child, members.columns, row), sql`${key} as parent_key`];
  const order = orderOf(child, row, { sort: undefined } as Query);
  const { rows } = await sql<Inventory>`select ${sql.join(columns)} from ${sourceOf(cloud, child)} as ${sql.ref(alias)}
    where ${where} order by ${order} limit ${maxChildren}`.execute(cloud.db.read);
  const completed = await complete(cloud, child, rows, members, depth + 1);
  const byParent = new Map<unknown, unknown[]>();
  for (const [index, inventory] of completed.entries()) {
    const parent = rows[index]!['parent_key'];
    const siblings = byParent.get(parent) ?? [];
    siblings.push(list.pluck ? inventory[list.pluck] : inventory);
    byParent.set(parent, siblings);
  }
  return byParent;
}
