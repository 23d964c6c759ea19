import { type InventoryDefinition, inventoryOfEntity, ownMember } from '../../../cloud/query/inventory.ts';
import type { Condition, Filter, Operator, Query } from '../../../cloud/query/query.ts';
import { invalidArgument, ZStackError } from '../protocol/zstack-error.ts';
import type { Clause, Comparison, Statement } from './ast.ts';

const maxRows = 1000;
const maxConditions = 128;

/** Entities that the dialect calls otherwise inside. */
const aliases: Record<string, string> = {
  backupstorage: 'ImageStoreBackupStorage',
  kvmhost: 'Host',
  usertag: 'UserTag',
  localstorage: 'PrimaryStorage',
  normaliprange: 'IpRange',
};

/** A statement as the query engine takes it. */
export interface Translated {
  definition: InventoryDefinition;
  query: Query;
}

/** The inventory of an entity. Throws for one that there is not. */
function definitionOf(entity: string): InventoryDefinition {
  const found = inventoryOfEntity(ownMember(aliases, entity.toLowerCase()) ?? entity);
  if (!found) throw invalidArgument(`cannot find ZQL queryable inventory with name[${entity}]`);
  return found;
}

/** The inventories that a statement and its sub-queries name. */
export function inventoriesOf(statement: Statement): InventoryDefinition[] {
  return [definitionOf(statement.entity), ...(statement.where ? amongOf(statement.where) : [])];
}

function amongOf(clause: Clause): InventoryDefinition[] {
  if ('and' in clause) return clause.and.flatMap(amongOf);
  if ('or' in clause) return clause.or.flatMap(amongOf);
  return 'among' in clause ? inventoriesOf(clause.among) : [];
}

export function translate(statement: Statement): Translated {
  if (statement.filterBy !== undefined) {
    throw new ZStackError('SYS.1014', `filter by[${statement.filterBy}] is not offered by this cloud`);
  }
  const unknown = statement.returnWith.find((what) => what !== 'total');
  if (unknown) throw new ZStackError('SYS.1014', `return with[${unknown}] is not offered by this cloud`);
  const definition = definitionOf(statement.entity);
  const conditions: Condition[] = [];
  const filter = filterOf(statement, definition, conditions);
  if (conditions.length > maxConditions) {
    throw invalidArgument(`a query can have ${maxConditions} conditions at most, but ${conditions.length} found`);
  }
  const [sort, ...thenBy] = statement.orderBy;
  const query: Query = {
    conditions,
    filter,
    limit: Math.min(statement.limit ?? maxRows, maxRows),
    start: statement.offset ?? 0,
    count: statement.kind === 'count',
    replyWithCount: statement.returnWith.includes('total'),
  };
  if (sort) query.sort = sort;
  if (thenBy.length > 0) query.thenBy = thenBy;
  if (statement.groupBy.length > 0) query.groupBy = statement.groupBy;
  if (statement.kind === 'query' && statement.fields.length > 0) query.fields = statement.fields;
  if (!isCount(query.limit) || !isCount(query.start)) throw invalidArgument('limit and offset are whole numbers');
  return { definition, query };
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function filterOf(statement: Statement, definition: InventoryDefinition, conditions: Condition[]): Filter {
  const parts: Filter[] = [];
  if (statement.where) parts.push(clauseOf(statement.where, definition, conditions));
  for (const one of statement.restrict) parts.push(clauseOf(one, definition, conditions));
  return { and: parts };
}

function clauseOf(clause: Clause, of: InventoryDefinition, conditions: Condition[]): Filter {
  if ('and' in clause) return { and: clause.and.map((one) => clauseOf(one, of, conditions)) };
  if ('or' in clause) return { or: clause.or.map((one) => clauseOf(one, of, conditions)) };
  if ('among' in clause) {
    const { among, path, negated } = clause;
    if (among.kind !== 'query' || among.fields.length !== 1) {
      throw invalidArgument('a sub-query must be of the form: query entity.field where …');
    }
    const target = definitionOf(among.entity);
    return { path, negated, among: target, field: among.fields[0]!, filter: filterOf(among, target, conditions) };
  }
  conditions.push(conditionOf(clause, of));
  return { leaf: conditions.length - 1 };
}

const operators: Record<Comparison['operator'], Operator> = {
  '=': '=',
  '!=': '!=',
  '>': '>',
  '>=': '>=',
  '<': '<',
  '<=': '<=',
  like: '~=',
  'not like': '!~=',
  in: '?=',
  'not in': '!?=',
  'is null': 'is null',
  'is not null': 'not null',
};

function conditionOf({ path, operator, values }: Comparison, of: InventoryDefinition): Condition {
  const condition: Condition = { path, operator: operators[operator], value: values[0] ?? '', of };
  return operator === 'in' || operator === 'not in' ? { ...condition, list: values } : condition;
}
