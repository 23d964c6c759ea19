import { type SqlBool, sql } from 'kysely';
import { column, computed, words } from '../../../cloud/query/fields.ts';
import { defineInventory, type Row, seenWith, type Viewer } from '../../../cloud/query/inventory.ts';
import type { ScheduledKind } from '../../../cloud/schedules/model.ts';
import { commonFields, stateField } from './common.ts';

/** What scheduled jobs do, in the dialect's words. */
export const jobTypes = {
  startVm: 'server.start',
  stopVm: 'server.stop',
  rebootVm: 'server.reboot',
  volumeSnapshot: 'volume.snapshot',
  volumeSnapshotGroup: 'server.snapshot',
} as const satisfies Record<string, ScheduledKind>;

/** What ends later than in some thousand years has no end: as a number of microseconds it would be none any more. */
const longestSeconds = 200_000_000_000;

const typeOfKind = Object.fromEntries(Object.entries(jobTypes).map(([type, kind]) => [kind, type]));

const classes: Record<ScheduledKind, string> = {
  'server.start': 'org.zstack.scheduler.vm.StartVmInstanceJob',
  'server.stop': 'org.zstack.scheduler.vm.StopVmInstanceJob',
  'server.reboot': 'org.zstack.scheduler.vm.RebootVmInstanceJob',
  'volume.snapshot': 'org.zstack.scheduler.storage.volume.snapshot.CreateVolumeSnapshotJob',
  'server.snapshot': 'org.zstack.scheduler.storage.volume.snapshot.CreateVolumeSnapshotGroupJob',
};

/** A job that a trigger fires. */
export const schedulerLink = defineInventory<'schedule_links'>({
  name: 'SchedulerJobSchedulerTriggerInventory',
  className: 'org.zstack.header.scheduler.SchedulerJobSchedulerTriggerInventory',
  table: 'schedule_links',
  fields: {
    uuid: column('id', 'string', 'The uuid: 32 hexadecimal digits.'),
    schedulerJobUuid: column('job_id', 'string', 'The job.'),
    schedulerTriggerUuid: column('trigger_id', 'string', 'The trigger.'),
    createDate: column('created_at', 'time', 'When the job was added to the trigger.'),
    lastOpDate: column('updated_at', 'time', 'When it was last due, or changed.'),
  },
  visible: seenWith('SchedulerJobInventory', 'job_id'),
});

type Owned = 'schedule_jobs' | 'schedule_triggers' | 'schedule_groups' | 'schedule_firings';

const ofProject = (row: Row<Owned>, { projectId = '' }: Viewer) =>
  sql<SqlBool>`${row.column('project_id')} = ${projectId}`;

/** A job that is in a group. */
export const schedulerGroupJob = defineInventory<'schedule_group_jobs'>({
  name: 'SchedulerJobGroupJobRefInventory',
  className: 'org.zstack.header.scheduler.SchedulerJobGroupJobRefInventory',
  table: 'schedule_group_jobs',
  fields: {
    schedulerJobGroupUuid: column('group_id', 'string', 'The group.'),
    schedulerJobUuid: column('job_id', 'string', 'The job.'),
    createDate: column('created_at', 'time', 'When the job was added to the group.'),
    lastOpDate: column('updated_at', 'time', 'The same.'),
  },
  relations: {
    jobGroup: { to: 'SchedulerJobGroupInventory', local: 'schedulerJobGroupUuid' },
    job: { to: 'SchedulerJobInventory', local: 'schedulerJobUuid' },
  },
  visible: seenWith('SchedulerJobGroupInventory', 'group_id'),
});

