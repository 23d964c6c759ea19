import { Type } from 'typebox';
import { eventStream, eventStreamHeaders } from '../../api/event-stream.ts';
import { operation } from '../../api/operation.ts';
import type { Activity } from '../../cloud/activity/model.ts';
import type { SpanNode } from '../../cloud/activity/span-tree.ts';
import { CloudError } from '../../cloud/errors.ts';
import { parseId } from '../../env/env.ts';
import { instant, Nullable } from './wire.ts';

const Instant = Type.String({ format: 'date-time', description: 'RFC 3339 with microseconds, UTC.' });

const activityFields = {
  id: Type.String(),
  kind: Type.String({ description: 'The registered action, as `server.rebuild`.' }),
  name: Type.String({ description: 'The name its users know, as `rebuild`.' }),
  resource_type: Type.String(),
  resource_id: Type.String(),
  resource_name: Nullable(Type.String()),
  project_id: Type.String(),
  user_id: Type.String(),
  request_id: Type.String({ description: 'The API request that asked for it.' }),
  state: Type.String({ description: '`pending`, `running`, `unwinding`, `succeeded`, `failed` or `parked`.' }),
  progress: Type.Number({ description: 'Percent.' }),
  failure: Nullable(
    Type.Object({ code: Type.String(), message: Type.String(), step: Type.String() }),
    'The first cause of a failure.',
  ),
  created_at: Instant,
  updated_at: Instant,
  finished_at: Nullable(Instant),
};

const ActivityDocument = Type.Object(activityFields);
const Span = Type.Cyclic(
  {
    Span: Type.Object({
      name: Type.String(),
      path: Type.String({ description: 'Its place in the definition of the action.' }),
      host: Nullable(Type.String()),
      started_at: Instant,
      finished_at: Nullable(Instant),
      result: Nullable(Type.String(), '`Success` or `Error`; null while it is under way.'),
      traceback: Nullable(Type.String(), 'Only for administrators.'),
      spans: Type.Array(Type.Ref('Span'), { description: 'The work inside it.' }),
    }),
  },
  'Span',
);
const Step = Type.Object({ name: Type.String(), path: Type.String(), outcome: Type.String(), ended_at: Instant });
const DetailDocument = Type.Object({ ...activityFields, spans: Type.Array(Span), steps: Type.Array(Step) });

function activityView(activity: Activity) {
  return {
    id: activity.id,
    kind: activity.kind,
    name: activity.name,
    resource_type: activity.resourceType,
    resource_id: activity.resourceId,
    resource_name: activity.resourceName,
    project_id: activity.projectId,
    user_id: activity.userId,
    request_id: activity.requestId,
    state: activity.state,
    progress: activity.progress,
    failure: activity.failure,
    created_at: instant(activity.createdAt),
    updated_at: instant(activity.updatedAt),
    finished_at: activity.finishedAt === null ? null : instant(activity.finishedAt),
  };
}

function spanView(span: SpanNode): object {
  return {
    name: span.name,
    path: span.path,
    host: span.host,
    started_at: instant(span.startedAt),
    finished_at: span.finishedAt === null ? null : instant(span.finishedAt),
    result: span.result,
    traceback: span.traceback,
    spans: span.spans.map(spanView),
  };
}

const common = {
  dialect: 'native',
  group: 'activity',
  method: 'GET',
  since: '1.0',
  mode: 'sync',
  allow: 'reader',
} as const;
const exampleAction = '0b1f9c1de0f04e3f9d3d4c9a2c6f7a10';
const maxPage = 200;

const AllProjects = Type.Optional(Type.Boolean({ description: 'Of every project; for administrators.' }));

