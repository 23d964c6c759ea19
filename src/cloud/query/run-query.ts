import type { Cloud } from '../cloud.ts';
import type { FieldType, InventoryDefinition, Viewer } from './inventory.ts';
import { fieldOf, type Members, membersOf } from './members.ts';
import { badValue, type Query, type TimeText } from './query.ts';
import { rowsOf } from './statement-cache.ts';
import { countRows, selectChildren, selectRows, sumRows } from './statements.ts';
import { conditionValues, countValues } from './where.ts';

export type Inventory = Record<string, unknown>;

export interface QueryResult {
  /** Absent when only the count was asked for. */
  inventories?: Inventory[];
  total?: number;
}

/** Where so many pages of rows fit, one is soon found by looking at rows one by one. */
const broadPages = 50;
const maxListDepth = 3;
const everyone: Viewer = { isAdmin: true };

/** Answers a query with a bounded number of statements: one for the rows, one for their count, one for each list. */
export async function runQuery(
  cloud: Cloud,
  definition: InventoryDefinition,
  viewer: Viewer,
  query: Query,
  times: TimeText,
): Promise<QueryResult> {
  const { isAdmin, projectId = '', userId = '' } = viewer;
  const members = membersOf(definition, query.fields);
  const { limit, start } = query;
  const values = { ...conditionValues(definition, query.conditions, times), projectId, userId, limit, start };
  const shape = shapeOf(definition, isAdmin, query);
  let isBroad = false;
  const result: QueryResult = {};
  if (query.count || query.replyWithCount) {
    const build = (given: typeof values) => countRows(cloud, definition, isAdmin, query, given);
    const [counted] = await rowsOf(cloud, definition, `count ${shape}`, values, build);
    result.total = Number(counted!['total']);
    isBroad = result.total >= broadPages * (start + limit);
  }
  if (query.count) return result;
  const build = (given: typeof values) =>
    selectRows(cloud, definition, isAdmin, { ...query, isBroad }, members.columns, given);
  const select = `${isBroad ? 'broad ' : ''}${members.columns.join(',')} ${shape}`;
  const rows = await rowsOf(cloud, definition, select, values, build);
  result.inventories = await complete({ cloud, times }, definition, rows, members);
  return result;
}

/** The sums of number fields over what the conditions leave: one row, or one for each value of `by`, or for each of the values that several have together. */
export async function runSum(
  cloud: Cloud,
  definition: InventoryDefinition,
  viewer: Viewer,
  query: Query,
  summed: { fields: readonly string[]; by: readonly string[] },
  times: TimeText,
): Promise<Inventory[]> {
  const { isAdmin, projectId = '', userId = '' } = viewer;
  for (const name of summed.fields) {
    const { type } = fieldOf(definition, name);
    if (type !== 'int' && type !== 'long') throw badValue(name, `field[${name}] is no number, it can't be summed up`);
  }
  const { limit, start } = query;
  const values = { ...conditionValues(definition, query.conditions, times), projectId, userId, limit, start };
  const { rows } = await sumRows(cloud, definition, isAdmin, query, summed, values).execute(cloud.db.read);
  return (rows as Inventory[]).map((row) => {
    const sums = summed.fields.map((name) => [name, Number(row[name])]);
    const groups = summed.by.map((name) => [name, outerForm(fieldOf(definition, name).type, row[name], times)]);
    return Object.fromEntries([...groups, ...sums]) as Inventory;
  });
}

/** What decides a statement's text, whatever its values are. */
function shapeOf(definition: InventoryDefinition, isAdmin: boolean, query: Query): string {
  const conditions = query.conditions.map((one) => {
    return `${one.of?.name ?? ''}:${one.path.join('.')}${one.operator}${countValues(one)}`;
  });
  const { sort, thenBy = [], groupBy = [], filter } = query;
  const order = [...(sort ? [sort] : []), ...thenBy].map((one) => `${one.field}${one.descending ? '-' : '+'}`).join();
  const joined = filter ? JSON.stringify(filter, (key, value) => (key === 'among' ? value.name : value)) : '';
  return [definition.name, definition.table, isAdmin, conditions.join('&'), order, groupBy.join(), joined].join('|');
}

/** One inventory by its uuid, whoever asks: for the answers of operations that were allowed already. */
export async function readInventory(
  cloud: Cloud,
  definition: InventoryDefinition,
  uuid: string,
  times: TimeText,
): Promise<Inventory | undefined> {
  const query: Query = {
    conditions: [{ path: ['uuid'], operator: '=', value: uuid }],
    limit: 1,
    start: 0,
    count: false,
    replyWithCount: false,
  };
  return (await runQuery(cloud, definition, everyone, query, times)).inventories![0];
}

interface Context {
  cloud: Cloud;
  times: TimeText;
}

/** Fetches the lists of all rows and gives every value its outer form. */
async function complete(
  context: Context,
  definition: InventoryDefinition,
  rows: readonly Inventory[],
  members: Members,
  depth = 0,
): Promise<Inventory[]> {
  const lists = new Map<string, Map<unknown, unknown[]>>();
  if (depth < maxListDepth && rows.length > 0) {
    for (const name of members.lists) lists.set(name, await childrenOf(context, definition, name, rows, depth));
  }
  const live = await liveMembers(context.cloud, definition, rows, members);
  return rows.map((row, index) => {
    const inventory: Inventory = {};
    for (const name of members.columns) {
      if (members.asked && !members.asked.has(name)) continue;
      const value = outerForm(definition.fields[name]!.type, row[name], context.times);
      if (value !== undefined) inventory[name] = value;
    }
    for (const name of members.live) {
      const value = outerForm(definition.live!.fields[name]!.type, live[index]?.[name], context.times);
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
  context: Context,
  definition: InventoryDefinition,
  name: string,
  parents: readonly Inventory[],
  depth: number,
): Promise<Map<unknown, unknown[]>> {
  const list = definition.lists![name]!;
  const child = list.of;
  const keys = [...new Set(parents.map((parent) => parent[list.local]).filter((key) => typeof key === 'string'))];
  const members = membersOf(child, list.pluck ? [list.pluck] : undefined);
  const build = (given: { keys: string[] }) => selectChildren(context.cloud, list, members.columns, given.keys);
  const rows = await rowsOf(context.cloud, child, `${definition.name}.${name}`, { keys: keys as string[] }, build);
  const completed = await complete(context, child, rows, members, depth + 1);
  const byParent = new Map<unknown, unknown[]>();
  for (const [index, inventory] of completed.entries()) {
    const parent = rows[index]!['parent_key'];
    const siblings = byParent.get(parent) ?? [];
    siblings.push(list.pluck ? inventory[list.pluck] : inventory);
    byParent.set(parent, siblings);
  }
  return byParent;
}

/** A value of the database as it leaves: undefined for null, because members that are null are left out. */
function outerForm(type: FieldType, value: unknown, times: TimeText): unknown {
  if (value === null || value === undefined) return undefined;
  switch (type) {
    case 'bool':
      return Boolean(value);
    case 'time':
      return times.format(Number(value));
    case 'int':
    case 'long':
      return Number(value);
    case 'json':
      return JSON.parse(String(value));
    case 'string':
      return String(value);
  }
}
