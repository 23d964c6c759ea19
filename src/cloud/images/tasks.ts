import type { ActionsTable } from '../../database/schema.ts';
import { CloudError, notFound } from '../errors.ts';
import { ownsOrAdmin, type Subject } from '../identity/subject.ts';
import type { Image } from './model.ts';
import type { ImageParts } from './parts.ts';
import type { RegionImage } from './region-images.ts';

/** An import as Glance's tasks tell of it: the actions of one request on one image. Times are microseconds. */
export interface ImageTask {
  id: string;
  imageId: string;
  projectId: string;
  userId: string;
  requestId: string;
  status: 'pending' | 'processing' | 'success' | 'failure';
  message: string;
  isCancelled: boolean;
  /** 0 to 100. */
  progress: number;
  method: 'web-download' | 'glance-direct' | 'copy-image' | 'glance-download';
  /** Where the bytes come from, for `web-download`. */
  url: string | null;
  /** Whose image it is, for `glance-download`. */
  region: RegionImage | null;
  storeIds: string[];
  /** Whether the image was made for this import. */
  makesImage: boolean;
  createdAt: number;
  updatedAt: number;
  finishedAt: number | null;
}

export interface TaskList {
  imageId?: string;
  /** Only those whose `url` begins like this. */
  urlPrefix?: string;
  limit?: number;
  /** The id of the task after which the list begins. */
  marker?: string;
}

const kinds = ['image.import', 'image.copy'];
/** Actions that a list looks at: older imports are history. */
const maxActions = 2000;

/** Imports and copies, as lists of what was asked for and what came of it. */
export class ImageTasks {
  readonly #parts: ImageParts;

  constructor(parts: ImageParts) {
    this.#parts = parts;
  }

  /** Newest first: all for administrators, else those of the subject's project. */
  async list(subject: Subject, { imageId, urlPrefix, limit, marker }: TaskList = {}): Promise<ImageTask[]> {
    let query = this.#parts.core.db.read
      .selectFrom('actions')
      .selectAll()
      .where('kind', 'in', kinds)
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(maxActions);
    if (imageId !== undefined) query = query.where('resource_id', '=', imageId);
    else if (!subject.isAdmin) query = query.where('project_id', '=', subject.projectId ?? '');
    const all = tasksOf(await query.execute());
    const tasks = urlPrefix === undefined ? all : all.filter(({ url }) => url?.startsWith(urlPrefix));
    const from = marker === undefined ? 0 : tasks.findIndex(({ id }) => id === marker) + 1;
    if (marker !== undefined && from === 0) {
      throw new CloudError('invalid', 'Invalid marker. Task could not be found.', { field: 'marker' });
    }
    return tasks.slice(from, limit === undefined ? undefined : from + limit);
  }

  async get(subject: Subject, id: string): Promise<ImageTask> {
    const { read } = this.#parts.core.db;
    const row = await read
      .selectFrom('actions')
      .select(['resource_id', 'project_id', 'request_id'])
      .where('id', '=', id)
      .where('kind', 'in', kinds)
      .executeTakeFirst();
    const unknown = notFound('task', id, `No task found with ID ${id}`);
    if (!row || !ownsOrAdmin(subject, row.project_id)) throw unknown;
    const rows = await read
      .selectFrom('actions')
      .selectAll()
      .where('resource_id', '=', row.resource_id)
      .where('request_id', '=', row.request_id)
      .where('kind', 'in', kinds)
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .execute();
    const task = tasksOf(rows)[0];
    if (!task) throw unknown;
    return task;
  }

  /** The image of a task that was given to whoever asks, also one that went with its failed import. */
  async imageOf({ imageId }: ImageTask): Promise<Image | undefined> {
    return await this.#parts.rows.image(imageId);
  }
}

/** Actions, newest first, as tasks: copies that follow from an import belong to it. */
function tasksOf(rows: readonly ActionsTable[]): ImageTask[] {
  const groups = new Map<string, ActionsTable[]>();
  for (const row of rows) {
    const key = `${row.resource_id} ${row.request_id}`;
    const group = groups.get(key);
    if (group) group.unshift(row);
    else groups.set(key, [row]);
  }
  return [...groups.values()].map(taskOf);
}

interface Input {
  removeOnFailure?: boolean;
  url?: string;
  stagedIn?: string;
  region?: RegionImage;
  storeId: string;
}

function taskOf(actions: ActionsTable[]): ImageTask {
  const main = actions.find(({ kind }) => kind === 'image.import');
  const first = main ?? actions[0]!;
  const counted = main ? [main] : actions;
  const inputs = actions.map(({ input }) => JSON.parse(input) as Input);
  const { url, stagedIn, region, removeOnFailure } = JSON.parse(first.input) as Input;
  const source = region ? 'glance-download' : stagedIn === undefined ? 'web-download' : 'glance-direct';
  const failed = counted.find(({ state }) => state === 'failed');
  const isOver = counted.every(({ finished_at }) => finished_at !== null);
  const isPending = counted.every(({ state }) => state === 'pending');
  return {
    id: first.id,
    imageId: first.resource_id,
    projectId: first.project_id,
    userId: first.user_id,
    requestId: first.request_id,
    status: !isOver ? (isPending ? 'pending' : 'processing') : failed ? 'failure' : 'success',
    message: failed?.error ? messageOf(failed.error) : '',
    isCancelled: failed?.cancel_requested === 1,
    progress: Math.round(Math.min(...counted.map(({ progress }) => progress))),
    method: main ? source : 'copy-image',
    url: url && !region ? url : null,
    region: region ?? null,
    storeIds: [...new Set(inputs.map(({ storeId }) => storeId))],
    makesImage: removeOnFailure === true,
    createdAt: first.created_at,
    updatedAt: Math.max(...actions.map(({ updated_at }) => updated_at)),
    finishedAt: isOver ? Math.max(...counted.map(({ finished_at }) => finished_at!)) : null,
  };
}

function messageOf(error: string): string {
  const { message } = JSON.parse(error) as { message?: string };
  return message ?? '';
}
