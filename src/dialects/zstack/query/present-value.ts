import { formatTimestamp } from '../protocol/timestamp.ts';
import type { FieldType } from './inventory.ts';

/** A value of the database as it leaves: undefined for null, because members that are null are left out. */
export function presentValue(type: FieldType, value: unknown): unknown {
  if (value === null || value === undefined) return undefined;
  switch (type) {
    case 'bool':
      return Boolean(value);
    case 'time':
      return formatTimestamp(Number(value));
    case 'int':
    case 'long':
      return Number(value);
    case 'string':
      return String(value);
  }
}
