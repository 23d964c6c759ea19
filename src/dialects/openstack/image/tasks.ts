import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { CloudError, notFound } from '../../../cloud/errors.ts';
import type { ImageTask } from '../../../cloud/images/tasks.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { nextPageUrl, pageOf } from '../common/pagination.ts';
import { isoSeconds } from '../common/time.ts';
import { newImage } from './new-image.ts';
import { exampleId, ImageParams, idOf } from './resource.ts';

const common = { dialect: 'image', group: 'tasks', errors: [401, 403, 404] } as const;

/** Finished tasks are told for so long, seconds: Glance's own figure. */
const timeToLive = 48 * 3600;

const textOrNull = Type.Unsafe<string | null>({ type: ['string', 'null'] });
const anyOrNull = Type.Unsafe<object | null>({ type: ['object', 'null'], additionalProperties: true });

/** What lists tell of a task. */
export const taskProperties = {
  id: Type.String({ description: 'An identifier for the task' }),
  type: Type.String({ description: 'import, or api_image_import where an image was there before' }),
  status: Type.Union(['pending', 'processing', 'success', 'failure'].map((word) => Type.Literal(word))),
  owner: Type.String({ description: 'An identifier for the owner of this task' }),
  created_at: Type.String(),
  updated_at: Type.String(),
  expires_at: Type.Optional(Type.String()),
  self: Type.String(),
  schema: Type.String(),
};

/** What one task tells besides. */
export const taskDetails = {
  input: anyOrNull,
  result: anyOrNull,
  message: Type.String(),
  image_id: textOrNull,
  request_id: textOrNull,
  user_id: textOrNull,
};

const TaskDocument = Type.Object({ ...taskProperties, ...taskDetails });

function summaryView(task: ImageTask) {
  const id = withDashes(task.id);
  const expires = task.finishedAt === null ? undefined : task.finishedAt + timeToLive * 1_000_000;
  return {
    id,
    type: task.makesImage ? 'import' : 'api_image_import',
    status: task.status,
    owner: task.projectId,
    created_at: isoSeconds(task.createdAt),
    updated_at: isoSeconds(task.updatedAt),
    ...(expires === undefined ? {} : { expires_at: isoSeconds(expires) }),
    self: `/v2/tasks/${id}`,
    schema: '/v2/schemas/task',
  };
}

function taskView(task: ImageTask, storeNames: ReadonlyMap<string, string>) {
  const stores = task.storeIds.map((id) => storeNames.get(id) ?? id);
  const image = withDashes(task.imageId);
  const { region } = task;
  const method = {
    name: task.method,
    ...(task.url === null ? {} : { uri: task.url }),
    ...(region && {
      glance_region: region.region,
      glance_image_id: region.imageId,
      glance_service_interface: region.serviceInterface,
    }),
  };
  return {
    ...summaryView(task),
    input: task.makesImage
      ? { import_from: task.url, image_properties: {} }
      : { image_id: image, import_req: { method, stores }, backend: stores },
    result: task.status === 'success' ? { image_id: image } : null,
    message: task.message,
    image_id: image,
    request_id: task.requestId,
    user_id: task.userId,
  };
}

const storeNamesOf = (stores: ReadonlyArray<{ id: string; name: string }>) =>
  new Map(stores.map(({ id, name }) => [id, name]));

const listImageTasks = operation({
  ...common,
  id: 'ListImageTasks',
  method: 'GET',
  path: '/v2/images/{image_id}/tasks',
  mode: 'sync',
  allow: 'reader',
  params: ImageParams,
  responses: { 200: Type.Object({ tasks: Type.Array(TaskDocument) }) },
  title: "List an image's tasks",
  summary: 'The imports and copies of an image, newest first.',
  examples: [{ title: 'All', params: { image_id: exampleId }, status: 200, response: { tasks: [] } }],
  async handle({ cloud, subject, params }) {
    const image = await cloud.images.get(subject, idOf(params));
    const tasks = await cloud.images.tasks.list(subject, { imageId: image.id });
    const names = storeNamesOf(cloud.imageStores.list());
    return { body: { tasks: tasks.map((task) => taskView(task, names)) } };
  },
});

