import type { CloudCore } from '../core.ts';
import { notFound } from '../errors.ts';

/** What administrators call a host and its storage. Absent: as it is. Null: nothing of their own. */
export interface HostNotes {
  name?: string | null;
  description?: string | null;
  storageName?: string | null;
  storageDescription?: string | null;
}

/**
 * Changes what a host and its storage are called. The name by which the cloud finds the host again stays: that is what the
 * host calls itself.
 */
export async function noteHost(
  { db, env }: Pick<CloudCore, 'db' | 'env'>,
  id: string,
  notes: HostNotes,
): Promise<void> {
  const { name, description, storageName: storage_name, storageDescription: storage_description } = notes;
  const given = Object.entries({ name, description, storage_name, storage_description });
  const changes = Object.fromEntries(given.filter(([, value]) => value !== undefined));
  await db.write(async (tx) => {
    const now = env.now();
    const known = await tx.updateTable('hosts').set({ updated_at: now }).where('id', '=', id).executeTakeFirst();
    if (known.numUpdatedRows === 0n) throw notFound('host', id);
    const nothing = { name: null, description: null, storage_name: null, storage_description: null };
    const insert = tx.insertInto('host_notes').values({ host_id: id, ...nothing, ...changes });
    await insert
      .onConflict((conflict) =>
        given.some(([, value]) => value !== undefined)
          ? conflict.column('host_id').doUpdateSet(changes)
          : conflict.doNothing(),
      )
      .execute();
  });
}
