import type { Tx } from '../../database/database.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';

/** A network that is shared with everybody has an RBAC policy which says so, however it was made: both are one fact. */

export async function shareWithAll(
  core: Pick<CloudCore, 'env'>,
  tx: Tx,
  network: { id: string; project_id: string },
): Promise<void> {
  const known = await tx
    .selectFrom('rbac_policies')
    .select('id')
    .where('object_id', '=', network.id)
    .where('action', '=', 'access_as_shared')
    .where('target_project', '=', '*')
    .executeTakeFirst();
  if (known) return;
  const now = core.env.now();
  await tx
    .insertInto('rbac_policies')
    .values({
      id: newId(core.env),
      project_id: network.project_id,
      object_type: 'network',
      object_id: network.id,
      action: 'access_as_shared',
      target_project: '*',
      created_at: now,
      updated_at: now,
      revision: 0,
    })
    .execute();
}

export async function unshareWithAll(tx: Tx, networkId: string): Promise<void> {
  await tx
    .deleteFrom('rbac_policies')
    .where('object_id', '=', networkId)
    .where('action', '=', 'access_as_shared')
    .where('target_project', '=', '*')
    .execute();
}
