import type { Tx } from '../../database/database.ts';
import type { Cloud } from '../cloud.ts';

/** The kind of the action that builds a server. */
export const buildKind = 'server.create';

/**
 * Whoever is the last one that needs a template, an image that clones alone are made of, removes it: the clone that was
 * built last, or that went before it was built.
 * @param actionId what has built the server, and is about to end
 */
export async function leaveTemplate(cloud: Cloud, tx: Tx, templateId: string, actionId?: string): Promise<void> {
  // On PostgreSQL the lock lets each see whether the one before it has ended.
  if (cloud.db.kind === 'postgres')
    await tx.selectFrom('images').select('id').where('id', '=', templateId).forUpdate().execute();
  let building = tx
    .selectFrom('actions')
    .select('input')
    .where('kind', '=', buildKind)
    .where('finished_at', 'is', null);
  if (actionId !== undefined) building = building.where('id', '!=', actionId);
  const unbuilt = tx.selectFrom('unbuilt_servers').select('input').where('input', 'like', `%${templateId}%`);
  // In this order: one that begins to be built in between has gone from the first, and is found by the second.
  const others = [...(await unbuilt.execute()), ...(await building.execute())];
  if (others.some(({ input }) => input.includes(templateId))) return;
  await cloud.images.templates.retire(tx, templateId);
}
