import { CloudError } from '../errors.ts';
import type { InventoryDefinition } from './inventory.ts';

export type Operator = '=' | '!=' | '>' | '>=' | '<' | '<=' | '~=' | '!~=' | '?=' | '!?=' | 'is null' | 'not null';

/** One condition of a query, as `vmNics.ip` `~=` `10.0.%`. */
export interface Condition {
  /** The names on the way to the field, and the field's. */
  path: string[];
  operator: Operator;
  /** Text, whatever the field's type: `~=` takes a pattern with `%` and `_`, `?=` a list with commas. */
  value: string;
  /** The values of `?=` and `!?=`, where they are not to be read from the text: they may hold commas then. */
  list?: readonly string[];
  /** The inventory that the path begins at, where it is not the query's own. */
  of?: InventoryDefinition;
}

/** How conditions are joined: each is named by its place in the query's list. */
export type Filter =
  | { leaf: number }
  | { and: readonly Filter[] }
  | { or: readonly Filter[] }
  /** The field's value is, or is not, among those of a field of another inventory. */
  | { path: readonly string[]; negated: boolean; among: InventoryDefinition; field: string; filter?: Filter };

export interface Sort {
  field: string;
  descending: boolean;
}

/** What is asked of the inventories of one kind. */
export interface Query {
  /** All of them have to hold, where no filter says otherwise. */
  conditions: Condition[];
  filter?: Filter;
  limit: number;
  start: number;
  /** Only how many there are. */
  count: boolean;
  /** The rows, and how many there are. */
  replyWithCount: boolean;
  sort?: Sort;
  /** What decides where `sort` does not. */
  thenBy?: readonly Sort[];
  /** One row for each value of the field, or for each of the values that several have together. */
  groupBy?: readonly string[];
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
