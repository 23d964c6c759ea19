import { type Expression, type RawBuilder, type SelectQueryBuilder, type SqlBool, sql } from 'kysely';
import type { Queryable } from '../../database/database.ts';
import type { Schema } from '../../database/schema.ts';
import { CloudError } from '../errors.ts';

export type FilterValue = string | number | boolean | null;

/** Which rows of a list a caller wants, in which order, and which page of them. */
export interface ListRequest<Field extends string> {
  /** Field → the values it may have. */
  filters?: { [F in Field]?: readonly FilterValue[] };
  /** Oldest first where nothing is said; the id always decides last. */
  sort?: ReadonlyArray<{ field: Field; descending: boolean }>;
  tags?: TagFilter;
  /** Items at most. */
  limit?: number;
  /** The id of the item after which (`reverse`: before which) the page begins. */
  marker?: string;
  /** The page before the marker, itself in usual order. */
  reverse?: boolean;
}

/** Which tags the items have, or don't have: all of a list, or one of it. */
export interface TagFilter {
  all?: readonly string[];
  any?: readonly string[];
  notAll?: readonly string[];
  notAny?: readonly string[];
}

interface Order {
  column: RawBuilder<unknown>;
  descending: boolean;
}

/** Turns list requests into SQL for one table whose columns are the fields in snake case. */
export class Listing<Field extends string> {
  readonly #table: string;

  constructor(table: keyof Schema) {
    this.#table = table;
  }

  /** Adds filters, order and page to `query`; rows of a `reverse` page then come last first (see `inOrder`). */
  async apply<TB extends keyof Schema, Row>(
    db: Queryable,
    query: SelectQueryBuilder<Schema, TB, Row>,
    request: ListRequest<Field>,
  ): Promise<SelectQueryBuilder<Schema, TB, Row>> {
    let result = query;
    for (const condition of this.#filters(request)) result = result.where(condition);
    const orders = this.#orders(request);
    if (request.marker !== undefined)
      result = result.where(await this.#after(db, query as never, orders, request.marker));
    for (const { column, descending } of orders) result = result.orderBy(column, descending ? 'desc' : 'asc');
    return request.limit === undefined ? result : result.limit(request.limit);
  }

  #filters({ filters = {}, tags = {} }: ListRequest<Field>): Expression<SqlBool>[] {
    const conditions = this.#tagConditions(tags);
    for (const [field, values] of Object.entries(filters) as Array<[string, readonly FilterValue[] | undefined]>) {
      if (values) conditions.push(anyOf(this.#column(field), values));
    }
    return conditions;
  }

  #tagConditions({ all, any, notAll, notAny }: TagFilter): Expression<SqlBool>[] {
    const has = (tags: readonly string[], least: number) =>
      sql<SqlBool>`(select count(*) from network_resource_tags
        where resource_id = ${this.#column('id')} and tag in (${sql.join(tags)})) >= ${least}`;
    const not = (condition: Expression<SqlBool>) => sql<SqlBool>`not ${condition}`;
    return [
      ...(all ? [has(all, new Set(all).size)] : []),
      ...(any ? [has(any, 1)] : []),
      ...(notAll ? [not(has(notAll, new Set(notAll).size))] : []),
      ...(notAny ? [not(has(notAny, 1))] : []),
    ];
  }

  #orders({ sort = [], reverse = false }: ListRequest<Field>): Order[] {
    const wanted: Array<{ field: string; descending: boolean }> = [...sort];
    if (wanted.length === 0) wanted.push({ field: 'createdAt', descending: false });
    wanted.push({ field: 'id', descending: false });
    return wanted.map(({ field, descending }) => ({
      column: this.#sortable(field),
      descending: descending !== reverse,
    }));
  }

  /** The rows that come after the marker's row: greater in the first column that differs. What is not seen is no marker. */
  async #after(
    db: Queryable,
    seen: SelectQueryBuilder<Schema, never, object>,
    orders: Order[],
    marker: string,
  ): Promise<Expression<SqlBool>> {
    const values = orders.map(({ column }, index) => sql`${column} as ${sql.ref(`v${index}`)}`);
    const id = this.#column('id');
    const ids = seen.clearSelect().select(id.as('id')).where(sql<SqlBool>`${id} = ${marker}`);
    const { rows } = await sql<Record<string, unknown>>`select ${sql.join(values)} from ${sql.table(this.#table)}
      where ${id} in (${ids})`.execute(db);
    const row = rows[0];
    if (!row)
      throw new CloudError('invalid', `The marker ${marker} could not be found.`, { id: marker, field: 'marker' });
    const alternatives = orders.map(({ column, descending }, index) => {
      const equal = orders.slice(0, index).map((order, i) => sql<SqlBool>`${order.column} = ${row[`v${i}`]}`);
      const beyond = sql<SqlBool>`${column} ${sql.raw(descending ? '<' : '>')} ${row[`v${index}`]}`;
      return sql<SqlBool>`(${sql.join([...equal, beyond], sql` and `)})`;
    });
    return sql<SqlBool>`(${sql.join(alternatives, sql` or `)})`;
  }

  #column(field: string): RawBuilder<unknown> {
    return sql.ref(`${this.#table}.${snakeCase(field)}`);
  }

  /** Nulls sort as empty texts or -1, so that rows with them can be compared with a marker's. */
  #sortable(field: string): RawBuilder<unknown> {
    if (nullableTexts.has(field)) return sql`coalesce(${this.#column(field)}, '')`;
    if (nullableNumbers.has(field)) return sql`coalesce(${this.#column(field)}, -1)`;
    return this.#column(field);
  }
}

const nullableTexts = new Set([
  'gatewayIp',
  'hostId',
  'protocol',
  'remoteIpPrefix',
  'remoteGroupId',
  'portId',
  'fixedIpAddress',
  'routerId',
  'subnetPoolId',
  'ipv6AddressMode',
  'ipv6RaMode',
  'addressScopeId',
  'qosPolicyId',
  'remoteAddressGroupId',
]);
const nullableNumbers = new Set(['portRangeMin', 'portRangeMax', 'segmentationId', 'defaultQuota']);

/** Gives the rows of a page in the list's own order. */
export function inOrder<Row>(rows: Row[], request: { reverse?: boolean }): Row[] {
  return request.reverse ? rows.reverse() : rows;
}

/** `column` has one of the values; never, when there are none. */
export function anyOf(column: Expression<unknown>, values: readonly FilterValue[]): Expression<SqlBool> {
  const plain = values.filter((value) => value !== null).map((value) => (typeof value === 'boolean' ? +value : value));
  const choices: RawBuilder<SqlBool>[] = [];
  if (plain.length > 0) choices.push(sql<SqlBool>`${column} in (${sql.join(plain)})`);
  if (plain.length < values.length) choices.push(sql<SqlBool>`${column} is null`);
  return choices.length === 0 ? sql<SqlBool>`1 = 0` : sql<SqlBool>`(${sql.join(choices, sql` or `)})`;
}

function snakeCase(field: string): string {
  return field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
