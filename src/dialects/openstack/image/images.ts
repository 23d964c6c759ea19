import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { nextPageUrl } from '../common/pagination.ts';
import { importMethods } from './imports.ts';
import { newImage } from './new-image.ts';
import { applyPatch, parsePatch, patchTypes } from './patch.ts';
import { imageList } from './queries.ts';
import { exampleId, exampleImage, ImageParams, idOf } from './resource.ts';
import { ImageDocument, ImagesDocument, settable } from './schemas.ts';
import { imageViews, viewOf } from './view.ts';

const common = { dialect: 'image', group: 'images', mode: 'sync' } as const;

const text = (description: string) => Type.Optional(Type.String({ description }));

const listImages = operation({
  ...common,
  id: 'ListImages',
  method: 'GET',
  path: '/v2/images',
  allow: 'reader',
  query: Type.Object(
    {
      limit: text('How many at most: 25 if not said, 1000 at most.'),
      marker: text('The id of the last image of the page before.'),
      sort: text('As `name:asc,size:desc`.'),
      sort_key: Type.Optional(Type.Array(Type.String())),
      sort_dir: Type.Optional(Type.Array(Type.String())),
      id: text('One id, or `in:` and several with commas between them. So too name, status and the formats.'),
      name: text('Exact.'),
      status: text('queued, saving, uploading, importing, active, deactivated, killed.'),
      visibility: text('public, private, shared, community or all.'),
      owner: text('Id of the project that it belongs to.'),
      member_status: text('Of images that others share: pending, accepted (if not said), rejected or all.'),
      protected: text('true or false.'),
      os_hidden: text('true for hidden images instead of the others.'),
      tag: Type.Optional(Type.Array(Type.String(), { description: 'Repeated, all of them must be there.' })),
      container_format: text('As bare.'),
      disk_format: text('As qcow2.'),
      min_ram: text('MiB.'),
      min_disk: text('GiB.'),
      size_min: text('Bytes.'),
      size_max: text('Bytes.'),
      checksum: text('md5.'),
      os_hash_value: text('sha512.'),
      created_at: text('A time, with `gt:`, `gte:`, `lt:`, `lte:`, `eq:` or `neq:` before it.'),
      updated_at: text('As created_at.'),
    },
    { additionalProperties: true },
  ),
  responses: { 200: ImagesDocument },
  errors: [400, 401, 403],
  title: 'List images',
  summary:
    'Images that are public, belong to the project, or are shared with it and accepted; newest first. ' +
    ' Any other key of the query is a property.',
  examples: [{ title: 'Active images by name', query: { status: 'active', sort: 'name:asc' }, status: 200 }],
  async handle({ cloud, subject, query, raw }) {
    const list = imageList(query);
    const images = await cloud.images.list(subject, list);
    const [path, search = ''] = raw.url.replace(/^.*?\/v2\/images/, '/v2/images').split('?', 2) as [string, string?];
    const first = new URLSearchParams(search);
    first.delete('marker');
    const last = images.at(-1);
    const isFull = last !== undefined && images.length === list.limit;
    return {
      body: {
        images: await imageViews(cloud, images),
        first: first.size > 0 ? `${path}?${first}` : path,
        ...(isFull ? { next: nextPageUrl('', search ? `${path}?${search}` : path, withDashes(last.id)) } : {}),
        schema: '/v2/schemas/images',
      },
    };
  },
});

