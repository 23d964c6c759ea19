import type { SelectQueryBuilder } from 'kysely';
import type { Tx } from '../../database/database.ts';
import type { Schema } from '../../database/schema.ts';

/** Removes what resources that are gone had for themselves. */
export async function forgetSettings(
  tx: Tx,
  ids: string | SelectQueryBuilder<Schema, keyof Schema, { id: string }>,
): Promise<void> {
  const query = tx.deleteFrom('resource_settings');
  await (typeof ids === 'string'
    ? query.where('resource_id', '=', ids)
    : query.where('resource_id', 'in', ids)
  ).execute();
}
