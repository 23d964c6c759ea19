import type { Cloud } from '../cloud.ts';
import { operator } from '../identity/subject.ts';

/** How many confirmations one activation begins at the most. */
const maxConfirmedPerActivation = 50;

export interface ResizeConfirmationStatus {
  due: number;
  confirmed: number;
  failed: number;
}

/**
 * Confirms resizes that nobody confirmed or reverted within `resizeConfirmWindow`, as Nova's setting of that name does.
 * Where that is 0, the default, they wait for ever.
 */
export async function confirmDueResizes(cloud: Cloud): Promise<ResizeConfirmationStatus> {
  const { resizeConfirmWindow } = cloud.settings;
  const status: ResizeConfirmationStatus = { due: 0, confirmed: 0, failed: 0 };
  if (resizeConfirmWindow === 0) return status;
  const since = cloud.env.now() - resizeConfirmWindow * 1_000_000;
  const due = await cloud.db.read
    .selectFrom('servers')
    .select('id')
    .where('vm_state', '=', 'resized')
    .where('task_state', 'is', null)
    .where('deleted_at', 'is', null)
    // A server is launched anew when its resize is done.
    .where('launched_at', '<=', since)
    .orderBy('number')
    .limit(maxConfirmedPerActivation)
    .execute();
  status.due = due.length;
  for (const { id } of due) {
    try {
      await cloud.servers.confirmResize(operator(), id);
      status.confirmed += 1;
    } catch (error) {
      status.failed += 1;
      cloud.log.warn({ err: error, serverId: id }, 'a resize could not be confirmed yet');
    }
  }
  return status;
}
