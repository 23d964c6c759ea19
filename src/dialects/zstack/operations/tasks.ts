import { Type as T } from 'typebox';
import type { QueuedWork } from '../../../cloud/activity/queues.ts';
import { ownsOrAdmin } from '../../../cloud/identity/subject.ts';
import { eventLog, garbageCollector } from '../inventories/event-log.ts';
import { booleanField, uuidIn } from '../protocol/field-schemas.ts';
import { actionOf } from '../protocol/job-result.ts';
import { syncOperation } from '../protocol/operation.ts';
import { classNameOf } from '../protocol/resource-types.ts';
import { ofClass } from '../query/java-classes.ts';
import { queryOperations } from '../query/query-operations.ts';
import { vmExample } from './vm-examples.ts';

const progress = T.Object(
  {
    taskUuid: T.String({ description: 'The job.' }),
    taskName: T.String({ description: 'What is done.' }),
    parentUuid: T.Optional(T.String({ description: 'The job that it is a part of.' })),
    type: T.String({ description: 'Task, or Progress with a percentage.' }),
    content: T.String({ description: 'The percentage, or the name of the work.' }),
    time: T.Integer({ description: 'Milliseconds since the epoch.' }),
  },
  { title: 'TaskProgressInventory', ...ofClass('org.zstack.header.core.progress.TaskProgressInventory') },
);

const getTaskProgress = syncOperation({
  id: 'GetTaskProgress',
  group: 'Job',
  package: 'header.core.progress',
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

const taskInfo = {
  name: T.String({ description: 'What is done.' }),
  className: T.String({ description: 'The operation of the engine.' }),
  index: T.Integer({ description: 'Its place in the queue.' }),
  pendingTime: T.Integer({ description: 'Seconds for which it has waited, or did.' }),
  executionTime: T.Optional(T.Integer({ description: 'Seconds for which it has been done.' })),
  apiId: T.String({ description: 'The job of the request that asked for it.' }),
};
const tasksOf = (className: string) =>
  T.Array(T.Object(taskInfo, { title: 'TaskInfo', ...ofClass(`org.zstack.header.core.progress.${className}`) }));

const getChainTask = syncOperation({
  id: 'GetChainTask',
  group: 'Job',
  package: 'header.core',
  method: 'GET',
  path: '/core/task-details',
  since: '4.6.0',
  allow: 'admin',
  query: T.Object({
    syncSignatures: T.Optional(
      T.Array(T.String({ maxLength: 255 }), {
        maxItems: 100,
        description:
          'Queues, by anything that ends with the uuid of their resource; all that there are where left out.',
      }),
    ),
  }),
  response: T.Object({
    results: T.Record(
      T.String(),
      T.Object(
        { runningTask: tasksOf('RunningTaskInfo'), pendingTask: tasksOf('PendingTaskInfo') },
        { title: 'ChainInfo', ...ofClass('org.zstack.header.core.progress.ChainInfo') },
      ),
    ),
  }),
  title: 'Get the tasks in queues',
  summary: 'What is being done on resources, and what waits for it: each resource has a queue.',
  examples: [
    {
      title: 'Of a server',
      query: { syncSignatures: `VmInstance-${vmExample.uuid}` },
      status: 200,
      response: {
        results: {
          [`VmInstance-${vmExample.uuid}`]: {
            runningTask: [
              {
                name: 'stop',
                className: 'server.stop',
                index: 0,
                pendingTime: 0,
                executionTime: 4,
                apiId: '7b2a4c0f8e5d4f6f9b1c2d3e4f5a6b7c',
              },
            ],
            pendingTask: [],
          },
        },
      },
    },
  ],
  handle: async ({ cloud, subject, input: { syncSignatures: asked } }) => {
    const resourceOf = (signature: string) => signature.slice(-32);
    const work = await cloud.activities.queued(subject, asked?.map(resourceOf));
    const queues = Map.groupBy(work, ({ resourceId }) => resourceId);
    const name = ({ resourceType, resourceId }: QueuedWork) =>
      `${classNameOf(resourceType).replace(/VO$/, '')}-${resourceId}`;
    const signatures = asked ?? [...queues.values()].map(([first]) => name(first!));
    const now = cloud.env.now();
    return {
      results: Object.fromEntries(
        signatures.map((signature) => [signature, chainOf(queues.get(resourceOf(signature)) ?? [], now)]),
      ),
    };
  },
});

function chainOf(work: readonly QueuedWork[], now: number) {
  const seconds = (from: number, to: number) => Math.max(0, Math.floor((to - from) / 1e6));
  const infos = work.map(({ name, kind, requestId, createdAt, startedAt }, index) => ({
    isRunning: startedAt !== null,
    info: {
      name,
      className: kind,
      index,
      pendingTime: seconds(createdAt, startedAt ?? now),
      ...(startedAt === null ? {} : { executionTime: seconds(startedAt, now) }),
      apiId: requestId.replace(/^req-/, '').replaceAll('-', ''),
    },
  }));
  const of = (running: boolean) => infos.filter(({ isRunning }) => isRunning === running).map(({ info }) => info);
  return { runningTask: of(true), pendingTask: of(false) };
}

export const taskOperations = [
  getTaskProgress,
  getChainTask,
  ...queryOperations(eventLog, {
    id: 'QueryEventLog',
    group: 'Job',
    package: 'core.eventlog',
    path: '/eventlogs',
    title: 'Query the log of events',
    byUuid: false,
    example: {
      content: 'compute_stop_instance: Success',
      resourceUuid: vmExample.uuid,
      resourceType: 'VmInstanceVO',
      category: 'server.stop',
      trackingId: '7b2a4c0f8e5d4f6f9b1c2d3e4f5a6b7c',
      type: 'Info',
      time: 1795226400000,
      createDate: 'Nov 21, 2026 2:00:00 PM',
    },
  }),
  ...queryOperations(garbageCollector, {
    id: 'QueryGCJob',
    group: 'Job',
    package: 'core.gc',
    path: '/gc-jobs',
    allow: 'admin',
    title: 'Query what is still to be removed',
    example: {
      uuid: 'c3b2a1f0e9d84c7b8a69f5e4d3c2b1a0',
      name: 'gc-disk-c3b2a1f0e9d84c7b8a69f5e4d3c2b1a0',
      context: '{"hostUuid":"5d6e7f8091a24b3c8d4e5f60718293a4","volumeUuid":"0a5a3c9eb1ff41e8a09a3f3f8a3f2c77"}',
      status: 'Idle',
      type: 'TimeBasedGarbageCollector',
      createDate: 'Nov 21, 2026 2:00:00 PM',
      lastOpDate: 'Nov 21, 2026 2:00:00 PM',
    },
  }),
];
