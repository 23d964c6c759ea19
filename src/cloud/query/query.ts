import { CloudError } from '../errors.ts';

export type Operator = '=' | '!=' | '>' | '>=' | '<' | '<=' | '~=' | '!~=' | '?=' | '!?=' | 'is null' | 'not null';

/** One condition of a query, as `vmNics.ip` `~=` `10.0.%`. */
export interface Condition {
  /** The names on the way to the field, and the field's. */
  path: string[];
  operator: Operator;
  /** Text, whatever the field's type: `~=` takes a pattern with `%` and `_`, `?=` a list with commas. */
  value: string;
}

/** What is asked of the inventories of one kind. */
export interface Query {
  /** All of them have to hold. */
  conditions: Condition[];
  limit: number;
  start: number;
  /** Only how many there are. */
  count: boolean;
  /** The rows, and how many there are. */
  replyWithCount: boolean;
  sort?: { field: string; descending: boolean };
  /** One row for each value of the field. */
  groupBy?: string;
  /** Only these members. */
  fields?: string[];
}

/** How whoever asks writes times. */
export interface TimeText {
  /** Microseconds since the epoch; undefined for text that is no time. */
  parse(text: string): number | undefined;
  format(micros: number): string;
}

/** The inventory has no such field, or nothing of that name leads on from it. */
export function noSuchField(inventory: { name: string }, field: string): CloudError {
  const words = `inventory[${inventory.name}] has no field[${field}]`;
  return new CloudError('invalid', words, { reason: 'no_such_field', field });
}

/** The value can't be one of the field. */
export function badValue(field: string, words: string): CloudError {
  return new CloudError('invalid', words, { reason: 'bad_value', field });
}
