import { Type as T, type TProperties } from 'typebox';
import { schedulerTrigger } from '../inventories/scheduler.ts';
import { descriptionField, nameField, textField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { parseTimestamp } from '../protocol/timestamp.ts';
import { invalidArgument } from '../protocol/zstack-error.ts';
import { inventorySchema } from '../query/inventory-schema.ts';
import { inventoriesWith } from '../query/query.ts';
import { queryOperations } from '../query/query-operations.ts';
import { byUuid, triggerExample as example, onSchedules, schedulerShared as shared } from './scheduler-words.ts';
import { change, creationExample, deletion } from './simple-operations.ts';

/** The last second that ZStack's own database can hold. */
const lastSecond = 2_147_483_647;

const typeField = (description: string) =>
  T.Unsafe<'simple' | 'cron'>({ type: 'string', enum: ['simple', 'cron'], description });
const timeFields = {
  schedulerInterval: T.Optional(
    T.Integer({ minimum: 1, maximum: lastSecond, description: 'Seconds from one time to the next.' }),
  ),
  repeatCount: T.Optional(
    T.Integer({ minimum: 0, maximum: lastSecond, description: 'How often; 0, as where it is left out, without end.' }),
  ),
  startTime: T.Optional(
    T.Integer({
      minimum: 0,
      maximum: lastSecond,
      description: 'The first time, in seconds since 1970; 0: when a job is added.',
    }),
  ),
  cron: textField('The times as a cron expression: seconds, minutes, hours, days, months, weekdays; in UTC.'),
} satisfies TProperties;

interface Times {
  schedulerType?: 'simple' | 'cron';
  schedulerInterval?: number;
  repeatCount?: number;
  startTime?: number;
  cron?: string;
}

/** The times in the engine's words. What makes no sense for their kind is refused. */
function timesOf({ schedulerType, schedulerInterval, repeatCount, startTime, cron }: Times) {
  if (schedulerType === 'cron') {
    if (!cron) throw invalidArgument('cron must be set when use cron scheduler');
    if (schedulerInterval !== undefined || repeatCount) {
      throw invalidArgument('cron scheduler only need to specify cron task');
    }
  }
  return {
    ...(schedulerType ? { kind: schedulerType } : {}),
    intervalSeconds: schedulerInterval,
    repeatCount,
    cron: cron || undefined,
    startAt: startTime === undefined ? undefined : startTime === 0 ? null : startTime * 1_000_000,
  };
}

const createSchedulerTrigger = jobOperation({
  ...shared,
  id: 'CreateSchedulerTrigger',
  method: 'POST',
  path: '/scheduler/triggers',
  creates: 'untagged',
  body: T.Object({
    name: nameField,
    description: descriptionField,
    schedulerType: typeField('simple: at an interval; cron: at the times of an expression.'),
    ...timeFields,
  }),
  result: schedulerTrigger,
  title: 'Create a trigger of scheduled jobs',
  summary: 'Says at which times the jobs are done that are added to it.',
  examples: [
    creationExample(
      'On weekday evenings',
      { name: example.name, schedulerType: 'cron', cron: example.cron },
      { ...example, jobsUuid: [] },
    ),
    creationExample(
      'Every hour, ten times',
      { name: 'ten hours', schedulerType: 'simple', schedulerInterval: 3600, repeatCount: 10, startTime: 0 },
      {
        ...{ ...example, cron: undefined, jobsUuid: [] },
        ...{ name: 'ten hours', schedulerType: 'simple', schedulerInterval: 3600, repeatCount: 10 },
      },
    ),
  ],
  handle: async ({ cloud, subject, input }) => {
    const { resourceUuid, name, description, schedulerType: kind } = input;
    if (kind === 'simple' && input.startTime === undefined) {
      throw invalidArgument('startTime must be set for simple scheduler');
    }
    const wanted = { id: resourceUuid, name, description, ...timesOf(input), kind };
    return { uuid: await onSchedules({}, () => cloud.schedules.createTrigger(subject, wanted)) };
  },
});

const runSchedulerTrigger = jobOperation({
  ...shared,
  id: 'RunSchedulerTrigger',
  method: 'PUT',
  path: '/scheduler/triggers/{uuid}/actions',
  params: uuidIn('uuid', 'The trigger.'),
  body: T.Object({
    jobUuids: T.Optional(
      T.Array(T.String({ maxLength: 64 }), { maxItems: 100, description: 'Of its jobs only these.' }),
    ),
  }),
  title: 'Do the jobs of a trigger now',
  summary: 'Does the jobs of a trigger once more, beside its times. Its answer does not wait for them.',
  examples: [
    { title: 'All', params: { uuid: example.uuid }, body: { runSchedulerTrigger: {} }, status: 200, response: {} },
  ],
  handle: async ({ cloud, subject, input: { uuid, jobUuids } }) => {
    await onSchedules({ trigger: uuid }, () => cloud.schedules.run(subject, uuid, jobUuids), byUuid);
    return {};
  },
});

const getAvailableTriggers = syncOperation({
  ...shared,
  allow: 'reader',
  id: 'GetAvailableTriggers',
  method: 'GET',
  path: '/scheduler/triggers/available',
  response: T.Object({ inventories: T.Array(inventorySchema(schedulerTrigger)) }),
  title: 'Get triggers that are not over',
  summary: 'The triggers to which jobs can be added.',
  examples: [{ title: 'Get', status: 200, response: { inventories: [example] } }],
  handle: async ({ cloud, subject }) => {
    const inventories = await inventoriesWith(cloud, schedulerTrigger, subject);
    const now = cloud.env.now();
    const isOver = (stopTime: unknown) => typeof stopTime === 'string' && (parseTimestamp(stopTime) ?? now) < now;
    return { inventories: inventories.filter(({ stopTime }) => !isOver(stopTime)) };
  },
});

/** When scheduled jobs are done. */
export const schedulerTriggerOperations = [
  createSchedulerTrigger,
  runSchedulerTrigger,
  getAvailableTriggers,
  change({
    ...shared,
    id: 'UpdateSchedulerTrigger',
    path: '/scheduler/triggers/{uuid}/actions',
    result: schedulerTrigger,
    body: { schedulerType: T.Optional(typeField('simple or cron.')), ...timeFields },
    title: 'Change a trigger of scheduled jobs',
    summary:
      'Changes the name, the description or the times of a trigger. New times hold at once, for all of its jobs.',
    example,
    apply: async ({ cloud, subject, input: { uuid, name, description } }, times) => {
      const update = () => cloud.schedules.updateTrigger(subject, uuid, { name, description, ...timesOf(times) });
      await onSchedules({ trigger: uuid }, update, byUuid);
      return undefined;
    },
  }),
  deletion({
    ...shared,
    id: 'DeleteSchedulerTrigger',
    path: '/scheduler/triggers/{uuid}',
    title: 'Delete a trigger of scheduled jobs',
    summary: 'Its jobs stay, and are not done at its times any more.',
    example,
    remove: async ({ cloud, subject, input: { uuid } }) => {
      await cloud.schedules.deleteTrigger(subject, uuid);
      return undefined;
    },
  }),
  ...queryOperations(schedulerTrigger, {
    ...shared,
    allow: 'reader',
    id: 'QuerySchedulerTrigger',
    path: '/scheduler/triggers',
    title: 'Query triggers of scheduled jobs',
    example,
  }),
];
