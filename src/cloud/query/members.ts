import type { Expression } from 'kysely';
import { type FieldType, type InventoryDefinition, ownMember, type Row } from './inventory.ts';
import { noSuchField } from './query.ts';

/** Which members of an inventory are to be read. */
export interface Members {
  /** Fields that are read: those that were asked for, and those that lists hang on. */
  columns: string[];
  lists: string[];
  live: string[];
  /** What was asked for; undefined for everything. */
  asked?: ReadonlySet<string>;
}

/** What was asked for, or everything. Throws for members that there are not. */
export function membersOf(definition: InventoryDefinition, asked: readonly string[] | undefined): Members {
  const lists = definition.lists ?? {};
  const live = definition.live?.fields ?? {};
  if (!asked) {
    return { columns: Object.keys(definition.fields), lists: Object.keys(lists), live: Object.keys(live) };
  }
  const columns = new Set<string>();
  const wanted = new Set<string>();
  for (const name of asked) {
    if (ownMember(live, name)) {
      columns.add('uuid');
      continue;
    }
    const list = ownMember(lists, name);
    if (!list && !ownMember(definition.fields, name)) throw noSuchField(definition, name);
    if (list) wanted.add(name);
    columns.add(list ? list.local : name);
  }
  return {
    columns: [...columns],
    lists: [...wanted],
    live: asked.filter((name) => ownMember(live, name)),
    asked: new Set(asked),
  };
}

export function fieldOf(
  definition: InventoryDefinition,
  name: string,
): { type: FieldType; sql(row: Row): Expression<unknown> } {
  const field = ownMember(definition.fields, name);
  if (!field) throw noSuchField(definition, name);
  return field;
}
