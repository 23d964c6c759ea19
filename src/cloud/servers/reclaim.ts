import type { Cloud } from '../cloud.ts';
import { operator } from '../identity/subject.ts';
import { requestDelete } from './transitions/delete.ts';

/** How many deletions one activation begins at the most. */
const maxReclaimedPerActivation = 50;

export interface ReclaimStatus {
  due: number;
  reclaimed: number;
  failed: number;
}

/** Deletes soft-deleted servers for good whose time to be restored is over. */
export async function reclaimServers(cloud: Cloud): Promise<ReclaimStatus> {
  const due = await cloud.db.read
    .selectFrom('servers')
    .select('id')
    .where('reclaim_at', '<=', cloud.env.now())
    .where('deleted_at', 'is', null)
    .where('task_state', 'is', null)
    .orderBy('reclaim_at')
    .limit(maxReclaimedPerActivation)
    .execute();
  const status: ReclaimStatus = { due: due.length, reclaimed: 0, failed: 0 };
  for (const { id } of due) {
    try {
      const { actionId } = await requestDelete(cloud, operator(), id, {
        // Its user may be restoring it in this very moment.
        onlyIf: ({ vmState, taskState }) => vmState === 'soft-delete' && taskState === null,
      });
      if (actionId) status.reclaimed += 1;
    } catch (error) {
      status.failed += 1;
      cloud.log.warn({ err: error, serverId: id }, 'a soft-deleted server could not be deleted for good yet');
    }
  }
  return status;
}
