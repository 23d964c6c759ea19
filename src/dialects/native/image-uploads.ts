import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { boundaryOf, fileOf } from '../../api/multipart.ts';
import { operation } from '../../api/operation.ts';
import { takeBody } from '../../api/take-body.ts';
import { CloudError } from '../../cloud/errors.ts';
import type { Part, PartUpload } from '../../cloud/images/part-uploads/model.ts';
import { parseId, withDashes } from '../../env/env.ts';
import { instant, Nullable } from './wire.ts';

const common = { dialect: 'native', group: 'images', since: '1.0' } as const;
const exampleImage = { image_id: 'c0ffee11-a5e0-4c1d-a11a-71e711a00501' };
const ImageParams = Type.Object({ image_id: Type.String() });

const Upload = Type.Object({
  image_id: Type.String(),
  state: Type.String({
    description:
      '`receiving`; `checking`: all is there, and is being judged; `done`; `failed`: the image is queued again.',
  }),
  size: Nullable(Type.Integer(), 'Bytes in all.'),
  offset: Type.Integer({ description: 'Where it goes on: all bytes before are safe.' }),
  error: Nullable(Type.String(), 'Why it failed.'),
  expires_at: Nullable(Type.String({ format: 'date-time' }), 'When it is given up unless more comes.'),
});
const Answer = Type.Object({ upload: Upload });

function uploadView(upload: PartUpload) {
  return {
    upload: {
      image_id: withDashes(upload.imageId),
      state: upload.state,
      size: upload.size,
      offset: upload.offset,
      error: upload.error,
      expires_at: upload.expiresAt === null ? null : instant(upload.expiresAt),
    },
  };
}

function idOf(text: string, resource = 'image'): string {
  const id = parseId(text);
  if (!id) throw new CloudError('not_found', `The ${resource} ${text} could not be found.`, { resource });
  return id;
}

const uploadByLink = operation({
  ...common,
  id: 'UploadImageByLink',
  method: 'POST',
  path: '/image-uploads/{image_id}',
  mode: 'sync',
  allow: 'anyone',
  params: ImageParams,
  query: Type.Object({
    expires: Type.Integer({ minimum: 0, description: 'Until when the link is good, seconds since the epoch.' }),
    signature: Type.String({ maxLength: 100 }),
  }),
  consumes: ['multipart/form-data', 'application/octet-stream'],
  responses: { 200: Answer },
  errors: [400, 403, 404, 409, 413, 503],
  title: 'Upload an image by a link',
  summary:
    'Takes an image, or a slice of it, from whoever has the signed link: as the file of a form, or as it is. `X-IMAGE-SIZE` ' +
    'says the size of all of it; `X-SLICE-OFFSET` and `X-SLICE-MD5` are those of the slice.',
  examples: [
    {
      title: 'A link that was not made here',
      params: exampleImage,
      query: { expires: '1795000000', signature: 'bm90LXNpZ25lZA' },
      status: 403,
    },
  ],
  async handle({ cloud, params, query, raw, reply }) {
    const link = { id: idOf(params.image_id), ...query };
    const part = slicePart(raw);
    const boundary = boundaryOf(raw.headers['content-type']);
    const upload = await takeBody({ cloud, raw, reply }, (source) =>
      cloud.images.partUploads.writeByLink(link, part, boundary === undefined ? source : fileOf(source, boundary)),
    );
    return { body: uploadView(upload) };
  },
});

/** A slice as ZStack's clients describe it. */
function slicePart({ headers }: FastifyRequest): Part {
  const size = byteCount(headers, 'x-image-size');
  const offset = byteCount(headers, 'x-slice-offset') ?? 0;
  const md5 = headers['x-slice-md5'];
  if (md5 === undefined) return { offset, size };
  if (typeof md5 === 'string' && /^[0-9a-fA-F]{32}$/.test(md5)) return { offset, size, md5: md5.toLowerCase() };
  throw new CloudError('invalid', 'X-SLICE-MD5 is to be an MD5 in hexadecimal digits.', { field: 'x-slice-md5' });
}

