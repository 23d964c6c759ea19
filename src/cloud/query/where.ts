import { type Expression, type SqlBool, sql } from 'kysely';
import type { Database } from '../../database/database.ts';
import { comparedValues, comparison } from './comparison.ts';
import {
  type Field,
  type InventoryDefinition,
  ownMember,
  type Row,
  relationOf,
  rowOf,
  type TableName,
  type Viewer,
} from './inventory.ts';
import { fieldOf } from './members.ts';
import { type Condition, type Filter, noSuchField, type Operator, type TimeText } from './query.ts';

/** How many relations a condition may walk. */
const maxDepth = 6;

const tagKinds: Record<string, 'user' | 'system'> = { __userTag__: 'user', __systemTag__: 'system' };

const negated: Partial<Record<Operator, Operator>> = { '!=': '=', '!~=': '~=', '!?=': '?=' };

/** Values of a statement by name, or what stands for them while it is prepared. */
export type Values = Readonly<Record<string, unknown>>;

/** The values of all conditions, `c0_0` being the first one of the first. Throws for fields and values that are none. */
export function conditionValues(
  definition: InventoryDefinition,
  conditions: readonly Condition[],
  times: TimeText,
): Values {
  const values: Record<string, unknown> = {};
  for (const [index, condition] of conditions.entries()) {
    for (const [at, value] of valuesOf(definition, condition, times).entries()) values[`c${index}_${at}`] = value;
  }
  return values;
}

function valuesOf(definition: InventoryDefinition, condition: Condition, times: TimeText): unknown[] {
  const { path, operator, value, list } = condition;
  let target = condition.of ?? definition;
  for (const [depth, name] of path.slice(0, -1).entries()) {
    const relation = relationOf(target, name);
    if (!relation || depth >= maxDepth) throw noSuchField(target, name);
    target = relation.target;
  }
  const name = path.at(-1)!;
  if (ownMember(tagKinds, name)) {
    if (!ownMember(target.fields, 'uuid')) throw noSuchField(target, name);
    return comparedValues({ name, type: 'string' }, negated[operator] ?? operator, value, times, list);
  }
  const field: Field | undefined = ownMember(target.fields, name);
  if (!field) throw noSuchField(target, name);
  return comparedValues({ name, type: field.type }, operator, value, times, list);
}

/**
 * Makes conditions into SQL. Every name in a statement comes from a definition, every value is a parameter. The
 * conditions must be those whose values are given.
 */
export class WhereBuilder {
  readonly #db: Pick<Database, 'kind'>;
  readonly #viewer: Viewer;
  readonly #values: Values;
  #aliases = 0;

  constructor(db: Pick<Database, 'kind'>, viewer: Viewer, values: Values) {
    this.#db = db;
    this.#viewer = viewer;
    this.#values = values;
  }

  /** The row of a table under a name that nothing else in the statement has. */
  newRow<Table extends TableName>(): { row: Row<Table>; alias: string } {
    const alias = `t${this.#aliases}`;
    this.#aliases += 1;
    return { row: rowOf<Table>(this.#db, alias), alias };
  }

  /** What the viewer may see of the inventory, narrowed by the conditions: all of them, or as the filter joins them. */
  where(
    definition: InventoryDefinition,
    row: Row,
    conditions: readonly Condition[],
    filter: Filter = { and: conditions.map((_, leaf) => ({ leaf })) },
  ): Expression<SqlBool> {
    const parts = [...this.#visibility(definition, row), this.#filter(definition, row, conditions, filter)];
    return sql.join(parts, sql` and `);
  }

  #filter(
    definition: InventoryDefinition,
    row: Row,
    conditions: readonly Condition[],
    filter: Filter,
  ): Expression<SqlBool> {
    if ('leaf' in filter) {
      const condition = conditions[filter.leaf]!;
      const count = countValues(condition);
      const values = Array.from({ length: count }, (_, at) => this.#values[`c${filter.leaf}_${at}`]);
      return this.#walk(definition, row, condition.path, (target, at, name) =>
        this.#field(target, at, { ...condition, values }, name),
      );
    }
    if ('among' in filter) {
      return this.#walk(definition, row, filter.path, (target, at, name) => {
        const value = fieldOf(target, name).sql(at);
        const other = this.newRow();
        const chosen = this.where(filter.among, other.row, conditions, filter.filter ?? { and: [] });
        const field = fieldOf(filter.among, filter.field).sql(other.row);
        const table = sql`${sql.table(filter.among.table)} as ${sql.ref(other.alias)}`;
        // Nulls among the values would make every `not in` unknown.
        const values = sql`(select ${field} from ${table} where ${chosen} and ${field} is not null)`;
        return filter.negated ? sql<SqlBool>`${value} not in ${values}` : sql<SqlBool>`${value} in ${values}`;
      });
    }
    const [all, joint, none] =
      'and' in filter ? [filter.and, sql` and `, sql`1 = 1`] : [filter.or, sql` or `, sql`1 = 0`];
    if (all.length === 0) return none as Expression<SqlBool>;
    return sql<SqlBool>`(${sql.join(
      all.map((one) => this.#filter(definition, row, conditions, one)),
      joint,
    )})`;
  }

