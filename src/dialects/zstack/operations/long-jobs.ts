import { Type as T } from 'typebox';
import { hasEnded } from '../../../cloud/long-jobs/long-jobs.ts';
import { longJob } from '../inventories/long-job.ts';
import { descriptionField, optionalName, uuidIn } from '../protocol/field-schemas.ts';
import { actionOf } from '../protocol/job-result.ts';
import { jobOperation } from '../protocol/operation.ts';
import { planRequest, settle, startLongJob } from '../protocol/start-long-job.ts';
import { operationFailed } from '../protocol/zstack-error.ts';
import { queryOperations } from '../query/query-operations.ts';
import { change, deletion } from './simple-operations.ts';

const shared = { group: 'Long Job', package: 'header.longjob', since: '2.2.4', allow: 'member' } as const;
const example = {
  uuid: '3a4b5c6d7e8f49a4801122334455667f',
  name: 'add tiny',
  apiId: '7b2a4c0f8e5d4f6f9b1c2d3e4f5a6b7c',
  jobName: 'APIAddImageMsg',
  jobData: '{"name":"tiny","url":"https://example.com/tiny.qcow2","backupStorageUuids":["…"]}',
  state: 'Running',
  createDate: 'Nov 21, 2026 2:00:00 PM',
  lastOpDate: 'Nov 21, 2026 2:00:00 PM',
};
const here = { uuid: example.uuid };
const byUuid = uuidIn('uuid', 'The long job.');

const submitLongJob = jobOperation({
  ...shared,
  id: 'SubmitLongJob',
  creates: 'untagged',
  method: 'POST',
  path: '/longjobs',
  body: T.Object({
    name: optionalName,
    description: descriptionField,
    jobName: T.String({ minLength: 1, maxLength: 255, description: 'The request, as APIAddImageMsg.' }),
    jobData: T.String({ maxLength: 65536, description: 'The fields of the request, as JSON.' }),
    targetResourceUuid: T.Optional(
      T.String({ maxLength: 32, description: 'What it is about; what it makes, where nothing is said.' }),
    ),
  }),
  result: longJob,
  title: 'Submit a long job',
  summary: 'Makes a request whose answer is kept until it is deleted. Any asynchronous operation can be submitted.',
  examples: [
    {
      title: 'Add an image',
      body: { params: { name: 'add tiny', jobName: 'APIAddImageMsg', jobData: example.jobData } },
      status: 200,
      response: { inventory: example, success: true },
    },
  ],
  handle: async ({ cloud, subject, raw, origin, input }) => {
    const { name, description, jobName, jobData, targetResourceUuid: targetResourceId, resourceUuid: id } = input;
    const request = planRequest(cloud.env, subject, jobName, jobData);
    const wanted = { id, name, description, jobName, jobData, targetResourceId, makes: request.makes };
    const begun = await cloud.longJobs.begin(subject, wanted);
    await startLongJob({ cloud, subject, raw, origin }, begun, request);
    return { uuid: begun.id };
  },
});

const cancelLongJob = jobOperation({
  ...shared,
  id: 'CancelLongJob',
  method: 'PUT',
  path: '/longjobs/{uuid}/actions',
  params: byUuid,
  result: longJob,
  title: 'Cancel a long job',
  summary: 'What it has done so far is undone. One that cannot be stopped any more ends as it would have.',
  examples: [
    {
      title: 'Cancel',
      params: here,
      body: { cancelLongJob: {} },
      status: 200,
      response: { inventory: { ...example, state: 'Canceled' }, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    const found = await cloud.longJobs.get(subject, uuid);
    if (hasEnded(found)) throw operationFailed(`cancel longjob[uuid:${uuid}] failed, its state is ${found.state}`);
    const job = await cloud.jobs.find(found.jobId);
    await cloud.longJobs.cancel(uuid, job && (await actionOf(cloud, job)));
    await settle(cloud, found, 1000);
    return { uuid };
  },
});

const rerunLongJob = jobOperation({
  ...shared,
  id: 'RerunLongJob',
  method: 'PUT',
  path: '/longjobs/{uuid}/actions',
  since: '3.0.1',
  params: byUuid,
  result: longJob,
  title: 'Run a long job again',
  summary: 'Makes its request once more, where it has ended.',
  examples: [
    {
      title: 'Rerun',
      params: here,
      body: { rerunLongJob: {} },
      status: 200,
      response: { inventory: example, success: true },
    },
  ],
  handle: async ({ cloud, subject, raw, origin, input: { uuid } }) => {
    const { jobName, jobData } = await cloud.longJobs.get(subject, uuid);
    const request = planRequest(cloud.env, subject, jobName, jobData);
    const restarted = await cloud.longJobs.restart(subject, uuid, request.makes);
    await startLongJob({ cloud, subject, raw, origin }, restarted, request);
    return { uuid };
  },
});

const resumeLongJob = jobOperation({
  ...shared,
  id: 'ResumeLongJob',
  method: 'PUT',
  path: '/longjobs/{uuid}/actions',
  since: '3.9.0',
  params: byUuid,
  result: longJob,
  title: 'Resume a long job',
  summary: 'Jobs go on by themselves after a restart, so none is ever suspended: this tells its state.',
  examples: [
    {
      title: 'One that runs',
      params: here,
      body: { resumeLongJob: {} },
      status: 503,
      response: { error: { code: 'SYS.1006', description: 'An operation failed', details: 'not suspended' } },
    },
  ],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    const { state } = await cloud.longJobs.get(subject, uuid);
    throw operationFailed(`can only resume longjob that is Suspended, but longjob[uuid:${uuid}] is ${state}`);
  },
});

const cleanLongJob = jobOperation({
  ...shared,
  id: 'CleanLongJob',
  method: 'PUT',
  path: '/longjobs/{uuid}/actions',
  since: '4.3.0',
  params: byUuid,
  title: 'Clean up after a long job',
  summary: 'What fails or is cancelled undoes itself, so that nothing is left of one that has ended: this makes sure.',
  examples: [{ title: 'Clean', params: here, body: { cleanLongJob: {} }, status: 200, response: {} }],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    const found = await cloud.longJobs.get(subject, uuid);
    if (!hasEnded(found)) throw operationFailed(`can't clean longjob[uuid:${uuid}], its state is ${found.state}`);
    return {};
  },
});

export const longJobOperations = [
  submitLongJob,
  cleanLongJob,
  change({
    ...shared,
    id: 'UpdateLongJob',
    path: '/longjobs/{uuid}/actions',
    since: '3.9',
    result: longJob,
    title: 'Change a long job',
    summary: 'Changes its name or description.',
    example,
    apply: async ({ cloud, subject, input: { uuid, name, description } }) => {
      await cloud.longJobs.update(subject, uuid, { name, description });
      return undefined;
    },
  }),
  cancelLongJob,
  rerunLongJob,
  resumeLongJob,
  deletion({
    ...shared,
    id: 'DeleteLongJob',
    path: '/longjobs/{uuid}',
    title: 'Delete a long job',
    summary: 'Forgets one that has ended, with its answer.',
    example,
    remove: async ({ cloud, subject, input: { uuid } }) => {
      await cloud.longJobs.delete(subject, uuid);
      return undefined;
    },
  }),
  ...queryOperations(longJob, {
    id: 'QueryLongJob',
    group: shared.group,
    package: shared.package,
    path: '/longjobs',
    since: '2.2.4',
    title: 'Query long jobs',
    example,
  }),
];
