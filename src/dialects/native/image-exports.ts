import { Type } from 'typebox';
import { parseRange } from '../../api/byte-range.ts';
import { type Answer, operation } from '../../api/operation.ts';
import { releasedAsSent } from '../../api/release-sent.ts';
import { CloudError } from '../../cloud/errors.ts';
import type { ImageExport } from '../../cloud/images/exports/model.ts';
import { parseId, withDashes } from '../../env/env.ts';
import { instant, Nullable } from './wire.ts';

const common = { dialect: 'native', group: 'images', since: '1.0' } as const;
const exampleImage = { image_id: 'c0ffee11-a5e0-4c1d-a11a-71e711a00501' };
const exampleExport = { export_id: 'c0ffee11-a5e0-4c1d-a11a-71e711a00601' };
const formats = ['raw', 'qcow2', 'vmdk', 'vdi', 'vhd', 'vhdx'] as const;

const ImageParams = Type.Object({ image_id: Type.String() });
const ExportParams = Type.Object({ export_id: Type.String() });

const Export = Type.Object({
  id: Type.String(),
  image_id: Type.String(),
  image_store_id: Type.String(),
  format: Type.String(),
  state: Type.String({ description: '`exporting`, `ready` or `failed`.' }),
  size: Nullable(Type.Integer(), 'Bytes.'),
  md5: Nullable(Type.String()),
  sha512: Nullable(Type.String()),
  url: Nullable(Type.String(), 'The link, once it is ready: whoever has it may fetch the file, without a token.'),
  last_error: Nullable(Type.String()),
  created_at: Type.String({ format: 'date-time' }),
  expires_at: Type.String({ format: 'date-time' }),
});

function exportView(one: ImageExport) {
  return {
    id: withDashes(one.id),
    image_id: withDashes(one.imageId),
    image_store_id: withDashes(one.storeId),
    format: one.format,
    state: one.state,
    size: one.size,
    md5: one.md5,
    sha512: one.sha512,
    url: one.url,
    last_error: one.lastError,
    created_at: instant(one.createdAt),
    expires_at: instant(one.expiresAt),
  };
}

function idOf(text: string, resource: string): string {
  const id = parseId(text);
  if (!id) throw new CloudError('not_found', `The ${resource} ${text} could not be found.`, { resource });
  return id;
}

const fetchExport = operation({
  ...common,
  id: 'FetchImageExport',
  method: 'GET',
  path: '/image-exports/{export_id}/{file_name}',
  mode: 'sync',
  allow: 'anyone',
  params: Type.Object({ ...ExportParams.properties, file_name: Type.String({ maxLength: 255 }) }),
  query: Type.Object({
    expires: Type.Integer({ minimum: 0, description: 'Until when the link is good, seconds since the epoch.' }),
    signature: Type.String({ maxLength: 100 }),
  }),
  responses: { 200: 'stream', 206: 'stream', 304: null },
  errors: [400, 403, 404, 416, 503],
  title: 'Fetch an exported image',
  summary:
    'The file, or with a `Range` header one part of it, for whoever has the signed link. `ETag` is its sha512, which ' +
    '`If-Range` and `If-None-Match` may name; `Content-MD5` its md5.',
  examples: [
    {
      title: 'A link that was not made here',
      params: { ...exampleExport, file_name: 'image.qcow2' },
      query: { expires: '1795000000', signature: 'bm90LXNpZ25lZA' },
      status: 403,
    },
  ],
  async handle({ cloud, params, query, raw, reply }): Promise<Answer> {
    const exportId = idOf(params.export_id, 'image export');
    const file = await cloud.images.exports.open({ exportId, ...query });
    const etag = `"${file.sha512}"`;
    if (raw.headers['if-none-match'] === etag) return { status: 304, headers: { etag } };
    const ifRange = raw.headers['if-range'];
    const range = ifRange === undefined || ifRange === etag ? parseRange(raw.headers.range, file.size) : undefined;
    if (range === 'unsatisfiable') {
      reply.header('content-range', `bytes */${file.size}`);
      throw new CloudError('invalid', `The file has ${file.size} bytes.`, { reason: 'range' });
    }
    const { start, end } = range ?? { start: 0, end: file.size };
    const headers = {
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment',
      'accept-ranges': 'bytes',
      'content-length': `${end - start}`,
      etag,
      ...(range
        ? { 'content-range': `bytes ${start}-${end - 1}/${file.size}` }
        : { 'content-md5': Buffer.from(file.md5, 'hex').toString('base64') }),
    };
    return {
      status: range ? 206 : 200,
      headers,
      body: raw.method === 'HEAD' ? '' : releasedAsSent(await file.read(range), reply.raw),
    };
  },
});

export const imageExportOperations = [
  operation({
    ...common,
    id: 'ExportImage',
    method: 'POST',
    path: '/images/{image_id}/exports',
    mode: 'async',
    allow: 'member',
    params: ImageParams,
    body: Type.Object({
      image_store_id: Type.Optional(Type.String({ description: 'Which copy is exported; any where left out.' })),
      format: Type.Optional(
        Type.Union(
          formats.map((format) => Type.Literal(format)),
          { description: 'Converted where it is not the image’s own.' },
        ),
      ),
      lifetime: Type.Optional(
        Type.Integer({ minimum: 60, maximum: 30 * 24 * 3600, description: 'Seconds; one day where left out.' }),
      ),
    }),
    responses: { 202: Type.Object({ export: Export }) },
    errors: [400, 401, 403, 404, 409, 413],
    title: 'Export an image',
    summary: 'Makes a link by which anybody can fetch the image for some time, in its own format or in another one.',
    examples: [{ title: 'For an hour', params: exampleImage, body: { lifetime: 3600 }, status: 202 }],
    async handle({ cloud, subject, params, body, origin }) {
      const { image_store_id: store, format, lifetime } = body;
      const storeId = store === undefined ? undefined : idOf(store, 'image store');
      const request = { storeId, format, lifetime, origin };
      const begun = await cloud.images.exports.create(subject, idOf(params.image_id, 'image'), request);
      return { body: { export: exportView(begun.imageExport) } };
    },
  }),
  operation({
    ...common,
    id: 'ListImageExports',
    method: 'GET',
    path: '/images/{image_id}/exports',
    mode: 'sync',
    allow: 'reader',
    params: ImageParams,
    responses: { 200: Type.Object({ exports: Type.Array(Export) }) },
    errors: [401, 403, 404],
    title: 'List exports of an image',
    summary:
      'The links that the project has made to the image, newest first; for administrators those of all projects.',
    examples: [{ title: 'By id', params: exampleImage, status: 200 }],
    async handle({ cloud, subject, params }) {
      const { id } = await cloud.images.get(subject, idOf(params.image_id, 'image'));
      const found = await cloud.images.exports.list(subject, { imageId: id, toContainers: false });
      return { body: { exports: found.map(exportView) } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteImageExport',
    method: 'DELETE',
    path: '/image-exports/{export_id}',
    mode: 'sync',
    allow: 'member',
    params: ExportParams,
    responses: { 204: null },
    errors: [401, 403, 404, 409],
    title: 'Delete an export',
    summary: 'Ends a link before its time, and removes the file that was made for it.',
    examples: [{ title: 'By id', params: exampleExport, status: 204 }],
    async handle({ cloud, subject, params }) {
      await cloud.images.exports.delete(subject, idOf(params.export_id, 'image export'));
      return { status: 204 };
    },
  }),
  fetchExport,
];
