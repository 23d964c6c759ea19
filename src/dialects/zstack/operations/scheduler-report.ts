import { Type as T } from 'typebox';
import type { ScheduledKind } from '../../../cloud/schedules/model.ts';
import { jobTypes } from '../inventories/scheduler.ts';
import { syncOperation } from '../protocol/operation.ts';
import { invalidArgument } from '../protocol/zstack-error.ts';
import { allJobTypes, schedulerShared as shared } from './scheduler-words.ts';

/** The last millisecond of 2099: what is due later can't be asked about. */
const lastTime = Date.UTC(2100, 0) - 1;

const units = { Hour: 'hour', Day: 'day', Month: 'month' } as const;
const counts = (description: string) => T.Array(T.Integer(), { description });

/** What became of scheduled jobs over time, and what is planned. */
export const schedulerReportOperations = [
  syncOperation({
    ...shared,
    allow: 'reader',
    id: 'GetSchedulerExecutionReport',
    method: 'GET',
    path: '/scheduler/report',
    query: T.Object({
      startTime: T.Integer({
        minimum: 0,
        maximum: lastTime,
        description: 'A time in the first interval, in milliseconds since 1970. Intervals begin as those of UTC do.',
      }),
      intervalTimeUnit: T.Unsafe<keyof typeof units>({
        type: 'string',
        enum: Object.keys(units),
        description: 'How long an interval is: Hour, Day or Month.',
      }),
      range: T.Integer({ minimum: 0, maximum: 31, description: 'How many intervals.' }),
      schedulerJobTypes: T.Array(T.String({ maxLength: 64 }), {
        minItems: 1,
        maxItems: 50,
        description: 'The types of the jobs.',
      }),
    }),
    response: T.Object({
      successRecords: counts('What succeeded, for each interval.'),
      failureRecords: counts('What failed.'),
      partialSuccessRecords: counts('Groups of which some jobs succeeded.'),
      waitingRecords: counts('What goes on, and what will be due.'),
    }),
    title: 'Get a report of scheduled jobs',
    summary: 'How often jobs succeeded and failed, and how often they will be due. A group counts once at each time.',
    examples: [
      {
        title: 'Of two hours',
        query: { startTime: '1795269600000', intervalTimeUnit: 'Hour', range: '2', schedulerJobTypes: 'stopVm' },
        status: 200,
        response: {
          successRecords: [1, 0],
          failureRecords: [0, 0],
          partialSuccessRecords: [0, 0],
          waitingRecords: [0, 1],
        },
      },
    ],
    handle: async ({ cloud, subject, input: { startTime, intervalTimeUnit, range: spans, schedulerJobTypes } }) => {
      const types = schedulerJobTypes.flatMap((one) => one.split(','));
      const unknown = types.find((type) => !allJobTypes.includes(type));
      if (unknown !== undefined) throw invalidArgument(`No SchedulerJobFactory of type[${unknown}] found`);
      const kinds = types.flatMap((type): ScheduledKind[] => (type in jobTypes ? [jobTypes[type as never]] : []));
      const wish = { startAt: startTime * 1000, unit: units[intervalTimeUnit], spans, kinds };
      const { succeeded, failed, partly, waiting } = await cloud.schedules.report(subject, wish);
      return {
        successRecords: succeeded,
        failureRecords: failed,
        partialSuccessRecords: partly,
        waitingRecords: waiting,
      };
    },
  }),
];
