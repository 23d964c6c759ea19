import type { Condition, Operator } from '../../../cloud/query/query.ts';
import { MalformedRequest } from '../protocol/zstack-error.ts';

const operators: readonly Operator[] = ['!?=', '!~=', '!=', '>=', '<=', '~=', '?=', '=', '>', '<'];

/** Longer operators first, so that `!=` is not read as `=`. */
const compare = /^\s*([A-Za-z_][\w.]*?)\s*(!\?=|!~=|!=|>=|<=|~=|\?=|=|>|<)([\s\S]*)$/;
const nullness = /^\s*([A-Za-z_][\w.]*)\s+(is null|not null)\s*$/i;

/**
 * Reads a condition. The operator is the first one after the field's name, whatever the value holds. Throws
 * `MalformedRequest` for text without one.
 */
export function parseCondition(text: string): Condition {
  const aboutNull = nullness.exec(text);
  if (aboutNull) {
    return { path: aboutNull[1]!.split('.'), operator: aboutNull[2]!.toLowerCase() as Operator, value: '' };
  }
  const comparison = compare.exec(text);
  if (comparison) {
    const [, name, operator, value] = comparison;
    return { path: name!.split('.'), operator: operator as Operator, value: value! };
  }
  throw new MalformedRequest(
    `Invalid query parameter. The '${text}' in the parameter[q] doesn't contain any query operator. ` +
      `Valid query operators are [${[...operators, 'is null', 'not null'].join(', ')}]`,
  );
}