const listTasks = operation({
  ...common,
  id: 'ListTasks',
  method: 'GET',
  path: '/v2/tasks',
  mode: 'sync',
  allow: 'reader',
  query: Type.Object(
    { limit: Type.Optional(Type.String()), marker: Type.Optional(Type.String()) },
    { additionalProperties: true },
  ),
  responses: {
    200: Type.Object({
      tasks: Type.Array(Type.Object(taskProperties)),
      first: Type.String(),
      next: Type.Optional(Type.String()),
      schema: Type.String(),
    }),
  },
  errors: [400, 401, 403],
  title: 'List tasks',
  summary: "Imports of the project's images, newest first; administrators see all.",
  examples: [{ title: 'The newest', query: { limit: '10' }, status: 200 }],
  async handle({ cloud, subject, query }) {
    const page = pageOf('image', query);
    const limit = page.limit ?? 25;
    const marker = page.marker === undefined ? undefined : (parseId(page.marker) ?? page.marker);
    const tasks = await cloud.images.tasks.list(subject, { limit, marker });
    const last = tasks.length === limit ? tasks.at(-1) : undefined;
    return {
      body: {
        tasks: tasks.map(summaryView),
        first: '/v2/tasks',
        ...(last ? { next: nextPageUrl('', `/v2/tasks?limit=${limit}`, withDashes(last.id)) } : {}),
        schema: '/v2/schemas/tasks',
      },
    };
  },
});

const showTask = operation({
  ...common,
  id: 'ShowTask',
  method: 'GET',
  path: '/v2/tasks/{task_id}',
  mode: 'sync',
  allow: 'reader',
  params: Type.Object({ task_id: Type.String() }),
  responses: { 200: TaskDocument },
  title: 'Show a task',
  summary: 'One import: what was asked for, and what came of it.',
  examples: [{ title: 'A task', params: { task_id: exampleId }, status: 200 }],
  async handle({ cloud, subject, params }) {
    const id = parseId(params.task_id);
    if (!id) throw notFound('task', params.task_id, `No task found with ID ${params.task_id}`);
    const task = await cloud.images.tasks.get(subject, id);
    return { body: taskView(task, storeNamesOf(cloud.imageStores.list())) };
  },
});

const createTask = operation({
  ...common,
  id: 'CreateTask',
  method: 'POST',
  path: '/v2/tasks',
  mode: 'async',
  allow: 'admin',
  body: Type.Object({
    type: Type.String({ description: 'import.' }),
    input: Type.Object({
      import_from: Type.String({ description: 'A URL.' }),
      import_from_format: Type.Optional(Type.String({ description: 'As `disk_format`.' })),
      image_properties: Type.Record(Type.String(), Type.Unknown()),
    }),
  }),
  responses: { 201: TaskDocument },
  errors: [400, 401, 403, 409, 413, 503],
  title: 'Create a task',
  summary: 'Makes an image of what is at a URL: the older way to import, for administrators.',
  examples: [
    {
      title: 'An import',
      body: {
        type: 'import',
        input: {
          import_from: 'https://cloud.debian.org/images/cloud/trixie/latest/disk.qcow2',
          import_from_format: 'qcow2',
          image_properties: { name: 'debian-13', disk_format: 'qcow2', container_format: 'bare' },
        },
      },
      status: 201,
    },
  ],
  async handle({ cloud, subject, body, base }) {
    if (body.type !== 'import') {
      throw new CloudError('invalid', `Invalid task type '${body.type}': only import is known.`, { field: 'type' });
    }
    const { import_from: url, import_from_format: format, image_properties: properties } = body.input;
    const image = newImage({ ...(format ? { disk_format: format } : {}), ...properties });
    const { actionId } = await cloud.images.imports.add(subject, image, { url });
    const task = await cloud.images.tasks.get(subject, actionId);
    return {
      headers: { location: `${base}/v2/tasks/${withDashes(actionId)}` },
      body: taskView(task, storeNamesOf(cloud.imageStores.list())),
    };
  },
});

export const taskOperations = [listImageTasks, listTasks, createTask, showTask];
