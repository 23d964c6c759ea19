import type { Condition, Query } from '../../../cloud/query/query.ts';
import { invalidArgument, MalformedRequest, ZStackError } from '../protocol/zstack-error.ts';
import { parseCondition } from './conditions.ts';

/** No answer has more rows than this; also what is given when the client names no limit. A list in a condition is as long. */
export const maxRows = 1000;
const maxConditions = 64;

/** Reads the parameters of a query string. Unknown ones are passed over. */
export function parseQuery(parameters: Record<string, unknown>): Query {
  const query: Query = {
    conditions: conditionsOf(parameters['q']),
    limit: Math.min(integer(parameters, 'limit') ?? maxRows, maxRows),
    start: integer(parameters, 'start') ?? 0,
    count: flag(parameters, 'count'),
    replyWithCount: flag(parameters, 'replyWithCount'),
  };
  const sort = first(parameters, 'sort');
  if (sort) query.sort = { field: sort.replace(/^[+-]/, ''), descending: sort.startsWith('-') };
  const groupBy = first(parameters, 'groupBy');
  if (groupBy) query.groupBy = groupBy.split(',').map((name) => name.trim());
  const fields = first(parameters, 'fields');
  if (fields !== undefined) query.fields = fieldsOf(fields);
  if (first(parameters, 'filterName')) {
    throw new ZStackError('SYS.1014', 'the query parameter[filterName] is not offered by this cloud');
  }
  return query;
}

function conditionsOf(q: unknown): Condition[] {
  const texts = q === undefined ? [] : [q].flat().map(String);
  if (texts.length > maxConditions) {
    throw invalidArgument(`a query can have ${maxConditions} conditions at most, but ${texts.length} found`);
  }
  return texts.filter((text) => text !== '').map(parseCondition);
}

function fieldsOf(text: string): string[] {
  const fields = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (fields.length === 0) throw new MalformedRequest("Invalid query parameter. 'fields' contains zero field");
  return fields;
}

function first(parameters: Record<string, unknown>, name: string): string | undefined {
  const value = [parameters[name]].flat()[0];
  return value === undefined || value === null ? undefined : String(value).trim();
}

function flag(parameters: Record<string, unknown>, name: string): boolean {
  return first(parameters, name)?.toLowerCase() === 'true';
}

function integer(parameters: Record<string, unknown>, name: string): number | undefined {
  const text = first(parameters, name);
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new MalformedRequest(`Invalid query parameter. '${name}' must be an integer`);
}