const createImage = operation({
  ...common,
  id: 'CreateImage',
  method: 'POST',
  path: '/v2/images',
  allow: 'member',
  body: Type.Object(
    {
      id: Type.Optional(Type.String({ description: "The client's own choice." })),
      ...Type.Partial(Type.Object(settable)).properties,
    },
    { additionalProperties: true },
  ),
  responses: { 201: ImageDocument },
  errors: [400, 401, 403, 409, 413],
  title: 'Create an image',
  summary: 'Registers an image without data. Members that images do not have by themselves become its own properties.',
  examples: [
    {
      title: 'An image to be uploaded',
      body: { name: 'debian-13', disk_format: 'qcow2', container_format: 'bare', os_distro: 'debian' },
      status: 201,
      response: exampleImage,
    },
  ],
  async handle({ cloud, subject, body, base }) {
    const { id, ...members } = body as Record<string, unknown>;
    const image = await cloud.images.create(subject, { ...newImage(members), ...newId(id) });
    return {
      headers: {
        location: `${base}/v2/images/${withDashes(image.id)}`,
        'openstack-image-import-methods': importMethods.join(','),
        'openstack-image-store-ids': cloud.imageStores
          .list()
          .map(({ name }) => name)
          .join(','),
      },
      body: await viewOf(cloud, image),
    };
  },
});

function newId(given: unknown): { id?: string } {
  if (given === undefined) return {};
  const id = parseId(String(given));
  if (id) return { id };
  throw new CloudError(
    'invalid',
    `Provided object does not match schema 'image': '${String(given)}' is not a UUID (id)`,
    {
      field: 'id',
    },
  );
}

const showImage = operation({
  ...common,
  id: 'ShowImage',
  method: 'GET',
  path: '/v2/images/{image_id}',
  allow: 'reader',
  params: ImageParams,
  responses: { 200: ImageDocument },
  errors: [401, 403, 404],
  title: 'Show an image',
  summary: 'The image with its own properties. `sync_status_reason` is among them when a copy for another zone failed.',
  examples: [{ title: 'An image', params: { image_id: exampleId }, status: 200, response: exampleImage }],
  async handle({ cloud, subject, params }) {
    return { body: await viewOf(cloud, await cloud.images.get(subject, idOf(params))) };
  },
});

const updateImage = operation({
  ...common,
  id: 'UpdateImage',
  method: 'PATCH',
  path: '/v2/images/{image_id}',
  allow: 'member',
  params: ImageParams,
  body: Type.Unsafe<unknown>({
    type: ['array', 'object', 'string', 'number', 'boolean', 'null'],
    items: {},
    description:
      'A list of changes `{op, path, value}`, where op is add, replace or remove, and path a member as /name.',
  }),
  responses: { 200: ImageDocument },
  errors: [400, 401, 403, 404, 409, 413, 415],
  title: 'Update an image',
  summary: `A JSON patch of the media type ${patchTypes[0]}: all of it takes effect, or nothing.`,
  examples: [
    {
      title: 'Rename, and set a property',
      params: { image_id: exampleId },
      body: [
        { op: 'replace', path: '/name', value: 'debian-13' },
        { op: 'add', path: '/os_distro', value: 'debian' },
      ],
      status: 200,
      response: exampleImage,
    },
  ],
  async handle({ cloud, subject, params, body, raw }) {
    const type = (raw.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();
    const id = idOf(params);
    // Who may not see the image learns nothing of what is wrong with the patch.
    await cloud.images.get(subject, id);
    const changes = parsePatch(body, type);
    const image = await cloud.images.update(subject, id, (current) => applyPatch(current, changes));
    return { body: await viewOf(cloud, image) };
  },
});

const deleteImage = operation({
  ...common,
  id: 'DeleteImage',
  method: 'DELETE',
  path: '/v2/images/{image_id}',
  allow: 'member',
  params: ImageParams,
  responses: { 204: null },
  errors: [401, 403, 404, 409],
  title: 'Delete an image',
  summary: 'The image is gone for its users. Its data is kept for a while, so that an administrator can bring it back.',
  examples: [{ title: 'An image', params: { image_id: exampleId }, status: 204 }],
  async handle({ cloud, subject, params }) {
    await cloud.images.delete(subject, idOf(params));
    return {};
  },
});

export const imageOperations = [listImages, createImage, showImage, updateImage, deleteImage];
