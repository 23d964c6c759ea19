import { type Expression, type SqlBool, sql } from 'kysely';
import type { Database } from '../../../database/database.ts';
import { ZStackError } from '../protocol/zstack-error.ts';
import { comparison } from './comparison.ts';
import type { Condition, Operator } from './conditions.ts';
import {
  type InventoryDefinition,
  ownMember,
  type Row,
  relationOf,
  rowOf,
  type TableName,
  type Viewer,
} from './inventory.ts';

/** How many relations a condition may walk. */
const maxDepth = 6;

const tagKinds: Record<string, 'user' | 'system'> = { __userTag__: 'user', __systemTag__: 'system' };

const negated: Partial<Record<Operator, Operator>> = { '!=': '=', '!~=': '~=', '!?=': '?=' };

/** Makes conditions into SQL. Every name in a statement comes from a definition, every value is a parameter. */
export class WhereBuilder {
  readonly #db: Pick<Database, 'kind'>;
  readonly #viewer: Viewer;
  #aliases = 0;

  constructor(db: Pick<Database, 'kind'>, viewer: Viewer) {
    this.#db = db;
    this.#viewer = viewer;
  }

  /** The row of a table under a name that nothing else in the statement has. */
  newRow<Table extends TableName>(): { row: Row<Table>; alias: string } {
    const alias = `t${this.#aliases}`;
    this.#aliases += 1;
    return { row: rowOf<Table>(this.#db, alias), alias };
  }

  /** What the viewer may see of the inventory, narrowed by the conditions; all of them have to hold. */
  where(definition: InventoryDefinition, row: Row, conditions: readonly Condition[]): Expression<SqlBool> {
    const parts = [
      ...this.#visibility(definition, row),
      ...conditions.map((condition) => this.#condition(definition, row, condition, condition.path, 0)),
    ];
    return parts.length === 0 ? sql`1 = 1` : sql.join(parts, sql` and `);
  }

  #visibility(definition: InventoryDefinition, row: Row): Expression<SqlBool>[] {
    const parts: Expression<SqlBool>[] = [];
    if (definition.scope) parts.push(definition.scope(row));
    if (definition.visible && !this.#viewer.isAdmin) parts.push(definition.visible(row, this.#viewer));
    return parts;
  }

  #condition(
    definition: InventoryDefinition,
    row: Row,
    condition: Condition,
    path: readonly string[],
    depth: number,
  ): Expression<SqlBool> {
    const name = path[0]!;
    if (path.length === 1) return this.#field(definition, row, condition, name);
    const relation = relationOf(definition, name);
    if (!relation || depth >= maxDepth) throw noSuchField(definition, name);
    const { target } = relation;
    const other = this.newRow();
    const parts = [
      relation.on(row, other.row),
      ...this.#visibility(target, other.row),
      this.#condition(target, other.row, condition, path.slice(1), depth + 1),
    ];
    return sql`exists (select 1 from ${sql.table(target.table)} as ${sql.ref(other.alias)} where ${sql.join(parts, sql` and `)})`;
  }

  #field(definition: InventoryDefinition, row: Row, { operator, value }: Condition, name: string): Expression<SqlBool> {
    const tagKind = ownMember(tagKinds, name);
    if (tagKind) return this.#tag(definition, row, tagKind, operator, value);
    const field = ownMember(definition.fields, name);
    if (!field) throw noSuchField(definition, name);
    return comparison(this.#db, field.sql(row), field.type, operator, value, name);
  }

  /** A negation is about all tags of the resource: it has none that fits. */
  #tag(
    definition: InventoryDefinition,
    row: Row,
    kind: 'user' | 'system',
    operator: Operator,
    value: string,
  ): Expression<SqlBool> {
    const uuid = ownMember(definition.fields, 'uuid');
    if (!uuid) throw noSuchField(definition, `__${kind}Tag__`);
    const { row: tag, alias } = this.newRow<'resource_tags'>();
    const positive = negated[operator] ?? operator;
    const parts = [sql`${tag.column('resource_id')} = ${uuid.sql(row)}`, sql`${tag.column('kind')} = ${kind}`];
    if (positive !== 'is null' && positive !== 'not null') {
      parts.push(sql`${comparison(this.#db, tag.column('tag'), 'string', positive, value, 'tag')}`);
    }
    const exists = sql<SqlBool>`exists (select 1 from resource_tags as ${sql.ref(alias)} where ${sql.join(parts, sql` and `)})`;
    return operator === 'is null' || negated[operator] ? sql<SqlBool>`not ${exists}` : exists;
  }
}

/** The dialect's own words for a field that an inventory does not have. */
export function noSuchField(definition: InventoryDefinition, name: string): ZStackError {
  return new ZStackError('SYS.1000', `inventory[${definition.name}] has no field[${name}]`);
}
