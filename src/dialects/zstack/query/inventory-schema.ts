import { Type as T, type TObject, type TSchema } from 'typebox';
import { type FieldType, type InventoryDefinition, ownMember } from '../../../cloud/query/inventory.ts';

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
  const schema = T.Object(members, { title: definition.name });
  if (depth === 0) schemas.set(definition, schema);
  return schema;
}

function fieldSchema(type: FieldType, description: string): TSchema {
  if (type === 'json') return T.Unknown({ description });
  if (type === 'bool') return T.Boolean({ description });
  if (type === 'string' || type === 'time') return T.String({ description });
  return T.Integer({ description });
}

/**
 * The `schema` member of an answer: which Java class stands where, by the path in the answer. SDKs that build typed
 * objects read it; nothing else does.
 */
export function javaClasses(
  definition: InventoryDefinition,
  inventories: readonly Record<string, unknown>[],
  pathOf: (index: number) => string,
): Record<string, string> {
  const classes: Record<string, string> = {};
  for (const [index, inventory] of inventories.entries()) collect(definition, inventory, pathOf(index), classes);
  return classes;
}

function collect(
  definition: InventoryDefinition,
  inventory: Record<string, unknown>,
  path: string,
  classes: Record<string, string>,
): void {
  classes[path] = definition.className;
  for (const [name, value] of Object.entries(inventory)) {
    const list = ownMember(definition.lists, name);
    if (!list || list.pluck || !Array.isArray(value)) continue;
    for (const [index, element] of value.entries()) {
      collect(list.of, element as Record<string, unknown>, `${path}.${name}[${index}]`, classes);
    }
  }
}
