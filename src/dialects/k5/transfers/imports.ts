import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { projectOf, type Subject } from '../../../cloud/identity/subject.ts';
import { parseObjectUrl } from '../../../cloud/images/exports/objects.ts';
import type { Image } from '../../../cloud/images/model.ts';
import type { ImageTask } from '../../../cloud/images/tasks.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { errorCodes, TransferRefused } from './failure.ts';
import { readLocation, readS3Location } from './location.ts';

const common = { dialect: 'k5', group: 'image import', since: '1.0' } as const;
const exampleId = '5a9cbe53-5c9d-4d5a-a1f1-2c1cf1b0ed11';
const exampleLocation = '/v1/AUTH_776a290892b747c4af8cec5d1d1b4a3f/images/web-server.vmdk';

/** What a guest of each of K5's systems is. */
const systems: Record<string, { platform: string; guestOs: string }> = {
  win2008R2SE: { platform: 'Windows', guestOs: 'Windows Server 2008 R2 SE' },
  win2008R2EE: { platform: 'Windows', guestOs: 'Windows Server 2008 R2 EE' },
  win2012SE: { platform: 'Windows', guestOs: 'Windows Server 2012 SE' },
  win2012R2SE: { platform: 'Windows', guestOs: 'Windows Server 2012 R2 SE' },
  win2016SE_ja: { platform: 'Windows', guestOs: 'Windows Server 2016 SE' },
  win2016SE_en: { platform: 'Windows', guestOs: 'Windows Server 2016 SE' },
  rhel6: { platform: 'Linux', guestOs: 'Red Hat Enterprise Linux 6' },
  rhel7: { platform: 'Linux', guestOs: 'Red Hat Enterprise Linux 7' },
  centos: { platform: 'Linux', guestOs: 'CentOS' },
  ubuntu: { platform: 'Linux', guestOs: 'Ubuntu' },
};

export const shaOne = Type.String({ pattern: '^[0-9A-Fa-f]{40}$', description: 'SHA-1 of the object.' });

const Status = Type.Object({
  import_id: Type.String(),
  import_status: Type.String({ description: '`queued`, `processing`, `succeeded`, `failed` or `canceled`.' }),
  progress: Type.Integer({ description: '0 to 100.' }),
  name: Type.Union([Type.String(), Type.Null()]),
  id: Type.String({ description: 'Of the image.' }),
  location: Type.String(),
  disk_format: Type.Union([Type.String(), Type.Null()]),
  container_format: Type.Union([Type.String(), Type.Null()]),
  min_ram: Type.Integer({ description: 'MB.' }),
  min_disk: Type.Integer({ description: 'GB.' }),
  billing_info: Type.Optional(Type.String()),
  error: Type.Optional(Type.Object({ error_code: Type.String(), error_message: Type.String() })),
});

export const registerImage = operation({
  ...common,
  id: 'RegisterImage',
  method: 'POST',
  path: '/imageimport',
  mode: 'async',
  allow: 'member',
  body: Type.Object({
    name: Type.String({ minLength: 1, maxLength: 255 }),
    location: Type.Optional(Type.String({ description: '`/v1/AUTH_<project>/<container>/<object>`.' })),
    s3_location: Type.Optional(Type.String({ description: '`/<bucket>/<object>`, in place of `location`.' })),
    checksum: Type.Optional(shaOne),
    id: Type.Optional(Type.String({ description: 'The image’s id is to be this.' })),
    min_ram: Type.Optional(Type.Integer({ minimum: 0, description: 'MB.' })),
    min_disk: Type.Optional(Type.Integer({ minimum: 0, description: 'GB.' })),
    os_type: Type.Optional(Type.Union(Object.keys(systems).map((name) => Type.Literal(name)))),
    details: Type.Optional(Type.Object({}, { additionalProperties: true })),
  }),
  responses: { 201: Type.Object({ import_id: Type.String() }) },
  errors: [400, 401, 403, 500, 503],
  title: 'Register image',
  summary:
    'Makes an image of an object in a container of the project. The answer comes at once; how far it is tells its ' +
    'status. Of an import that fails no image stays.',
  examples: [
    {
      title: 'A VMDK',
      body: { name: 'web-server', location: exampleLocation, os_type: 'ubuntu', min_ram: 512, min_disk: 1 },
      status: 201,
      response: { import_id: exampleId },
    },
  ],
  async handle({ cloud, subject, body }) {
    const { url, diskFormat } = placeIn(subject, body);
    const image = {
      id: imageIdIn(body),
      name: body.name,
      diskFormat,
      containerFormat: 'bare',
      visibility: 'private' as const,
      minMemoryMb: body.min_ram,
      minDiskGb: body.min_disk,
      ...(body.os_type === undefined ? {} : systems[body.os_type]),
    };
    const { actionId } = await cloud.images.imports.add(subject, image, { url, sha1: body.checksum?.toLowerCase() });
    return { body: { import_id: withDashes(actionId) } };
  },
});

