import type { Queryable } from '../../database/database.ts';

/** What roles bring with them: prior role → the roles that it implies directly, all by id. */
export type Implications = ReadonlyMap<string, ReadonlySet<string>>;

export async function readImplications(db: Queryable): Promise<Implications> {
  const rows = await db.selectFrom('implied_roles').selectAll().execute();
  const found = new Map<string, Set<string>>();
  for (const { prior_id, implied_id } of rows) {
    const set = found.get(prior_id);
    if (set) set.add(implied_id);
    else found.set(prior_id, new Set([implied_id]));
  }
  return found;
}

/** The roles with all that they imply, directly or by others. */
export function withImplied(roleIds: Iterable<string>, implications: Implications): Set<string> {
  const all = new Set<string>();
  const open = [...roleIds];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (all.has(id)) continue;
    all.add(id);
    open.push(...(implications.get(id) ?? []));
  }
  return all;
}