/** A group of jobs that a trigger fires. */
export const schedulerGroupLink = defineInventory<'schedule_group_links'>({
  name: 'SchedulerJobGroupSchedulerTriggerRefInventory',
  className: 'org.zstack.header.scheduler.SchedulerJobGroupSchedulerTriggerRefInventory',
  table: 'schedule_group_links',
  fields: {
    uuid: column('id', 'string', 'The uuid: 32 hexadecimal digits.'),
    schedulerJobGroupUuid: column('group_id', 'string', 'The group.'),
    schedulerTriggerUuid: column('trigger_id', 'string', 'The trigger.'),
    createDate: column('created_at', 'time', 'When the group was added to the trigger.'),
    lastOpDate: column('updated_at', 'time', 'When it was last due, or changed.'),
  },
  relations: {
    jobGroup: { to: 'SchedulerJobGroupInventory', local: 'schedulerJobGroupUuid' },
    trigger: { to: 'SchedulerTriggerInventory', local: 'schedulerTriggerUuid' },
  },
  visible: seenWith('SchedulerJobGroupInventory', 'group_id'),
});

export const schedulerJobGroup = defineInventory<'schedule_groups'>({
  name: 'SchedulerJobGroupInventory',
  className: 'org.zstack.header.scheduler.SchedulerJobGroupInventory',
  table: 'schedule_groups',
  fields: {
    ...commonFields,
    state: { ...stateField, description: 'Enabled or Disabled: a disabled one is due at no time.' },
    jobType: words('kind', typeOfKind, '', 'What its jobs do: startVm, stopVm, rebootVm, volumeSnapshot …'),
    jobData: column('parameters', 'string', 'In the place of what its jobs say, as JSON; `{}` where they decide.'),
    jobClassName: words('kind', classes, '', 'What its jobs do, as the class of a job.'),
  },
  lists: {
    triggersUuid: {
      of: schedulerGroupLink,
      local: 'uuid',
      foreign: 'schedulerJobGroupUuid',
      pluck: 'schedulerTriggerUuid',
      description: 'The triggers that fire it.',
    },
    jobsUuid: {
      of: schedulerGroupJob,
      local: 'uuid',
      foreign: 'schedulerJobGroupUuid',
      pluck: 'schedulerJobUuid',
      description: 'Its jobs.',
    },
  },
  relations: {
    trigger: {
      to: 'SchedulerTriggerInventory',
      through: { table: 'schedule_group_links', near: 'group_id', far: 'trigger_id' },
    },
    job: {
      to: 'SchedulerJobInventory',
      through: { table: 'schedule_group_jobs', near: 'group_id', far: 'job_id' },
    },
  },
  visible: ofProject,
});

export const schedulerJob = defineInventory<'schedule_jobs'>({
  name: 'SchedulerJobInventory',
  className: 'org.zstack.header.scheduler.SchedulerJobInventory',
  table: 'schedule_jobs',
  fields: {
    ...commonFields,
    targetResourceUuid: column('target_id', 'string', 'The server or the volume that it is about.'),
    state: { ...stateField, description: 'Enabled or Disabled: a disabled one is due at no time.' },
    jobType: words('kind', typeOfKind, '', 'What it does: startVm, stopVm, rebootVm, volumeSnapshot …'),
    jobData: column('parameters', 'string', 'More of what it does, as JSON: `keep` is how many snapshots stay.'),
    jobClassName: words('kind', classes, '', 'What it does, as the class of the job.'),
  },
  lists: {
    triggersUuid: {
      of: schedulerLink,
      local: 'uuid',
      foreign: 'schedulerJobUuid',
      pluck: 'schedulerTriggerUuid',
      description: 'The triggers that fire it.',
    },
  },
  relations: {
    trigger: {
      to: 'SchedulerTriggerInventory',
      through: { table: 'schedule_links', near: 'job_id', far: 'trigger_id' },
    },
    jobGroup: {
      to: 'SchedulerJobGroupInventory',
      through: { table: 'schedule_group_jobs', near: 'job_id', far: 'group_id' },
    },
    vmInstance: { to: 'VmInstanceInventory', local: 'targetResourceUuid' },
    volume: { to: 'VolumeInventory', local: 'targetResourceUuid' },
  },
  visible: ofProject,
});