function byteCount(headers: FastifyRequest['headers'], name: string): number | undefined {
  const text = headers[name];
  if (text === undefined) return undefined;
  if (typeof text === 'string' && /^\d{1,15}$/.test(text)) return Number(text);
  throw new CloudError('invalid', `${name.toUpperCase()} is to be a number of bytes.`, { field: name });
}

export const imageUploadOperations = [
  operation({
    ...common,
    id: 'BeginImageUpload',
    method: 'POST',
    path: '/images/{image_id}/upload',
    mode: 'sync',
    allow: 'member',
    params: ImageParams,
    body: Type.Object({
      size: Type.Integer({ minimum: 1, maximum: 2 ** 50, description: 'Bytes in all.' }),
      image_store_id: Type.Optional(Type.String({ description: 'Where to put it; the default store where left out.' })),
    }),
    responses: { 201: Answer },
    errors: [400, 401, 403, 404, 409, 413, 503],
    title: 'Begin an upload in parts',
    summary:
      'Opens an upload into a queued image that may break off and go on, for as long as something of it comes every day. ' +
      'One of the same size that is open already goes on.',
    examples: [{ title: 'Of 2 GiB', params: exampleImage, body: { size: 2_147_483_648 }, status: 201 }],
    async handle({ cloud, subject, params, body }) {
      const storeIds = body.image_store_id === undefined ? undefined : [idOf(body.image_store_id, 'image store')];
      const wanted = { size: body.size, storeIds };
      const upload = await cloud.images.partUploads.begin(subject, idOf(params.image_id), wanted);
      return { status: 201, body: uploadView(upload) };
    },
  }),
  operation({
    ...common,
    id: 'ShowImageUpload',
    method: 'GET',
    path: '/images/{image_id}/upload',
    mode: 'sync',
    allow: 'member',
    params: ImageParams,
    responses: { 200: Answer },
    errors: [401, 403, 404],
    title: 'Show an upload in parts',
    summary: 'How far it is, and where it goes on.',
    examples: [{ title: 'By image', params: exampleImage, status: 200 }],
    async handle({ cloud, subject, params }) {
      return { body: uploadView(await cloud.images.partUploads.get(subject, idOf(params.image_id))) };
    },
  }),
  operation({
    ...common,
    id: 'UploadImagePart',
    method: 'PUT',
    path: '/images/{image_id}/upload/parts/{offset}',
    mode: 'sync',
    allow: 'member',
    params: Type.Object({
      ...ImageParams.properties,
      offset: Type.Integer({ minimum: 0, maximum: 2 ** 50, description: 'Where the part begins, bytes.' }),
    }),
    consumes: ['application/octet-stream'],
    responses: { 200: Answer },
    errors: [400, 401, 403, 404, 409, 413, 503],
    title: 'Upload a part',
    summary:
      'Takes the next bytes, as many as come: what came of a part that broke off is kept. With the last of them the image ' +
      'is made. Bytes that are there already are skipped; 409 (`wrong_offset`) says where the upload goes on.',
    examples: [{ title: 'The first one', params: { ...exampleImage, offset: '0' }, status: 200 }],
    async handle({ cloud, subject, params, raw, reply }) {
      const { image_id, offset } = params;
      const upload = await takeBody({ cloud, raw, reply }, (source) =>
        cloud.images.partUploads.write(subject, idOf(image_id), { offset }, source),
      );
      return { body: uploadView(upload) };
    },
  }),
  operation({
    ...common,
    id: 'CancelImageUpload',
    method: 'DELETE',
    path: '/images/{image_id}/upload',
    mode: 'sync',
    allow: 'member',
    params: ImageParams,
    responses: { 204: null },
    errors: [401, 403, 404, 409],
    title: 'Cancel an upload in parts',
    summary: 'Removes what has come of it; the image is queued again.',
    examples: [{ title: 'By image', params: exampleImage, status: 204 }],
    async handle({ cloud, subject, params }) {
      await cloud.images.partUploads.cancel(subject, idOf(params.image_id));
      return { status: 204 };
    },
  }),
  uploadByLink,
];