export const activityOperations = [
  operation({
    ...common,
    id: 'ListActivities',
    path: '/activities',
    query: Type.Object({
      resource_id: Type.Optional(Type.String({ description: 'Only what was done with this resource.' })),
      request_id: Type.Optional(Type.String({ description: 'Only what this API request asked for.' })),
      all_projects: AllProjects,
      under_way: Type.Optional(Type.Boolean({ description: 'Only what has not ended.' })),
      before: Type.Optional(
        Type.String({ format: 'date-time', description: 'Only what began earlier: the next page.' }),
      ),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxPage, default: 50 })),
    }),
    responses: { 200: Type.Object({ activities: Type.Array(ActivityDocument) }) },
    errors: [400, 401, 403],
    title: 'List activities',
    summary: 'What is being done and was done with any resource, the newest first.',
    examples: [{ title: 'The newest', query: { limit: '10' }, status: 200 }],
    async handle({ cloud, subject, query }) {
      const activities = await cloud.activities.list(subject, {
        resourceId: query.resource_id && (parseId(query.resource_id) ?? query.resource_id),
        requestId: query.request_id,
        allProjects: query.all_projects,
        underWay: query.under_way,
        before: query.before === undefined ? undefined : microsOf(query.before),
        limit: query.limit ?? 50,
      });
      return { body: { activities: activities.map(activityView) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowActivity',
    path: '/activities/{activity_id}',
    params: Type.Object({ activity_id: Type.String() }),
    responses: { 200: Type.Object({ activity: DetailDocument }) },
    errors: [401, 403, 404],
    title: 'Show an activity',
    summary: 'One action with its spans as a tree, and the steps that ended. A span that was tried again stands twice.',
    examples: [{ title: 'By id', params: { activity_id: exampleAction }, status: 200 }],
    async handle({ cloud, subject, params }) {
      const found = await cloud.activities.get(subject, parseId(params.activity_id) ?? params.activity_id);
      const steps = found.steps.map(({ endedAt, ...step }) => ({ ...step, ended_at: instant(endedAt) }));
      return { body: { activity: { ...activityView(found), spans: found.spans.map(spanView), steps } } };
    },
  }),
  operation({
    ...common,
    id: 'CancelActivity',
    method: 'POST',
    mode: 'async',
    allow: 'member',
    path: '/activities/{activity_id}/cancel',
    params: Type.Object({ activity_id: Type.String() }),
    responses: { 202: null },
    errors: [401, 403, 404, 409],
    title: 'Cancel an activity',
    summary:
      'Asks an action that is under way to stop and to undo what it did; it then ends as `failed` with the code ' +
      '`cancelled`. What waits behind it on the same resource is stopped, too. A deletion only goes forward.',
    examples: [{ title: 'By id', params: { activity_id: exampleAction }, status: 202 }],
    async handle({ cloud, subject, params }) {
      await cloud.activities.cancel(subject, parseId(params.activity_id) ?? params.activity_id);
      return { status: 202 };
    },
  }),
  operation({
    ...common,
    id: 'WatchActivities',
    path: '/events',
    query: Type.Object({ all_projects: AllProjects }),
    responses: { 200: 'stream' },
    errors: [401, 403],
    title: 'Watch activities',
    summary:
      'Server-sent events: `activity` with an activity as its data, whenever one begins, gets on or ends. Ends when the token does.',
    examples: [{ title: 'Of the project', status: 200 }],
    handle({ cloud, subject, query, raw }) {
      const { env, activities } = cloud;
      const stream = eventStream(
        raw,
        (ms, work) => env.every(ms, work),
        (send) =>
          activities.watch(subject, query.all_projects === true, (activity) =>
            send('activity', activityView(activity), `${activity.id}.${activity.updatedAt}`),
          ),
      );
      return { headers: { ...eventStreamHeaders }, body: stream };
    },
  }),
];

function microsOf(text: string): number {
  const micros = Date.parse(text) * 1000;
  if (Number.isNaN(micros)) throw new CloudError('invalid', `${text} is not a time.`, { field: 'before' });
  const fraction = /\.\d{3}(\d{3})/.exec(text)?.[1];
  return micros + Number(fraction ?? 0);
}