export const schedulerTrigger = defineInventory<'schedule_triggers'>({
  name: 'SchedulerTriggerInventory',
  className: 'org.zstack.header.scheduler.SchedulerTriggerInventory',
  table: 'schedule_triggers',
  fields: {
    ...commonFields,
    schedulerType: column('kind', 'string', 'simple or cron.'),
    schedulerInterval: column('interval_seconds', 'int', 'Seconds from one time to the next.'),
    repeatCount: column('repeat_count', 'int', 'How often; 0 without end.'),
    cron: column('cron', 'string', 'The times as a cron expression, in UTC.'),
    startTime: column('start_at', 'time', 'Its first time; where it has none, that is when a job is added to it.'),
    stopTime: computed(
      'time',
      'When it is over; none where it has no end that anybody sees, or no beginning of its own.',
      (row) => {
        const seconds = sql`(${row.column('repeat_count')} * coalesce(${row.column('interval_seconds')}, 0))`;
        return sql`(case when ${row.column('repeat_count')} = 1 then ${row.column('start_at')}
        when ${row.column('repeat_count')} > 1 and ${seconds} < ${sql.lit(longestSeconds)}
          then ${row.column('start_at')} + ${seconds} * 1000000 end)`;
      },
    ),
  },
  lists: {
    jobsUuid: {
      of: schedulerLink,
      local: 'uuid',
      foreign: 'schedulerTriggerUuid',
      pluck: 'schedulerJobUuid',
      description: 'The jobs that it fires.',
    },
  },
  relations: {
    job: { to: 'SchedulerJobInventory', through: { table: 'schedule_links', near: 'trigger_id', far: 'job_id' } },
    jobGroup: {
      to: 'SchedulerJobGroupInventory',
      through: { table: 'schedule_group_links', near: 'trigger_id', far: 'group_id' },
    },
  },
  visible: ofProject,
});

/** What became of a job at one of its times. */
export const schedulerJobHistory = defineInventory<'schedule_firings'>({
  name: 'SchedulerJobHistoryInventory',
  className: 'org.zstack.header.scheduler.SchedulerJobHistoryInventory',
  table: 'schedule_firings',
  fields: {
    id: column('created_at', 'long', 'Its number: later ones have larger ones.'),
    triggerUuid: column('trigger_id', 'string', 'The trigger.'),
    schedulerJobUuid: column('job_id', 'string', 'The job.'),
    schedulerJobGroupUuid: column('group_id', 'string', 'The group as a part of which it was due.'),
    jobType: words('kind', typeOfKind, '', 'What was done: startVm, stopVm, rebootVm, volumeSnapshot …'),
    startTime: column('due_at', 'time', 'When it was due.'),
    executeTime: computed('long', 'Seconds until it had ended.', (row) => {
      return sql`((${row.column('finished_at')} - ${row.column('created_at')}) / 1000000)`;
    }),
    targetResourceUuid: column('target_id', 'string', 'The server or the volume.'),
    requestDump: column('parameters', 'string', 'More of what was to be done, as JSON.'),
    resultDump: column('error', 'string', 'Why it failed.'),
    success: computed('bool', 'Whether it succeeded; none while it goes on.', (row) => {
      return sql`(case ${row.column('state')} when 'succeeded' then 1 when 'failed' then 0 end)`;
    }),
    fireInstanceId: computed(
      'string',
      'Its uuid, which the snapshots that it made have too; of a group, what its jobs have in common that time.',
      (row) => sql`coalesce(${row.column('batch_id')}, ${row.column('id')})`,
    ),
  },
  relations: {
    job: { to: 'SchedulerJobInventory', local: 'schedulerJobUuid' },
    jobGroup: { to: 'SchedulerJobGroupInventory', local: 'schedulerJobGroupUuid' },
    trigger: { to: 'SchedulerTriggerInventory', local: 'triggerUuid' },
  },
  visible: ofProject,
});
