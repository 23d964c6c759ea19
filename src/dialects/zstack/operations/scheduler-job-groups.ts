import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import { schedulerGroupJob, schedulerGroupLink, schedulerJobGroup } from '../inventories/scheduler.ts';
import { booleanField, descriptionField, nameField, oneOfField } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { inventorySchema } from '../query/inventory-schema.ts';
import { inventoriesWith } from '../query/query.ts';
import { queryOperations } from '../query/query-operations.ts';
import {
  byUuid,
  jobExample,
  jobTypeField,
  kindOf,
  onSchedules,
  parametersField,
  parametersOf,
  schedulerShared as shared,
  triggerExample,
} from './scheduler-words.ts';
import { change, creationExample, deletion } from './simple-operations.ts';

const { createDate } = jobExample;

const example = {
  uuid: '4d0f2c7b9a1e4638b5c6d7e8f9012a3b',
  name: 'all of the office',
  state: 'Enabled',
  createDate,
  lastOpDate: createDate,
  jobType: 'stopVm',
  jobData: '{}',
  jobClassName: jobExample.jobClassName,
  triggersUuid: [triggerExample.uuid],
  jobsUuid: [jobExample.uuid],
};

const createSchedulerJobGroup = jobOperation({
  ...shared,
  id: 'CreateSchedulerJobGroup',
  method: 'POST',
  path: '/scheduler/jobgroups',
  creates: 'untagged',
  body: T.Object({
    name: nameField,
    description: descriptionField,
    type: jobTypeField,
    parameters: parametersField,
  }),
  result: schedulerJobGroup,
  title: 'Create a group of scheduled jobs',
  summary: 'Jobs of one type that are done together. What its parameters say holds in the place of what its jobs say.',
  examples: [
    creationExample(
      'Of servers that are stopped together',
      { name: example.name, type: 'stopVm' },
      { ...example, triggersUuid: [], jobsUuid: [] },
    ),
  ],
  handle: async ({ cloud, subject, input: { resourceUuid: id, name, description, type, parameters } }) => {
    const wanted = { id, name, description, kind: kindOf(type), parameters: parametersOf(parameters) };
    return { uuid: await onSchedules({}, () => cloud.schedules.groups.create(subject, wanted)) };
  },
});

const ofGroup = { schedulerJobGroupUuid: T.String({ maxLength: 64, description: 'The group.' }) };
const jobs = { minItems: 1, maxItems: 100, description: 'The jobs.' };
const groupPath = '/scheduler/jobgroups/{schedulerJobGroupUuid}';
const here = { schedulerJobGroupUuid: example.uuid };
const member = { ...here, schedulerJobUuid: jobExample.uuid, createDate, lastOpDate: createDate };

const addJobsToGroup = jobOperation({
  ...shared,
  id: 'AddSchedulerJobsToSchedulerJobGroup',
  method: 'POST',
  path: `${groupPath}/job`,
  params: T.Object(ofGroup),
  body: T.Object({ schedulerJobUuids: T.Array(T.String({ maxLength: 64 }), jobs) }),
  response: T.Object({ success: T.Boolean(), inventories: T.Array(inventorySchema(schedulerGroupJob)) }),
  answer: membersOf,
  title: 'Add scheduled jobs to a group',
  summary:
    'All of them, or none. They are done when the group is, and while they are in it not at the times of triggers of their own.',
  examples: [
    {
      title: 'Add one',
      params: here,
      body: { params: { schedulerJobUuids: [jobExample.uuid] } },
      status: 200,
      response: { success: true, inventories: [member] },
    },
  ],
  handle: async ({ cloud, subject, input: { schedulerJobGroupUuid: group, schedulerJobUuids } }) => {
    await onSchedules({ group }, () => cloud.schedules.groups.addJobs(subject, group, schedulerJobUuids));
    return { uuid: [group, ...schedulerJobUuids].join() };
  },
});

/** @param uuids of the group and of its jobs, parted by commas */
async function membersOf(cloud: Cloud, uuids: string): Promise<Record<string, unknown>> {
  const [group, ...added] = uuids.split(',');
  const q = [`schedulerJobGroupUuid=${group}`, `schedulerJobUuid?=${added.join()}`];
  return { success: true, inventories: await inventoriesWith(cloud, schedulerGroupJob, { isAdmin: true }, q) };
}