  #visibility(definition: InventoryDefinition, row: Row): Expression<SqlBool>[] {
    const parts: Expression<SqlBool>[] = [];
    if (definition.scope) parts.push(definition.scope(row));
    if (definition.visible && !this.#viewer.isAdmin) parts.push(definition.visible(row, this.#viewer));
    return parts;
  }

  /** What holds at the end of the path for one of the rows that it leads to. */
  #walk(
    definition: InventoryDefinition,
    row: Row,
    path: readonly string[],
    end: (definition: InventoryDefinition, row: Row, name: string) => Expression<SqlBool>,
    depth = 0,
  ): Expression<SqlBool> {
    const name = path[0]!;
    if (path.length === 1) return end(definition, row, name);
    const relation = relationOf(definition, name);
    if (!relation || depth >= maxDepth) throw noSuchField(definition, name);
    const { target, on } = relation;
    const other = this.newRow();
    const parts = [
      on(row, other.row),
      ...this.#visibility(target, other.row),
      this.#walk(target, other.row, path.slice(1), end, depth + 1),
    ];
    const table = sql`${sql.table(target.table)} as ${sql.ref(other.alias)}`;
    return sql`exists (select 1 from ${table} where ${sql.join(parts, sql` and `)})`;
  }

  #field(definition: InventoryDefinition, row: Row, { operator, values }: Compared, name: string): Expression<SqlBool> {
    const tagKind = ownMember(tagKinds, name);
    if (tagKind) return this.#tag(definition, row, tagKind, operator, values);
    const field = definition.fields[name]!;
    return comparison(this.#db, field.sql(row), field.type, operator, values);
  }

  /** A negation is about all tags of the resource: it has none that fits. */
  #tag(
    definition: InventoryDefinition,
    row: Row,
    kind: 'user' | 'system',
    operator: Operator,
    values: readonly unknown[],
  ): Expression<SqlBool> {
    const { row: tag, alias } = this.newRow<'resource_tags'>();
    const positive = negated[operator] ?? operator;
    const uuid = definition.fields['uuid']!.sql(row);
    const parts = [sql`${tag.column('resource_id')} = ${uuid}`, sql`${tag.column('kind')} = ${sql.lit(kind)}`];
    if (positive !== 'is null' && positive !== 'not null') {
      parts.push(sql`${comparison(this.#db, tag.column('tag'), 'string', positive, values)}`);
    }
    const table = sql`resource_tags as ${sql.ref(alias)}`;
    const exists = sql<SqlBool>`exists (select 1 from ${table} where ${sql.join(parts, sql` and `)})`;
    return operator === 'is null' || negated[operator] ? sql<SqlBool>`not ${exists}` : exists;
  }
}

interface Compared extends Condition {
  values: readonly unknown[];
}

/** How many values a condition compares with: part of the statement's shape. */
export function countValues({ operator, value, list }: Condition): number {
  if (operator === 'is null' || operator === 'not null') return 0;
  return operator === '?=' || operator === '!?=' ? (list?.length ?? value.split(',').length) : 1;
}
