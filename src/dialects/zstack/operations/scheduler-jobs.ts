import { Type as T } from 'typebox';
import { schedulerJob, schedulerJobHistory, schedulerLink } from '../inventories/scheduler.ts';
import { booleanField, descriptionField, nameField, stateEventField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { inventorySchema } from '../query/inventory-schema.ts';
import { inventoriesWith } from '../query/query.ts';
import { queryOperations } from '../query/query-operations.ts';
import {
  byUuid,
  jobExample as example,
  jobTypeField,
  kindOf,
  onSchedules,
  parametersField,
  parametersOf,
  schedulerShared as shared,
  triggerExample,
} from './scheduler-words.ts';
import { change, creationExample, deletion } from './simple-operations.ts';

const createSchedulerJob = jobOperation({
  ...shared,
  id: 'CreateSchedulerJob',
  method: 'POST',
  path: '/scheduler/jobs',
  creates: 'untagged',
  body: T.Object({
    name: nameField,
    description: descriptionField,
    targetResourceUuid: T.String({
      maxLength: 64,
      description: 'The server; for snapshots the volume, for volumeSnapshotGroup the root volume of the server.',
    }),
    type: jobTypeField,
    parameters: parametersField,
  }),
  result: schedulerJob,
  title: 'Create a scheduled job',
  summary: 'Says what is to be done with a server or a volume; when, the triggers say that it is added to.',
  examples: [
    creationExample(
      'Stop a server',
      { name: example.name, targetResourceUuid: example.targetResourceUuid, type: 'stopVm' },
      example,
    ),
  ],
  handle: async ({ cloud, subject, input }) => {
    const { type, name, description, targetResourceUuid: targetId } = input;
    const kind = kindOf(type);
    const parameters = parametersOf(input.parameters);
    const target = { uuid: targetId, type: type.endsWith('Vm') ? 'VmInstanceVO' : 'VolumeVO' };
    const wanted = { id: input.resourceUuid, name, description, kind, targetId, parameters };
    return { uuid: await onSchedules({ target }, () => cloud.schedules.createJob(subject, wanted)) };
  },
});

const changeSchedulerState = jobOperation({
  ...shared,
  id: 'ChangeSchedulerState',
  method: 'PUT',
  path: '/schedulers/{uuid}',
  params: uuidIn('uuid', 'The job.'),
  body: T.Object({ stateEvent: stateEventField }),
  result: schedulerJob,
  title: 'Enable or disable a scheduled job',
  summary: 'A disabled job is due at no time. Times that pass meanwhile are not made up for.',
  examples: [
    {
      title: 'Enable',
      params: { uuid: example.uuid },
      body: { changeSchedulerState: { stateEvent: 'enable' } },
      status: 200,
      response: { inventory: example, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { uuid, stateEvent } }) => {
    const enable = () => cloud.schedules.setEnabled(subject, uuid, stateEvent === 'enable');
    await onSchedules({ job: uuid }, enable, byUuid);
    return { uuid };
  },
});

const link = T.Object({
  schedulerJobUuid: T.String({ maxLength: 64, description: 'The job.' }),
  schedulerTriggerUuid: T.String({ maxLength: 64, description: 'The trigger.' }),
});
const linked = { schedulerJobUuid: example.uuid, schedulerTriggerUuid: triggerExample.uuid };
const linkPath = '/scheduler/jobs/{schedulerJobUuid}/scheduler/triggers/{schedulerTriggerUuid}';

const addJobToTrigger = jobOperation({
  ...shared,
  id: 'AddSchedulerJobToSchedulerTrigger',
  method: 'POST',
  path: linkPath,
  params: link,
  body: T.Object({ triggerNow: booleanField('Whether the job is also done at once.') }),
  result: schedulerLink,
  title: 'Add a scheduled job to a trigger',
  summary: 'From now on the job is done at each time of the trigger.',
  examples: [
    creationExample(
      'Add',
      {},
      {
        uuid: '9c8b7a6d5e4f40318293746556473829',
        ...linked,
        createDate: example.createDate,
        lastOpDate: example.createDate,
      },
      linked,
    ),
  ],
  handle: async ({ cloud, subject, input }) => {
    const { schedulerJobUuid: job, schedulerTriggerUuid: trigger, triggerNow: fireNow } = input;
    return {
      uuid: await onSchedules({ job, trigger }, () => cloud.schedules.link(subject, job, trigger, { fireNow })),
    };
  },
});

const removeJobFromTrigger = jobOperation({
  ...shared,
  id: 'RemoveSchedulerJobFromSchedulerTrigger',
  method: 'DELETE',
  path: linkPath,
  params: link,
  title: 'Remove a scheduled job from a trigger',
  summary: 'The job is not done at the times of the trigger any more. What is being done goes on.',
  examples: [{ title: 'Remove', params: linked, status: 200, response: {} }],
  handle: async ({ cloud, subject, input: { schedulerJobUuid: job, schedulerTriggerUuid: trigger } }) => {
    await onSchedules({ job, trigger }, () => cloud.schedules.unlink(subject, job, trigger));
    return {};
  },
});

const getNoTriggerSchedulerJobs = syncOperation({
  ...shared,
  allow: 'reader',
  id: 'GetNoTriggerSchedulerJobs',
  method: 'GET',
  path: '/scheduler/jobs/candidates',
  response: T.Object({ inventories: T.Array(inventorySchema(schedulerJob)) }),
  title: 'Get scheduled jobs without a trigger',
  summary: 'The jobs that nothing fires.',
  examples: [{ title: 'Get', status: 200, response: { inventories: [{ ...example, triggersUuid: [] }] } }],
  handle: async ({ cloud, subject }) => {
    const inventories = await inventoriesWith(cloud, schedulerJob, subject);
    return { inventories: inventories.filter(({ triggersUuid }) => (triggersUuid as unknown[]).length === 0) };
  },
});

/** What is to be done with servers and volumes, and what became of it. */
export const schedulerJobOperations = [
  createSchedulerJob,
  changeSchedulerState,
  addJobToTrigger,
  removeJobFromTrigger,
  getNoTriggerSchedulerJobs,
  change({
    ...shared,
    id: 'UpdateSchedulerJob',
    path: '/scheduler/jobs/{uuid}/actions',
    result: schedulerJob,
    body: { parameters: parametersField },
    title: 'Change a scheduled job',
    summary: 'Changes the name or description of a job, or how many snapshots it keeps.',
    example,
    apply: async ({ cloud, subject, input: { uuid, name, description } }, { parameters }) => {
      const changes = { name, description, ...(parameters ? { parameters: parametersOf(parameters) } : {}) };
      const update = () => cloud.schedules.updateJob(subject, uuid, changes);
      await onSchedules({ job: uuid }, update, byUuid);
      return undefined;
    },
  }),
  deletion({
    ...shared,
    id: 'DeleteSchedulerJob',
    path: '/scheduler/jobs/{uuid}',
    title: 'Delete a scheduled job',
    summary: 'It is not done any more. What it has made stays, and so does its history.',
    example,
    remove: async ({ cloud, subject, input: { uuid } }) => {
      await cloud.schedules.deleteJob(subject, uuid);
      return undefined;
    },
  }),
  ...queryOperations(schedulerJobHistory, {
    ...shared,
    allow: 'reader',
    id: 'QuerySchedulerJobHistory',
    path: '/scheduler/job/history',
    title: 'Query the history of scheduled jobs',
    byUuid: false,
    example: {
      id: 1795269600000000,
      triggerUuid: triggerExample.uuid,
      schedulerJobUuid: example.uuid,
      jobType: 'stopVm',
      startTime: 'Nov 20, 2026 8:00:00 PM',
      executeTime: 4,
      targetResourceUuid: example.targetResourceUuid,
      requestDump: '{}',
      success: true,
      fireInstanceId: '2f7d1e0c9b8a4756a3c2d1e0f9b8a475',
    },
  }),
  ...queryOperations(schedulerJob, {
    ...shared,
    allow: 'reader',
    id: 'QuerySchedulerJob',
    path: '/scheduler/jobs',
    title: 'Query scheduled jobs',
    example,
  }),
];