function placeIn(subject: Subject, { location, s3_location }: { location?: string; s3_location?: string }) {
  if (location !== undefined && s3_location === undefined) return readLocation(subject, location);
  if (location === undefined && s3_location !== undefined) return readS3Location(subject, s3_location);
  throw new CloudError('invalid', 'Either location or s3_location is needed.', { field: 'location' });
}

/** The id that the image is to have, if one is wished for. */
export function imageIdIn({ id }: { id?: string }): string | undefined {
  const parsed = id === undefined ? undefined : parseId(id);
  if (id !== undefined && !parsed) throw new CloudError('invalid', `id is no UUID: ${id}`, { field: 'id' });
  return parsed;
}

export const showImport = operation({
  ...common,
  id: 'ShowImageImportStatus',
  method: 'GET',
  path: '/imageimport/{import_id}/status',
  mode: 'sync',
  allow: 'reader',
  params: Type.Object({ import_id: Type.String() }),
  responses: { 200: Status },
  errors: [401, 403, 404, 500, 503],
  title: 'Show status of image import',
  summary: 'How far an import is, and why it failed where it did.',
  examples: [{ title: 'By id', params: { import_id: exampleId }, status: 200 }],
  async handle({ cloud, subject, params }) {
    const id = parseId(params.import_id);
    const task = id === undefined ? undefined : await cloud.images.tasks.get(subject, id).catch(unlessUnknown);
    if (!task?.url || !parseObjectUrl(task.url) || task.projectId !== projectOf(subject)) {
      throw new CloudError('not_found', `There is no import ${params.import_id}.`, { reason: 'no_such_job' });
    }
    return { body: statusView(task, await cloud.images.tasks.imageOf(task)) };
  },
});

const maxImports = 100;

export const listImports = operation({
  ...common,
  id: 'ListImageImports',
  method: 'GET',
  path: '/imageimport',
  mode: 'sync',
  allow: 'reader',
  query: Type.Object({
    start: Type.Optional(Type.String({ description: 'How many to leave out.' })),
    limit: Type.Optional(Type.String({ description: `At most ${maxImports}.` })),
  }),
  responses: { 200: Type.Object({ imports: Type.Array(Status) }) },
  errors: [400, 401, 403, 500, 503],
  title: 'List image imports',
  summary: 'The project’s imports, newest first.',
  examples: [{ title: 'The last ten', query: { limit: '10' }, status: 200 }],
  async handle({ cloud, subject, query }) {
    const page = pageOf(query, maxImports);
    const tasks = await cloud.images.tasks.list(subject, { urlPrefix: `object://${projectOf(subject)}/` });
    const shown = tasks.slice(page.start, page.start + page.limit);
    const imports = await Promise.all(
      shown.map(async (task) => statusView(task, await cloud.images.tasks.imageOf(task))),
    );
    return { body: { imports } };
  },
});

/** Reads `start` and `limit`, each with its own error number. */
export function pageOf(query: { start?: string; limit?: string }, most: number): { start: number; limit: number } {
  const { start = '0', limit = `${most}` } = query;
  if (!/^\d{1,9}$/.test(start)) throw new TransferRefused(errorCodes.startInvalid, `start is invalid: ${start}`);
  const wanted = /^\d{1,9}$/.test(limit) ? Number(limit) : 0;
  if (wanted < 1 || wanted > most) throw new TransferRefused(errorCodes.limitInvalid, `limit is invalid: ${limit}`);
  return { start: Number(start), limit: wanted };
}

function unlessUnknown(error: unknown): undefined {
  if (error instanceof CloudError && error.code === 'not_found') return undefined;
  throw error;
}

function statusView(task: ImageTask, image: Image | undefined) {
  const { project, container, object } = parseObjectUrl(task.url!)!;
  const isFailed = task.status === 'failure' && !task.isCancelled;
  return {
    import_id: withDashes(task.id),
    import_status: statusWord(task),
    progress: task.status === 'success' ? 100 : task.progress,
    name: image?.name ?? null,
    id: withDashes(task.imageId),
    location: `/v1/AUTH_${project}/${container}/${object}`,
    disk_format: image?.diskFormat ?? null,
    container_format: image?.containerFormat ?? null,
    min_ram: image?.minMemoryMb ?? 0,
    min_disk: image?.minDiskGb ?? 0,
    ...(isFailed ? { error: { error_code: '50000', error_message: task.message } } : {}),
  };
}

function statusWord({ status, isCancelled }: ImageTask): string {
  if (status === 'success') return 'succeeded';
  if (status === 'failure') return isCancelled ? 'canceled' : 'failed';
  return status === 'pending' ? 'queued' : 'processing';
}
