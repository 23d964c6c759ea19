import { type RawBuilder, sql } from 'kysely';
import type { Queryable } from '../../database/database.ts';
import { notFound } from '../errors.ts';
import { ownsOrAdmin, type Subject } from '../identity/subject.ts';
import { isTaggable, type Taggable, type TaggableType, taggableTypes } from './model.ts';

export const maxTagsPerResource = 500;

/** Rows of some types stay when the resource is gone, as history. Goes on a `where` about its table as `r`. */
export function stillThere(type: string) {
  if (type === 'server' || type === 'volume') return sql`and r.deleted_at is null`;
  if (type === 'image') return sql`and r.status <> 'expunged'`;
  return sql``;
}

/** Whose a resource is, of a table that is called `r`. */
export function ownerOf({ ownedBy, through }: Taggable): RawBuilder<string | null> {
  if (!ownedBy) return sql`null`;
  if (!through) return sql.ref(`r.${ownedBy}`);
  const { table, by } = through;
  return sql`(select t.${sql.ref(ownedBy)} from ${sql.table(table)} as t where t.id = ${sql.ref(`r.${by}`)})`;
}

/** Whether the subject may tag what belongs to this project; what belongs to none is for administrators. */
export function isMine(subject: Subject, owner: string | null): boolean {
  return owner === null ? subject.isAdmin : ownsOrAdmin(subject, owner);
}

/** Of which type each of the resources is. Throws `not_found` for the first one that the subject may not know of. */
export async function typesOf(
  db: Queryable,
  subject: Subject,
  ids: readonly string[],
): Promise<Map<string, TaggableType>> {
  const each = Object.entries(taggableTypes).map(([type, kind]) => {
    return sql`select ${sql.lit(type)} as type, r.id as id, ${ownerOf(kind)} as owner from ${sql.table(kind.table)} as r
      where r.id in (${sql.join(ids)}) ${stillThere(type)}`;
  });
  const { rows } = await sql<{
    type: string;
    id: string;
    owner: string | null;
  }>`${sql.join(each, sql` union all `)}`.execute(db);
  const types = new Map<string, TaggableType>();
  for (const { type, id, owner } of rows) if (isTaggable(type) && isMine(subject, owner)) types.set(id, type);
  const unknown = ids.find((id) => !types.has(id));
  if (unknown !== undefined) throw notFound('resource', unknown);
  return types;
}
