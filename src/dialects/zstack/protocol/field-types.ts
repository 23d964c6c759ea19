import type { TObject, TSchema } from 'typebox';
import { invalidArgument, MalformedRequest } from './zstack-error.ts';

type FieldSchema = TSchema & { type?: string; enum?: readonly unknown[]; minLength?: number; items?: FieldSchema };

/**
 * Reads the fields of a request the way the dialect's clients expect: numbers and booleans may come as text, null and
 * empty text count as not given, one value stands for a list of one. Members that the operation does not know are
 * left out. Throws `MalformedRequest` for text that is no number or boolean.
 */
export function readFields(schema: TObject, given: Record<string, unknown>): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [name, fieldSchema] of Object.entries(schema.properties)) {
    const value = Object.hasOwn(given, name) ? read(name, fieldSchema as FieldSchema, given[name]) : undefined;
    if (value !== undefined) fields[name] = value;
  }
  return fields;
}

function read(name: string, schema: FieldSchema, value: unknown): unknown {
  if (value === null || value === undefined) return undefined;
  if (value === '' && !isTextThatMayBeEmpty(name, schema)) return undefined;
  switch (schema.type) {
    case 'integer':
      return readInteger(name, value);
    case 'boolean':
      return readBoolean(name, value);
    case 'array':
      return readList(name, schema, value);
    case 'string':
      return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
    default:
      return value;
  }
}

/** Terraform sends optional texts it was not given as `""`. A description may be emptied; a name is refused later on. */
function isTextThatMayBeEmpty(name: string, schema: FieldSchema): boolean {
  return schema.type === 'string' && (name === 'description' || (schema.minLength ?? 0) > 0);
}

function readInteger(field: string, value: unknown): number {
  const number = typeof value === 'string' && /^[+-]?\d+$/.test(value.trim()) ? Number(value) : value;
  if (typeof number === 'number' && Number.isSafeInteger(number)) return number;
  throw new MalformedRequest(`[${field}] field is excepted an int or long, but was [${asText(value)}].`);
}

function readBoolean(field: string, value: unknown): boolean | undefined {
  // Published descriptions of `virtio` call it a list; its first element is meant then, and none is the default.
  if (Array.isArray(value)) return booleanOf(value[0]);
  const read = booleanOf(value);
  if (read !== undefined) return read;
  throw new MalformedRequest(
    `Invalid value for boolean field [${field}], [${asText(value)}] is not a valid boolean string[true, false].`,
  );
}

function booleanOf(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string') return undefined;
  const text = value.trim().toLowerCase();
  return text === 'true' ? true : text === 'false' ? false : undefined;
}

function readList(field: string, schema: FieldSchema, value: unknown): unknown[] {
  const elements = Array.isArray(value) ? value : [value];
  return elements.map((element) => {
    if (element === null) throw invalidArgument(`field[${field}] cannot contain a NULL element`);
    return schema.items ? read(field, schema.items, element) : element;
  });
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
