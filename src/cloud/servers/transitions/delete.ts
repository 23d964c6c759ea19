import { Type } from 'typebox';
import type { Tx } from '../../../database/database.ts';
import { action, span, step, when } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import type { Subject } from '../../identity/subject.ts';
import { forgetSettings } from '../../resource-settings/forget-settings.ts';
import { leaveTemplate } from '../clone-templates.ts';
import { keepConsolePassword } from '../console-passwords.ts';
import { forgetGuestPassword } from '../guest-passwords.ts';
import { power, type Server } from '../model.ts';
import { forgetSnapshotGroupsOf } from '../snapshot-groups/make.ts';
import { transitions } from '../states.ts';
import { checkTransition, lockServer, updateServer } from '../transition.ts';
import type { BuildInput } from './create.ts';

interface Input {
  serverId: string;
}
interface State {
  hostId: string | null;
  /** Every host that may have its guest: also the one that it came from, or was to move to. */
  hostIds: string[];
  disks: Array<{ id: string; hostId: string }>;
}

const retry = { attempts: 4, backoffMs: 500 };

/** What there is to remove is known only now: an unfinished action may have been unwound in between. */
const lookUp = step<Input, State>('lookUp', {
  async do({ services, input }) {
    const server = await services.servers.byId(input.serverId);
    const held = await services.hosts.allocations({ serverId: input.serverId });
    const hostIds = new Set([...(server.hostId ? [server.hostId] : []), ...held.map(({ hostId }) => hostId)]);
    const disks = await services.volumes.disksToDelete(input.serverId);
    return { state: { hostId: server.hostId, hostIds: [...hostIds], disks } };
  },
});

const removeGuest = step<Input, State>('removeGuest', {
  retry,
  async do({ services, input, state }) {
    for (const hostId of state.hostIds!) await services.hosts.agent(hostId).removeGuest(input.serverId);
  },
});

const removeDisks = step<Input, State>('removeDisks', {
  retry,
  async do({ services, state }) {
    for (const { id, hostId } of state.disks!) await services.hosts.agent(hostId).removeDisk(id);
    return {
      commit: async (tx) => {
        for (const { id } of state.disks!) await services.volumes.forgetDisk(tx, id);
      },
    };
  },
});

/** Deletion only goes forward. What a host does not let go of is tried again later; for the user it has ended. */
export const deleteServer = action(
  'server.delete',
  Type.Object({ serverId: Type.String() }),
  [
    lookUp,
    when(
      ({ state }: { state: Partial<State> }) => state.hostId !== null,
      [span('compute_terminate_instance', [removeGuest, removeDisks])],
    ),
  ],
  {
    onFailure: 'park',
    succeeded: async (tx, { services, input, now }) => markDeleted(services, tx, input.serverId, now),
    failed: async (tx, { services, input, now }) => markDeleted(services, tx, input.serverId, now),
  },
);

async function markDeleted(cloud: Cloud, tx: Tx, serverId: string, now: number): Promise<void> {
  const row = await tx.selectFrom('servers').select('deleted_at').where('id', '=', serverId).executeTakeFirst();
  if (!row || row.deleted_at !== null) return;
  await forgetGuestPassword(tx, serverId);
  await keepConsolePassword(cloud, tx, serverId, undefined);
  await forgetSnapshotGroupsOf(tx, serverId);
  await forgetSettings(tx, serverId);
  await forgetUnbuilt(cloud, tx, serverId);
  await cloud.servers.cdroms.forget(tx, serverId);
  await cloud.volumes.detachAll(tx, serverId);
  await cloud.networks.unplugServer(tx, serverId);
  await cloud.hosts.release(tx, serverId);
  await updateServer(cloud, tx, serverId, {
    vm_state: 'deleted',
    task_state: null,
    power_state: power.none,
    deleted_at: now,
    terminated_at: now,
    reclaim_at: null,
  });
}

/** Of a server that goes before it was built; a clone leaves the image that it was to be made of. */
async function forgetUnbuilt(cloud: Cloud, tx: Tx, serverId: string): Promise<void> {
  const gone = tx.deleteFrom('unbuilt_servers').where('server_id', '=', serverId).returning('input');
  const unbuilt = await gone.executeTakeFirst();
  if (!unbuilt) return;
  const { templateId } = JSON.parse(unbuilt.input) as Pick<BuildInput, 'templateId'>;
  if (templateId) await leaveTemplate(cloud, tx, templateId);
}

/**
 * Deletes a server for good, in whatever state it is. What is under way on it is cancelled first; a second request
 * changes nothing.
 * @param options.onlyIf nothing happens to a server of which this is not so
 */
export async function requestDelete(
  cloud: Cloud,
  subject: Subject,
  serverId: string,
  options: { onlyIf?: (server: Server) => boolean } = {},
): Promise<{ actionId?: string }> {
  return await cloud.db.write(async (tx) => {
    const server = await lockServer(tx, subject, serverId);
    if (options.onlyIf && !options.onlyIf(server)) return {};
    checkTransition(subject, server, transitions.delete);
    if (server.taskState === 'deleting') return {};
    await cloud.servers.consoles.revoke(tx, serverId);
    await updateServer(cloud, tx, serverId, { task_state: 'deleting' });
    await cloud.runner.cancel(tx, serverId);
    const actionId = await cloud.runner.submit(tx, deleteServer, {
      input: { serverId },
      name: 'delete',
      resourceType: 'server',
      resourceId: serverId,
      projectId: server.projectId,
      userId: subject.userId,
      requestId: subject.requestId,
    });
    return { actionId };
  });
}
