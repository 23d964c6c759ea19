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

/** Conditions that most rows fit, mostly: there is nothing to look up first. */
const openOperators: ReadonlySet<Operator> = new Set(['!=', '!~=', '!?=', '>', '>=', '<', '<=', 'not null']);

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
  readonly #isBroad: boolean;
  /** Whether the rows in question are few, by their own names. */
  #isNarrow = false;

  /** @param isBroad many rows are known to fit, of which few are wanted: then nothing is looked up first */
  constructor(db: Pick<Database, 'kind'>, viewer: Viewer, values: Values, isBroad = false) {
    this.#isBroad = isBroad;
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
    const outer = this.#isNarrow;
    this.#isNarrow = isNarrow(conditions, filter);
    const parts = [...this.#visibility(definition, row), this.#filter(definition, row, conditions, filter)];
    this.#isNarrow = outer;
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
      const isOpen = openOperators.has(condition.operator);
      return this.#walk(
        definition,
        row,
        condition.path,
        (target, at, name) => this.#field(target, at, { ...condition, values }, name),
        isOpen,
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
    isOpen = false,
    depth = 0,
  ): Expression<SqlBool> {
    const name = path[0]!;
    if (path.length === 1) return end(definition, row, name);
    const relation = relationOf(definition, name);
    if (!relation || depth >= maxDepth) throw noSuchField(definition, name);
    const { target, local, foreign, through } = relation;
    const other = this.newRow();
    const rest = [
      ...this.#visibility(target, other.row),
      this.#walk(target, other.row, path.slice(1), end, isOpen, depth + 1),
    ];
    const table = sql`${sql.table(target.table)} as ${sql.ref(other.alias)}`;
    // A list of what fits, so that it can be looked up first; unless this side is the narrower one, or nearly all of
    // what belongs to this side would be in it.
    const isRowByRow = this.#isNarrow || this.#isBroad || (isOpen && !ownMember(definition.relations, name));
    const among = (wanted: Expression<unknown>, rows: Expression<unknown>, value: Expression<unknown>) =>
      isRowByRow ? sql<SqlBool>`${value} in (${rows} and ${wanted} = ${value})` : sql<SqlBool>`${value} in (${rows})`;
    const foreignKey = foreign.sql(other.row);
    const found = sql`select ${foreignKey} from ${table} where ${sql.join(rest, sql` and `)}`;
    return this.#match(local, row, (value) => {
      if (!through) return among(foreignKey, found, value);
      const { alias } = this.newRow();
      const [near, far] = [sql.ref(`${alias}.${through.near}`), sql.ref(`${alias}.${through.far}`)];
      const linked = sql`${sql.table(through.table)} as ${sql.ref(alias)}`;
      return among(near, sql`select ${near} from ${linked} where ${among(foreignKey, found, far)}`, value);
    });
  }

  #match(field: Field, row: Row, holds: (value: Expression<unknown>) => Expression<SqlBool>): Expression<SqlBool> {
    return field.match ? field.match(row, holds) : holds(field.sql(row));
  }

  #field(definition: InventoryDefinition, row: Row, { operator, values }: Compared, name: string): Expression<SqlBool> {
    const tagKind = ownMember(tagKinds, name);
    if (tagKind) return this.#tag(definition, row, tagKind, operator, values);
    const field = definition.fields[name]!;
    const compare = (value: Expression<unknown>) => comparison(this.#db, value, field.type, operator, values);
    return operator === 'is null' ? compare(field.sql(row)) : this.#match(field, row, compare);
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
    const parts = [sql`${tag.column('kind')} = ${sql.lit(kind)}`];
    if (positive !== 'is null' && positive !== 'not null') {
      parts.push(sql`${comparison(this.#db, tag.column('tag'), 'string', positive, values)}`);
    }
    const table = sql`resource_tags as ${sql.ref(alias)}`;
    const tagged = sql`(select ${tag.column('resource_id')} from ${table} where ${sql.join(parts, sql` and `)})`;
    const isWithout = operator === 'is null' || negated[operator] !== undefined;
    return isWithout ? sql<SqlBool>`${uuid} not in ${tagged}` : sql<SqlBool>`${uuid} in ${tagged}`;
  }
}

/** Whether what is asked for is said by uuid or name: then there are few rows to ask further questions of. */
function isNarrow(conditions: readonly Condition[], filter: Filter): boolean {
  if (!('and' in filter)) return false;
  return filter.and.some((part) => {
    if (!('leaf' in part)) return false;
    const { path, operator, of } = conditions[part.leaf]!;
    const isName = path.length === 1 && (path[0] === 'uuid' || path[0] === 'name');
    return isName && !of && (operator === '=' || operator === '?=');
  });
}

interface Compared extends Condition {
  values: readonly unknown[];
}

/** How many values a condition compares with: part of the statement's shape. */
export function countValues({ operator, value, list }: Condition): number {
  if (operator === 'is null' || operator === 'not null') return 0;
  return operator === '?=' || operator === '!?=' ? (list?.length ?? value.split(',').length) : 1;
}
