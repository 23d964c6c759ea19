import { Type as T } from 'typebox';
import { ownsOrAdmin } from '../../../cloud/identity/subject.ts';
import { booleanField, uuidIn } from '../protocol/field-schemas.ts';
import { actionOf } from '../protocol/job-result.ts';
import { syncOperation } from '../protocol/operation.ts';

const progress = T.Object(
  {
    taskUuid: T.String({ description: 'The job.' }),
    taskName: T.String({ description: 'What is done.' }),
    parentUuid: T.Optional(T.String({ description: 'The job that it is a part of.' })),
    type: T.String({ description: 'Task, or Progress with a percentage.' }),
    content: T.String({ description: 'The percentage, or the name of the work.' }),
    time: T.Integer({ description: 'Milliseconds since the epoch.' }),
  },
  { title: 'TaskProgressInventory' },
);

const getTaskProgress = syncOperation({
  id: 'GetTaskProgress',
  group: 'Job',
  package: 'header.progress',
  method: 'GET',
  path: '/task-progresses/{apiId}',
  since: '1.0',
  allow: 'reader',
  params: uuidIn('apiId', 'The id of the job.'),
  query: T.Object({ all: booleanField('The parts of the work too, oldest first.') }),
  response: T.Object({ inventories: T.Array(progress) }),
  title: 'Get the progress of a job',
  summary:
    'How far a job is, in percent; with `all` also the parts of its work that have begun. Empty for jobs that are not known.',
  examples: [
    {
      title: 'A job',
      params: { apiId: '7b2a4c0f8e5d4f6f9b1c2d3e4f5a6b7c' },
      status: 200,
      response: {
        inventories: [
          {
            taskUuid: '7b2a4c0f8e5d4f6f9b1c2d3e4f5a6b7c',
            taskName: 'AddImage',
            type: 'Progress',
            content: '63',
            time: 1795226400000,
          },
        ],
      },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const job = await cloud.jobs.find(input.apiId);
    if (!job || !ownsOrAdmin(subject, job.projectId)) return { inventories: [] };
    const actionId = await actionOf(cloud, job);
    const found = actionId && (await cloud.jobs.progressOf(actionId));
    if (!found) return { inventories: [] };
    const time = (micros: number) => Math.floor(micros / 1000);
    const whole = {
      taskUuid: job.id,
      taskName: job.operation,
      type: 'Progress',
      content: String(Math.round(found.percent)),
      time: time(found.updatedAt),
    };
    if (!input.all) return { inventories: [whole] };
    const parts = found.spans.map(({ name, startedAt }) => ({
      taskUuid: job.id,
      parentUuid: job.id,
      taskName: name,
      type: 'Task',
      content: name,
      time: time(startedAt),
    }));
    return { inventories: [whole, ...parts] };
  },
});

export const taskOperations = [getTaskProgress];