const removeJobsFromGroup = jobOperation({
  ...shared,
  id: 'RemoveSchedulerJobsFromSchedulerJobGroup',
  method: 'DELETE',
  path: `${groupPath}/job`,
  params: T.Object(ofGroup),
  // Clients send one text with commas in it, too.
  query: T.Object({ schedulerJobUuids: T.Array(T.String({ maxLength: 65 * jobs.maxItems }), jobs) }),
  title: 'Take scheduled jobs out of a group',
  summary: 'They are disabled: nothing is done any more at times of their own until they are enabled.',
  examples: [
    { title: 'Take one out', params: here, query: { schedulerJobUuids: jobExample.uuid }, status: 200, response: {} },
  ],
  handle: async ({ cloud, subject, input: { schedulerJobGroupUuid: group, schedulerJobUuids } }) => {
    const uuids = schedulerJobUuids.flatMap((one) => one.split(','));
    await onSchedules({ group }, () => cloud.schedules.groups.removeJobs(subject, group, uuids));
    return {};
  },
});

const link = T.Object({
  ...ofGroup,
  schedulerTriggerUuid: T.String({ maxLength: 64, description: 'The trigger.' }),
});
const linkPath = `${groupPath}/scheduler/triggers/{schedulerTriggerUuid}`;
const linked = { ...here, schedulerTriggerUuid: triggerExample.uuid };

const addGroupToTrigger = jobOperation({
  ...shared,
  id: 'AddSchedulerJobGroupToSchedulerTrigger',
  method: 'POST',
  path: linkPath,
  params: link,
  body: T.Object({ triggerNow: booleanField('Whether its jobs are also done at once.') }),
  result: schedulerGroupLink,
  title: 'Add a group of scheduled jobs to a trigger',
  summary: 'From now on its enabled jobs are done at each time of the trigger.',
  examples: [
    creationExample(
      'Add',
      {},
      { uuid: '0e9d8c7b6a5f4e3d8c2b1a0f9e8d7c6b', ...linked, createDate, lastOpDate: createDate },
      linked,
    ),
  ],
  handle: async ({ cloud, subject, input }) => {
    const { schedulerJobGroupUuid: group, schedulerTriggerUuid: trigger, triggerNow: fireNow } = input;
    const add = () => cloud.schedules.groups.link(subject, group, trigger, { fireNow });
    return { uuid: await onSchedules({ group, trigger }, add) };
  },
});

const removeGroupFromTrigger = jobOperation({
  ...shared,
  id: 'RemoveSchedulerJobGroupFromSchedulerTrigger',
  method: 'DELETE',
  path: linkPath,
  params: link,
  title: 'Remove a group of scheduled jobs from a trigger',
  summary: 'Its jobs are not done at the times of the trigger any more. What is being done goes on.',
  examples: [{ title: 'Remove', params: linked, status: 200, response: {} }],
  handle: async ({ cloud, subject, input: { schedulerJobGroupUuid: group, schedulerTriggerUuid: trigger } }) => {
    await onSchedules({ group, trigger }, () => cloud.schedules.groups.unlink(subject, group, trigger));
    return {};
  },
});

/** Scheduled jobs that are done together. */
export const schedulerJobGroupOperations = [
  createSchedulerJobGroup,
  addJobsToGroup,
  removeJobsFromGroup,
  addGroupToTrigger,
  removeGroupFromTrigger,
  change({
    ...shared,
    id: 'UpdateSchedulerJobGroup',
    path: '/scheduler/jobgroups/{uuid}/actions',
    result: schedulerJobGroup,
    body: {
      state: oneOfField(['Enabled', 'Disabled'], 'Enabled, or Disabled: then it is due at no time.'),
      parameters: parametersField,
    },
    title: 'Change a group of scheduled jobs',
    summary: 'Changes the name, description or state of a group, or how many snapshots its jobs keep.',
    example,
    apply: async ({ cloud, subject, input: { uuid, name, description } }, { state, parameters }) => {
      const changes = {
        ...{ name, description, enabled: state && state === 'Enabled' },
        ...(parameters ? { parameters: parametersOf(parameters) } : {}),
      };
      await onSchedules({ group: uuid }, () => cloud.schedules.groups.update(subject, uuid, changes), byUuid);
      return undefined;
    },
  }),
  deletion({
    ...shared,
    id: 'DeleteSchedulerJobGroup',
    path: '/scheduler/jobgroups/{uuid}',
    title: 'Delete a group of scheduled jobs',
    summary: 'Its jobs stay, disabled, and so does what its history says.',
    example,
    remove: async ({ cloud, subject, input: { uuid } }) => {
      await cloud.schedules.groups.delete(subject, uuid);
      return undefined;
    },
  }),
  ...queryOperations(schedulerJobGroup, {
    ...shared,
    allow: 'reader',
    id: 'QuerySchedulerJobGroup',
    path: '/scheduler/jobgroups',
    title: 'Query groups of scheduled jobs',
    example,
  }),
];
