import type { ScheduleFiringsTable } from '../../database/schema.ts';
import { withDashes } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError } from '../errors.ts';
import { operator, type Subject } from '../identity/subject.ts';
import type { ScheduleWorker } from './firings.ts';
import type { ScheduledKind, ScheduleParameters } from './model.ts';

/** How many old snapshots go after one firing at the most. */
const maxRemoved = 20;

type Firing = ScheduleFiringsTable;

/** Does what jobs say, as the project that they belong to would by itself. */
export function scheduleWorker(cloud: Cloud): ScheduleWorker {
  return {
    async begin(firing) {
      const subject = ownerOf(firing);
      // Whoever held it before may have begun.
      const begun = await cloud.jobs.actionOfRequest(subject.requestId);
      return begun === undefined
        ? await works[firing.kind as ScheduledKind](cloud, subject, firing)
        : { actionId: begun };
    },
    outcome: (actionId) => cloud.runner.outcome(actionId),
    async succeeded(firing) {
      const { keep } = JSON.parse(firing.parameters) as ScheduleParameters;
      if (keep !== undefined) await removeOld(cloud, firing, keep);
    },
  };
}

/** By the request's id the action is found again that a firing has begun. */
function ownerOf({ id, project_id: projectId, user_id: userId }: Firing): Subject {
  const requestId = `req-${withDashes(id)}`;
  return {
    ...operator(requestId),
    userId,
    userName: '',
    projectId,
    projectName: '',
    roles: ['member'],
    isAdmin: false,
  };
}

const works: Record<ScheduledKind, (cloud: Cloud, subject: Subject, firing: Firing) => Promise<{ actionId?: string }>> =
  {
    'server.start': async (cloud, subject, { target_id: id }) =>
      (await isAlready(cloud, subject, id, 'active')) ? {} : await cloud.servers.start(subject, id),
    'server.stop': async (cloud, subject, { target_id: id }) =>
      (await isAlready(cloud, subject, id, 'stopped')) ? {} : await cloud.servers.stop(subject, id),
    'server.reboot': (cloud, subject, { target_id: id }) => cloud.servers.reboot(subject, id, 'soft'),
    // What is made has the id of its firing: so it is found again, and never made twice.
    'volume.snapshot': async (cloud, subject, { id, target_id: volumeId, due_at }) => {
      const wanted = { id, volumeId, name: nameOf('snapshot', due_at), force: true, rootDisks: true };
      return { actionId: (await cloud.blockStorage.createSnapshot(subject, wanted)).actionId };
    },
    'server.snapshot': async (cloud, subject, { id, target_id: volumeId, due_at }) => {
      const { kind, serverId } = await cloud.volumes.get(subject, volumeId);
      if (kind !== 'root' || serverId === null) {
        throw new CloudError('conflict', `No server boots from volume ${withDashes(volumeId)}.`, { reason: 'state' });
      }
      const wanted = { id, serverId, name: nameOf('snapshots', due_at) };
      return { actionId: (await cloud.servers.snapshotGroups.create(subject, wanted)).actionId };
    },
  };

/** Whether a server is as it is to be, so that there is nothing to do. */
async function isAlready(cloud: Cloud, subject: Subject, serverId: string, state: 'active' | 'stopped') {
  const { vmState, taskState } = await cloud.servers.get(subject, serverId);
  return vmState === state && taskState === null;
}

function nameOf(what: string, dueAt: number): string {
  return `${what} of ${new Date(dueAt / 1000).toISOString().slice(0, 19)}Z`;
}

/**
 * Of the snapshots that the job has made, the newest ones stay. What is deleted already counts no more, and one that can't
 * be deleted now keeps none of the others.
 */
async function removeOld(cloud: Cloud, firing: Firing, keep: number): Promise<void> {
  const subject = ownerOf(firing);
  const ofVolume = firing.kind === 'volume.snapshot';
  let query = cloud.db.read
    .selectFrom('schedule_firings')
    .select('schedule_firings.id')
    .where('job_id', '=', firing.job_id)
    .where('schedule_firings.state', '=', 'succeeded');
  query = ofVolume
    ? query.where('schedule_firings.id', 'in', (e) =>
        e
          .selectFrom('volume_snapshots')
          .select('id')
          .where('volume_id', '=', firing.target_id)
          .where('status', '=', 'available'),
      )
    : query.where('schedule_firings.id', 'in', (e) => e.selectFrom('snapshot_groups').select('id'));
  const made = await query
    .orderBy('due_at', 'desc')
    .limit(keep + maxRemoved)
    .execute();
  const failures: unknown[] = [];
  for (const { id } of made.slice(keep)) {
    const removal = ofVolume
      ? cloud.blockStorage.deleteSnapshot(subject, id)
      : cloud.servers.snapshotGroups.delete(subject, id);
    await removal.catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
}
