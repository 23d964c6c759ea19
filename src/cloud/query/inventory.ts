import { type Expression, type RawBuilder, type SqlBool, sql } from 'kysely';
import type { Database } from '../../database/database.ts';
import type { Schema } from '../../database/schema.ts';
import type { Cloud } from '../cloud.ts';

export type TableName = keyof Schema & string;

/** The tables that have all of these columns. */
export type TableWith<Columns extends string> = {
  [Table in TableName]: Columns extends keyof Schema[Table] ? Table : never;
}[TableName];

/**
 * `time` is microseconds in the database and a timestamp text outside; `bool` is 0 or 1 and true or false; `json` is
 * compared as the text that it is in the database.
 */
export type FieldType = 'string' | 'int' | 'long' | 'bool' | 'time' | 'json';

/** Who asks, as far as it decides what they see. */
export interface Viewer {
  isAdmin: boolean;
  projectId?: string;
  userId?: string;
}

/** One row of an inventory's table inside a statement, by its alias there. */
export interface Row<Table extends TableName = TableName> {
  readonly db: Pick<Database, 'kind'>;
  column(name: keyof Schema[Table] & string): RawBuilder<unknown>;
}

/** A member of an inventory, as SQL over its row: what is shown is what is filtered and sorted by. */
export interface Field<Table extends TableName = TableName> {
  type: FieldType;
  sql(row: Row<Table>): Expression<unknown>;
  /**
   * The same as `holds(sql(row))`, for anything that holds of no null, said in a way that an index can serve. Fields
   * that are computed from other tables have it where conditions on them are to be quick.
   */
  match?(row: Row<Table>, holds: (value: Expression<unknown>) => Expression<SqlBool>): Expression<SqlBool>;
  description: string;
}

/**
 * A way from an inventory to others, for dotted conditions as `cluster.name=x`: by equal fields (`uuid` where none is
 * said), perhaps over the rows of a table that has both of them. `to` is the name of a definition: definitions refer to
 * each other in circles, and so by name.
 */
interface Relation {
  to: string;
  local?: string;
  foreign?: string;
  through?: Through;
}

/** A table whose column `near` has the local field, and `far` the foreign one. */
export interface Through {
  table: TableName;
  near: string;
  far: string;
}

/** A member that lists other inventories, or one field of each (`pluck`). Also a relation of the same name. */
export interface List {
  of: InventoryDefinition;
  /** Field of this inventory ← field of the listed ones. */
  local: string;
  foreign: string;
  pluck?: string;
  description: string;
}

/**
 * One kind of resource as one of the APIs shows it: where its rows are, what they look like and who may see them. Lists,
 * single reads, conditions and documents all come from it.
 */
export interface InventoryDefinition<Table extends TableName = TableName> {
  /** As `ImageInventory`. */
  name: string;
  /** The class that clients make of it, as `org.zstack.header.image.ImageInventory`. */
  className: string;
  table: Table;
  fields: Record<string, Field<Table>>;
  lists?: Record<string, List>;
  relations?: Record<string, Relation>;
  /** Members that only the running cloud can tell. They can be asked for, but not searched or sorted by. */
  live?: {
    fields: Record<string, { type: FieldType; description: string }>;
    read(cloud: Cloud, uuid: string): Promise<Record<string, unknown>>;
  };
  /** Rows that stand in no table: they are given as `(select …)`. */
  rows?(cloud: Cloud): Expression<unknown>;
  /** Members of no inventory that a client can see: rows that are history only. */
  scope?(row: Row<Table>): Expression<SqlBool>;
  /** What those who are not admin see; all of it where absent. */
  visible?(row: Row<Table>, viewer: Viewer): Expression<SqlBool>;
}

const definitions = new Map<string, InventoryDefinition>();

/** Makes a definition known by its name, and checks its columns against its table. */
export function defineInventory<Table extends TableName>(definition: InventoryDefinition<Table>): InventoryDefinition {
  const defined = definition as unknown as InventoryDefinition;
  if (definitions.has(definition.name)) throw new Error(`two inventories are called ${definition.name}`);
  definitions.set(definition.name, defined);
  return defined;
}

/** All that there are. */
export function inventories(): readonly InventoryDefinition[] {
  return [...definitions.values()];
}

/** The definition of this name, in either case and without its `Inventory`; undefined where there is none. */
export function inventoryOfEntity(entity: string): InventoryDefinition | undefined {
  const wanted = `${entity}inventory`.toLowerCase();
  return inventories().find(({ name }) => name.toLowerCase() === wanted);
}

function inventoryNamed(name: string): InventoryDefinition {
  const found = definitions.get(name);
  if (!found) throw new Error(`no inventory is called ${name}`);
  return found;
}

/** The row `alias` of a table. */
export function rowOf<Table extends TableName>(db: Pick<Database, 'kind'>, alias: string): Row<Table> {
  return { db, column: (name) => sql.ref(`${alias}.${name}`) };
}

/** `visible` of what belongs to rows of another inventory, named by `column`: whoever sees those sees these. */
export function seenWith<Table extends TableName>(
  name: string,
  column: keyof Schema[Table] & string,
): NonNullable<InventoryDefinition<Table>['visible']> {
  return (row, viewer) => {
    const owner = inventoryNamed(name);
    const alias = `seen_${name}`;
    const at = rowOf(row.db, alias);
    const seen = owner.visible?.(at, viewer) ?? sql`1 = 1`;
    const table = sql`${sql.table(owner.table)} as ${sql.ref(alias)}`;
    return sql<SqlBool>`${row.column(column)} in (select ${owner.fields['uuid']!.sql(at)} from ${table} where ${seen})`;
  };
}

/** What leads from one inventory to another: `local` of the one is `foreign` of the other. */
interface Way {
  target: InventoryDefinition;
  local: Field;
  foreign: Field;
  through?: Through;
}

/** What leads from `definition` to others under `name`: a relation, or a list (also without its plural `s`). */
export function relationOf(definition: InventoryDefinition, name: string): Way | undefined {
  const relation = ownMember(definition.relations, name);
  const list = ownMember(definition.lists, name) ?? ownMember(definition.lists, `${name}s`);
  const target = relation ? inventoryNamed(relation.to) : list?.of;
  if (!target) return undefined;
  const { local = 'uuid', foreign = 'uuid' } = (relation ?? list)!;
  return {
    target,
    local: definition.fields[local]!,
    foreign: target.fields[foreign]!,
    ...(relation?.through && { through: relation.through }),
  };
}

/** `record[name]`, and nothing that objects have by nature. */
export function ownMember<T>(record: Record<string, T> | undefined, name: string): T | undefined {
  return record && Object.hasOwn(record, name) ? record[name] : undefined;
}
