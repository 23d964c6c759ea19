import { withDashes } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import type { ServerFault } from './model.ts';
import { lockServer, updateServer } from './transition.ts';

/**
 * Says of a server that it is active, or in error, whatever it was: for administrators, who have looked. What its guest
 * really does is found out afterwards. One that is rescued is so no more: its guest goes on from the rescue disk until it is
 * started again, as by a hard reboot, and that disk goes. Throws `conflict` while something is under way, which ends by
 * itself, and for servers that have more to go back to than a state.
 */
export async function resetState(
  cloud: Cloud,
  subject: Subject,
  serverId: string,
  state: 'active' | 'error',
): Promise<void> {
  await cloud.db.write(async (tx) => {
    const server = await lockServer(tx, subject, serverId);
    const id = withDashes(serverId);
    if (server.taskState !== null) {
      throw new CloudError(
        'conflict',
        `Instance ${id} is in task_state ${server.taskState}, which will end by itself.`,
        {
          reason: 'state',
        },
      );
    }
    const way = wayOut(server);
    if (way) throw new CloudError('conflict', `Instance ${id} is ${server.vmState}: ${way} it.`, { reason: 'state' });
    if (server.hostId === null && state === 'active') {
      throw new CloudError('conflict', `Instance ${id} is on no host and can't be active.`, { reason: 'state' });
    }
    const now = cloud.env.now();
    const fault: ServerFault = { code: 500, message: 'An administrator set this state.', details: '', createdAt: now };
    if (server.rescueDiskId) await cloud.volumes.releaseDisk(tx, server.rescueDiskId);
    await updateServer(cloud, tx, serverId, {
      vm_state: state,
      ...(server.rescueDiskId ? { previous: null } : {}),
      fault: state === 'error' ? JSON.stringify(fault) : null,
    });
  });
}

function wayOut(server: { vmState: string; previous: object | null }): string | undefined {
  if (server.previous) return 'confirm or revert the resize of';
  return server.vmState.startsWith('shelved') ? 'unshelve' : undefined;
}
