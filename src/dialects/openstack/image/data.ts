import { Type } from 'typebox';
import { parseRange } from '../../../api/byte-range.ts';
import { type Answer, operation } from '../../../api/operation.ts';
import { releasedAsSent } from '../../../api/release-sent.ts';
import { takeBody } from '../../../api/take-body.ts';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { exampleId, ImageParams, idOf } from './resource.ts';

const common = { dialect: 'image', group: 'image data', path: '/v2/images/{image_id}/file', mode: 'sync' } as const;

const uploadImage = operation({
  ...common,
  id: 'UploadImage',
  method: 'PUT',
  allow: 'member',
  params: ImageParams,
  consumes: ['application/octet-stream'],
  responses: { 204: null },
  errors: [400, 401, 403, 404, 409, 410, 413, 415, 503],
  title: 'Upload image data',
  summary:
    'Stores the data of a queued image, which is then active. It is inspected on the way: what is not of the declared ' +
    'format, or unsafe, is refused, and the image is queued again. `X-OpenStack-Image-Size` announces the size, ' +
    '`X-Image-Meta-Store` chooses the store.',
  examples: [{ title: 'A file', params: { image_id: exampleId }, status: 204 }],
  async handle({ cloud, subject, params, raw, reply }) {
    await takeBody({ cloud, raw, reply }, (source, onTaken) =>
      cloud.images.upload(subject, idOf(params), source, {
        onTaken,
        sizeHint: announcedSize(raw.headers),
        storeId: wantedStore(cloud, raw.headers['x-image-meta-store']),
      }),
    );
    return {};
  },
});

const stageImage = operation({
  ...common,
  id: 'StageImageData',
  method: 'PUT',
  path: '/v2/images/{image_id}/stage',
  allow: 'member',
  params: ImageParams,
  consumes: ['application/octet-stream'],
  responses: { 204: null },
  errors: [400, 401, 403, 404, 409, 410, 413, 415, 503],
  title: 'Stage image data',
  summary:
    'Takes the data of a queued image, which is `uploading` from then on, until an import of the method `glance-direct` ' +
    'inspects it and makes the image active.',
  examples: [{ title: 'A file', params: { image_id: exampleId }, status: 204 }],
  async handle({ cloud, subject, params, raw, reply }) {
    await takeBody({ cloud, raw, reply }, (source, onTaken) =>
      cloud.images.stage(subject, idOf(params), source, { onTaken, sizeHint: announcedSize(raw.headers) }),
    );
    return {};
  },
});

type Headers = Record<string, string | string[] | undefined>;

function announcedSize(headers: Headers): number | undefined {
  const announced = headers['x-openstack-image-size'];
  const text = announced ?? headers['content-length'];
  if (text === undefined) return undefined;
  if (typeof text === 'string' && /^\d{1,15}$/.test(text)) return Number(text);
  throw new CloudError('invalid', `Invalid value for X-OpenStack-Image-Size: ${String(text)}`, { field: 'size' });
}

function wantedStore(cloud: Cloud, name: string | string[] | undefined): string | undefined {
  if (typeof name !== 'string' || name === '') return undefined;
  const store = cloud.imageStores.byName(name);
  if (store) return store.id;
  throw new CloudError('invalid', `The requested store is not available: ${name}`, { field: 'store' });
}

