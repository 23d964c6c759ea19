import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { projectOf } from '../../../cloud/identity/subject.ts';
import type { ImageExport } from '../../../cloud/images/exports/model.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { isoMicros } from '../../openstack/common/time.ts';
import { errorCodes, TransferRefused } from './failure.ts';
import { pageOf } from './imports.ts';
import { readContainer } from './location.ts';

const common = { dialect: 'k5', group: 'image export', since: '1.0' } as const;
const exampleId = '0b1f5d1c-40c5-4f0e-9a35-6a2f4a0e7c22';
const exampleImage = '3eb2d8df-487b-4e82-a5ad-cde81d5f7a10';
const maxExports = 200;

const Export = Type.Object({
  export_id: Type.String(),
  export_status: Type.String({ description: '`processing`, `succeeded` or `failed`.' }),
  status: Type.String({ description: 'The same, for older clients.' }),
  image_id: Type.String(),
  storage_container: Type.String(),
  request_time: Type.String(),
  error: Type.Optional(Type.Object({ error_code: Type.String(), error_message: Type.String() })),
});

function exportView(one: ImageExport) {
  const [, project, container] = one.destination!.split('/');
  const status = one.state === 'ready' ? 'succeeded' : one.state === 'failed' ? 'failed' : 'processing';
  return {
    export_id: withDashes(one.id),
    export_status: status,
    status,
    image_id: withDashes(one.imageId),
    storage_container: `/v1/AUTH_${project}/${container}`,
    request_time: isoMicros(one.createdAt),
    ...(one.lastError === null ? {} : { error: { error_code: '50000', error_message: one.lastError } }),
  };
}

export const exportOperations = [
  operation({
    ...common,
    id: 'ExportImage',
    method: 'POST',
    path: '/imageexport',
    mode: 'async',
    allow: 'member',
    body: Type.Object({
      image_id: Type.String(),
      storage_container: Type.String({ description: '`/v1/AUTH_<project>/<container>`.' }),
    }),
    responses: { 201: Type.Object({ export_id: Type.String() }) },
    errors: [400, 401, 403, 500, 503],
    title: 'Export image',
    summary:
      'Writes an image of the project as a VMDK into one of its containers, as the object `<image id>.vmdk`. Refused ' +
      'where there is such an object, or the same export is under way.',
    examples: [
      {
        title: 'Into the container images',
        body: {
          image_id: exampleImage,
          storage_container: '/v1/AUTH_776a290892b747c4af8cec5d1d1b4a3f/images',
        },
        status: 201,
        response: { export_id: exampleId },
      },
    ],
    async handle({ cloud, subject, body }) {
      const id = parseId(body.image_id);
      const image = id === undefined ? undefined : await cloud.images.get(subject, id).catch(() => undefined);
      if (image?.projectId !== projectOf(subject)) {
        throw new TransferRefused(errorCodes.imageInvalid, `image_id is invalid: ${body.image_id}`);
      }
      const to = { container: readContainer(subject, body.storage_container), object: `${withDashes(image.id)}.vmdk` };
      const begun = await cloud.images.exports.toContainer(subject, image.id, to, { format: 'vmdk' }).catch(refusal);
      return { body: { export_id: withDashes(begun.imageExport.id) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowImageExportStatus',
    method: 'GET',
    path: '/imageexport/{export_id}/status',
    mode: 'sync',
    allow: 'reader',
    params: Type.Object({ export_id: Type.String() }),
    responses: { 200: Export },
    errors: [401, 403, 404, 500, 503],
    title: 'Show status of image export',
    summary: 'How far an export is, and why it failed where it did.',
    examples: [{ title: 'By id', params: { export_id: exampleId }, status: 200 }],
    async handle({ cloud, subject, params }) {
      const id = parseId(params.export_id);
      const jobs = await cloud.images.exports.list(subject, { toContainers: true });
      const found = jobs.find((one) => one.id === id);
      if (found) return { body: exportView(found) };
      throw new CloudError('not_found', `There is no export ${params.export_id}.`, { reason: 'no_such_job' });
    },
  }),
  operation({
    ...common,
    id: 'ListImageExports',
    method: 'GET',
    path: '/imageexport',
    mode: 'sync',
    allow: 'reader',
    query: Type.Object({
      start: Type.Optional(Type.String({ description: 'How many to leave out.' })),
      limit: Type.Optional(Type.String({ description: `At most ${maxExports}.` })),
    }),
    responses: { 200: Type.Object({ exports: Type.Array(Export) }) },
    errors: [400, 401, 403, 500, 503],
    title: 'List image exports',
    summary: 'The project’s exports of the last 30 days, newest first.',
    examples: [{ title: 'The last ten', query: { limit: '10' }, status: 200 }],
    async handle({ cloud, subject, query }) {
      const { start, limit } = pageOf(query, maxExports);
      const jobs = await cloud.images.exports.list(subject, { toContainers: true });
      return { body: { exports: jobs.slice(start, start + limit).map(exportView) } };
    },
  }),
];

/** What is wrong with a container has a number of its own. */
function refusal(error: unknown): never {
  const isContainer = error instanceof CloudError && error.details.reason === 'no_container';
  throw isContainer ? new TransferRefused(errorCodes.containerInvalid, error.message, error) : error;
}
