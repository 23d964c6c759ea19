import { sql } from 'kysely';
import type { Queryable, Tx } from '../../database/database.ts';
import { oneOf } from '../../database/expressions.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';

/** As Neutron has it. */
const maxTags = 50;

/**
 * Words that users put on networks and all that hangs on them. Whether somebody may is said by the service of the
 * resource itself, which is asked before.
 */
export class NetworkTags {
  readonly #core: CloudCore;

  constructor(core: CloudCore) {
    this.#core = core;
  }

  /** Tags by resource, in alphabetical order. */
  async of(ids: readonly string[], db: Queryable = this.#core.db.read): Promise<Map<string, string[]>> {
    if (ids.length === 0) return new Map();
    const rows = await db
      .selectFrom('network_resource_tags')
      .selectAll()
      .where(oneOf(this.#core.db, sql.ref('resource_id'), ids))
      .orderBy('tag')
      .execute();
    const byResource = Map.groupBy(rows, (row) => row.resource_id);
    return new Map([...byResource].map(([id, some]) => [id, some.map(({ tag }) => tag)]));
  }

  /** Replaces all of them. */
  replace(id: string, tags: readonly string[]): Promise<string[]> {
    return this.#change(id, async (tx) => {
      await tx.deleteFrom('network_resource_tags').where('resource_id', '=', id).execute();
      await this.#insert(tx, id, tags);
    });
  }

  add(id: string, tags: readonly string[]): Promise<string[]> {
    return this.#change(id, (tx) => this.#insert(tx, id, tags));
  }

  /** Throws `not_found` (`tag_not_found`) for one that it does not have. */
  async remove(id: string, tag: string): Promise<void> {
    await this.#change(id, async (tx) => {
      const removed = await tx
        .deleteFrom('network_resource_tags')
        .where('resource_id', '=', id)
        .where('tag', '=', tag)
        .returning('tag')
        .execute();
      if (removed.length === 0) throw tagNotFound(tag);
    });
  }

  async #change(id: string, change: (tx: Tx) => Promise<void>): Promise<string[]> {
    return this.#core.db.write(async (tx) => {
      await change(tx);
      return (await this.of([id], tx)).get(id) ?? [];
    });
  }

  async #insert(tx: Tx, id: string, tags: readonly string[]): Promise<void> {
    const own = (await this.of([id], tx)).get(id) ?? [];
    const all = new Set([...own, ...tags]);
    if (all.size > maxTags) {
      throw new CloudError('invalid', `A resource has at most ${maxTags} tags.`, { reason: 'invalid_input' });
    }
    for (const tag of new Set(tags)) {
      await tx
        .insertInto('network_resource_tags')
        .values({ resource_id: id, tag })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    }
  }
}

export function tagNotFound(tag: string): CloudError {
  return new CloudError('not_found', `Tag ${tag} could not be found.`, { resource: 'tag', reason: 'tag_not_found' });
}

/** What is gone has no tags. */
export async function forgetTags(tx: Tx, ids: readonly string[]): Promise<void> {
  await tx.deleteFrom('network_resource_tags').where('resource_id', 'in', ids).execute();
}
