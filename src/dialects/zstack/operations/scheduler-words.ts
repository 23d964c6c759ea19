import { CloudError } from '../../../cloud/errors.ts';
import { invalidArgument, operationFailed, resourceNotFound } from '../protocol/zstack-error.ts';
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

/** What the engine refuses about schedules, in the dialect's words. */
export async function onSchedules<Result>(
  named: { job?: string; trigger?: string; target?: { uuid: string; type: string } },
  work: () => Promise<Result>,
  fields: { job: string; trigger: string } = { job: 'schedulerJobUuid', trigger: 'schedulerTriggerUuid' },
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    const { resource, reason } = error.details;
    if (resource === 'schedule_job') throw resourceNotFound(fields.job, named.job ?? '', 'SchedulerJobVO');
    if (resource === 'schedule_trigger') {
      throw resourceNotFound(fields.trigger, named.trigger ?? '', 'SchedulerTriggerVO');
    }
    if (error.code === 'not_found' && named.target) {
      throw resourceNotFound('targetResourceUuid', named.target.uuid, named.target.type);
    }
    if (reason === 'no_interval') throw invalidArgument('schedulerInterval must be set for simple scheduler');
    if (reason === 'over')
      throw error.code === 'invalid' ? invalidArgument('stopTime has been passed') : invalidArgument(error.message);
    if (reason === 'linked' || reason === 'many_triggers') throw invalidArgument(error.message);
    if (error.code === 'conflict') throw operationFailed(error.message);
    throw error;
  }
}
