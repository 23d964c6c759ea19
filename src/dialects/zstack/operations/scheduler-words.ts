import { Type as T } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import type { ScheduledKind, ScheduleParameters } from '../../../cloud/schedules/model.ts';
import { jobTypes } from '../inventories/scheduler.ts';
import { invalidArgument, operationFailed, resourceNotFound, ZStackError } from '../protocol/zstack-error.ts';
import { vmExample } from './vm-examples.ts';

/** What all operations on schedules have in common. */
export const schedulerShared = { group: 'Scheduler', package: 'scheduler', since: '2.0', allow: 'member' } as const;

const createDate = 'Nov 21, 2026 2:00:00 PM';
const triggerUuid = '7a1d5c0e4b8f4c26a3e9d2f1b0c84756';

export const jobExample = {
  uuid: '1b6e3f9d2c5a4870b4d1e8f7a6c59302',
  targetResourceUuid: vmExample.uuid,
  name: 'stop at night',
  state: 'Enabled',
  createDate,
  lastOpDate: createDate,
  jobType: 'stopVm',
  jobData: '{}',
  jobClassName: 'org.zstack.scheduler.vm.StopVmInstanceJob',
  triggersUuid: [triggerUuid],
};

export const triggerExample = {
  uuid: triggerUuid,
  name: 'every evening',
  schedulerType: 'cron',
  repeatCount: 0,
  cron: '0 0 20 ? * MON-FRI',
  createDate,
  lastOpDate: createDate,
  jobsUuid: [jobExample.uuid],
};

/** What ZStack has beside: there is no such thing here that could be done. */
const otherTypes = [
  'volumeBackup',
  'rootVolumeBackup',
  'vmBackup',
  'databaseBackup',
  'localRaidSelfTest',
  'runAutoScalingGroup',
  'cancelIAM2ProjectLoginExpired',
  'takeIAM2ProjectLoginExpired',
] as const;
type JobType = keyof typeof jobTypes;
type AnyType = JobType | (typeof otherTypes)[number];

/** All types that ZStack knows. */
export const allJobTypes: readonly string[] = [...Object.keys(jobTypes), ...otherTypes];

export const jobTypeField = T.Unsafe<AnyType>({
  type: 'string',
  enum: [...allJobTypes],
  description: `What it does: ${Object.keys(jobTypes).join(', ')}. Others are not offered.`,
});

export function kindOf(type: AnyType): ScheduledKind {
  if (type in jobTypes) return jobTypes[type as JobType];
  throw new ZStackError('SYS.1014', `the type[${type}] is not offered by this cloud`);
}

/** Clients send what a field is as text, or as what it is. */
export const parametersField = T.Optional(
  T.Record(T.String(), T.Unknown(), {
    description:
      'More of what is to be done: snapshotMaxNumber, or snapshotGroupMaxNumber, says how many snapshots of the job are kept.',
  }),
);

export function parametersOf(given: Record<string, unknown> | undefined): ScheduleParameters {
  const kept = given?.['snapshotMaxNumber'] ?? given?.['snapshotGroupMaxNumber'];
  if (kept === undefined || kept === null || kept === '') return {};
  const keep = Number(kept);
  if (!Number.isInteger(keep) || keep < 1 || keep > 1000) {
    throw invalidArgument(`the number of snapshots to keep must be 1 to 1000, but is [${String(kept).slice(0, 40)}]`);
  }
  return { keep };
}

/** The fields that name what is asked for. */
interface Fields {
  job: string;
  trigger: string;
  group: string;
}

const byName: Fields = {
  job: 'schedulerJobUuid',
  trigger: 'schedulerTriggerUuid',
  group: 'schedulerJobGroupUuid',
};

/** Where the operation names one thing only. */
export const byUuid: Fields = { job: 'uuid', trigger: 'uuid', group: 'uuid' };

/** What ZStack finds wrong with the request itself. */
const argumentReasons = ['linked', 'many_triggers', 'kind', 'project'];

/** What the engine refuses about schedules, in the dialect's words. */
export async function onSchedules<Result>(
  named: { job?: string; trigger?: string; group?: string; target?: { uuid: string; type: string } },
  work: () => Promise<Result>,
  fields: Fields = byName,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    const { resource, reason, id } = error.details;
    if (resource === 'schedule_job') throw resourceNotFound(fields.job, named.job ?? String(id), 'SchedulerJobVO');
    if (resource === 'schedule_group') {
      throw resourceNotFound(fields.group, named.group ?? '', 'SchedulerJobGroupVO');
    }
    if (resource === 'schedule_trigger') {
      throw resourceNotFound(fields.trigger, named.trigger ?? '', 'SchedulerTriggerVO');
    }
    if (error.code === 'not_found' && named.target) {
      throw resourceNotFound('targetResourceUuid', named.target.uuid, named.target.type);
    }
    if (reason === 'no_interval') throw invalidArgument('schedulerInterval must be set for simple scheduler');
    if (reason === 'over')
      throw error.code === 'invalid' ? invalidArgument('stopTime has been passed') : invalidArgument(error.message);
    if (argumentReasons.includes(String(reason))) throw invalidArgument(error.message);
    if (error.code === 'conflict') throw operationFailed(error.message);
    throw error;
  }
}
