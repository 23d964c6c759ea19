import { Type as T, type TObject, type TSchema } from 'typebox';
import type { FieldType, InventoryDefinition } from '../../../cloud/query/inventory.ts';
import { ofClass } from './java-classes.ts';

const schemas = new Map<InventoryDefinition, TObject>();
const maxDepth = 3;

/** The JSON schema of an inventory, for documents and serialisation. Every member may be absent: nulls are left out. */
export function inventorySchema(definition: InventoryDefinition, depth = 0): TObject {
  const known = depth === 0 ? schemas.get(definition) : undefined;
  if (known) return known;
  const members: Record<string, TSchema> = {};
  for (const [name, field] of Object.entries(definition.fields)) {
    members[name] = T.Optional(fieldSchema(field.type, field.description));
  }
  for (const [name, field] of Object.entries(definition.live?.fields ?? {})) {
    members[name] = T.Optional(fieldSchema(field.type, field.description));
  }
  for (const [name, list] of Object.entries(definition.lists ?? {})) {
    if (depth >= maxDepth) continue;
    const child = list.of;
    const element = list.pluck ? fieldSchema(child.fields[list.pluck]!.type, '') : inventorySchema(child, depth + 1);
    members[name] = T.Optional(T.Array(element, { description: list.description }));
  }
  const schema = T.Object(members, { title: definition.name, ...ofClass(definition.className) });
  if (depth === 0) schemas.set(definition, schema);
  return schema;
}

function fieldSchema(type: FieldType, description: string): TSchema {
  if (type === 'json') return T.Unknown({ description });
  if (type === 'bool') return T.Boolean({ description });
  if (type === 'string' || type === 'time') return T.String({ description });
  return T.Integer({ description });
}