const downloadImage = operation({
  ...common,
  id: 'DownloadImage',
  method: 'GET',
  allow: 'reader',
  params: ImageParams,
  responses: { 200: 'stream', 206: 'stream', 204: null, 304: null },
  errors: [401, 403, 404, 412, 416, 503],
  title: 'Download image data',
  summary:
    'The data as it was uploaded, or with a `Range` header one part of it. 204 while there is none. `ETag` is the sha512 ' +
    'of all of it, which `If-None-Match`, `If-Match` and `If-Range` may name.',
  examples: [{ title: 'All of it', params: { image_id: exampleId }, status: 200 }],
  async handle({ cloud, subject, params, raw, reply }): Promise<Answer> {
    const download = await cloud.images.download(subject, idOf(params));
    if (!download) return { status: 204 };
    const { size, image, read } = download;
    const etag = `"${image.hashValue}"`;
    const type = { 'content-type': 'application/octet-stream', 'accept-ranges': 'bytes', etag };
    requireMatch(raw.headers['if-match'], etag);
    if (names(raw.headers['if-none-match'], etag)) return { status: 304, headers: { etag } };
    const ifRange = raw.headers['if-range'];
    const isSame = ifRange === undefined || ifRange === etag;
    const range = isSame ? parseRange(raw.headers.range, size) : undefined;
    if (range === 'unsatisfiable') {
      reply.header('content-range', `bytes */${size}`);
      throw new CloudError('invalid', `The requested range can not be satisfied: the image has ${size} bytes.`, {
        reason: 'range',
      });
    }
    if (!range) {
      const headers = {
        ...type,
        'content-length': `${size}`,
        ...(image.checksum ? { 'content-md5': image.checksum } : {}),
      };
      return { status: 200, headers, body: raw.method === 'HEAD' ? '' : releasedAsSent(await read(), reply.raw) };
    }
    const { start, end } = range;
    const headers = {
      ...type,
      'content-length': `${end - start}`,
      'content-range': `bytes ${start}-${end - 1}/${size}`,
    };
    return {
      status: 206,
      headers,
      body: raw.method === 'HEAD' ? '' : releasedAsSent(await read({ start, end }), reply.raw),
    };
  },
});

/** Whether a list of entity tags (RFC 9110, 13.1) names the one. */
function names(header: string | undefined, etag: string): boolean {
  const tags = header?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? [];
  return tags.includes('*') || tags.includes(etag);
}

function requireMatch(header: string | undefined, etag: string): void {
  if (header === undefined || names(header, etag)) return;
  throw new CloudError('conflict', 'The image data is not what `If-Match` names.', { reason: 'precondition' });
}

const TagParams = Type.Object({
  ...ImageParams.properties,
  tag: Type.String({ minLength: 1, maxLength: 255, description: 'Any text.' }),
});

const addTag = operation({
  ...common,
  id: 'AddImageTag',
  group: 'image tags',
  method: 'PUT',
  path: '/v2/images/{image_id}/tags/{tag}',
  allow: 'member',
  params: TagParams,
  responses: { 204: null },
  errors: [400, 401, 403, 404, 413],
  title: 'Add a tag',
  summary: 'Tags the image; nothing changes when it has the tag already.',
  examples: [{ title: 'A tag', params: { image_id: exampleId, tag: 'golden' }, status: 204 }],
  async handle({ cloud, subject, params }) {
    await cloud.images.addTag(subject, idOf(params), params.tag);
    return {};
  },
});

const removeTag = operation({
  ...common,
  id: 'RemoveImageTag',
  group: 'image tags',
  method: 'DELETE',
  path: '/v2/images/{image_id}/tags/{tag}',
  allow: 'member',
  params: TagParams,
  responses: { 204: null },
  errors: [401, 403, 404],
  title: 'Remove a tag',
  summary: 'Takes the tag off the image.',
  examples: [{ title: 'A tag', params: { image_id: exampleId, tag: 'golden' }, status: 204 }],
  async handle({ cloud, subject, params }) {
    await cloud.images.removeTag(subject, idOf(params), params.tag);
    return {};
  },
});

function switchOperation(doing: 'deactivate' | 'reactivate', id: string, title: string, summary: string) {
  return operation({
    ...common,
    id,
    group: 'images',
    method: 'POST',
    path: `/v2/images/{image_id}/actions/${doing}`,
    allow: 'member',
    params: ImageParams,
    responses: { 204: null },
    errors: [401, 403, 404],
    title,
    summary,
    examples: [{ title: 'An image', params: { image_id: exampleId }, status: 204 }],
    async handle({ cloud, subject, params }) {
      await cloud.images[doing](subject, idOf(params));
      return {};
    },
  });
}

export const dataOperations = [
  uploadImage,
  stageImage,
  downloadImage,
  addTag,
  removeTag,
  switchOperation(
    'deactivate',
    'DeactivateImage',
    'Deactivate an image',
    'Takes an active image out of use: no server is built from it, and its data is for administrators only.',
  ),
  switchOperation('reactivate', 'ReactivateImage', 'Reactivate an image', 'Brings a deactivated image back into use.'),
];
