import { Type } from 'typebox';
import { type AnyOperation, type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Image } from '../../../cloud/images/model.ts';
import { parseId } from '../../../env/env.ts';
import { badMarker, nextLinks } from '../common/pagination.ts';
import { ImageQuery, proxyList } from './images-query.ts';
import {
  detailView,
  ImageDetailList,
  ImageDocument,
  ImageSummaryList,
  MetaDocument,
  MetadataDocument,
  metadataOf,
  type ProxyPlace,
  summaryView,
} from './images-view.ts';

/** What differs between the APIs that pass images on. */
export interface ProxyFlavour {
  dialect: 'compute' | 'k5';
  place(call: Pick<Call, 'base' | 'origin' | 'mount'>): ProxyPlace;
  /** By operation id. */
  words: Record<ProxyOperationId, { id?: string; title: string; summary: string }>;
}

export type ProxyOperationId =
  | 'ListImages'
  | 'ListImagesDetails'
  | 'ShowImage'
  | 'DeleteImage'
  | 'ListImageMetadata'
  | 'ShowImageMetadataItem';

const ImageParams = Type.Object({ image_id: Type.String({ description: 'The image.' }) });
const exampleId = '70a599e0-31e7-49b7-b260-868f441e862b';
const exampleParams = { image_id: exampleId };

/** Images as the compute API passes them on: to read and to delete. */
export function imageProxy({ dialect, place, words }: ProxyFlavour): AnyOperation[] {
  const common = { dialect, group: 'images', method: 'GET', mode: 'sync', allow: 'reader' } as const;
  const named = (id: ProxyOperationId) => ({ id, ...words[id] });
  return [
    operation({
      ...common,
      ...named('ListImages'),
      path: '/images',
      query: ImageQuery,
      responses: { 200: ImageSummaryList },
      errors: [400, 401, 403],
      examples: [{ title: 'All images', status: 200 }],
      handle: (call) => list(call, (images) => images.map((image) => summaryView(image, place(call)))),
    }),
    operation({
      ...common,
      ...named('ListImagesDetails'),
      path: '/images/detail',
      query: ImageQuery,
      responses: { 200: ImageDetailList },
      errors: [400, 401, 403],
      examples: [
        { title: 'All images', status: 200 },
        { title: 'Images that can be used', query: { status: 'ACTIVE', type: 'BASE' }, status: 200 },
      ],
      handle: (call) =>
        list(call, async (images) => {
          const replicas = await call.cloud.images.replicasOf(images.map(({ id }) => id));
          return images.map((image) => detailView(image, replicas, place(call)));
        }),
    }),
    operation({
      ...common,
      ...named('ShowImage'),
      path: '/images/{image_id}',
      params: ImageParams,
      responses: { 200: ImageDocument },
      errors: [401, 403, 404],
      examples: [{ title: 'An image', params: exampleParams, status: 200 }],
      async handle(call) {
        const image = await find(call);
        const replicas = await call.cloud.images.replicasOf([image.id]);
        return { body: { image: detailView(image, replicas, place(call)) } };
      },
    }),
    operation({
      ...common,
      ...named('DeleteImage'),
      method: 'DELETE',
      allow: 'member',
      path: '/images/{image_id}',
      params: ImageParams,
      responses: { 204: null },
      errors: [401, 403, 404],
      examples: [{ title: 'An image', params: exampleParams, status: 204 }],
      async handle(call) {
        const { id } = await find(call);
        await call.cloud.images.delete(call.subject, id).catch(inNovasWords);
        return {};
      },
    }),
    operation({
      ...common,
      ...named('ListImageMetadata'),
      path: '/images/{image_id}/metadata',
      params: ImageParams,
      responses: { 200: MetadataDocument },
      errors: [401, 403, 404],
      examples: [{ title: 'All properties', params: exampleParams, status: 200 }],
      handle: async (call) => ({ body: { metadata: await metadata(call) } }),
    }),
    operation({
      ...common,
      ...named('ShowImageMetadataItem'),
      path: '/images/{image_id}/metadata/{key}',
      params: Type.Object({ ...ImageParams.properties, key: Type.String() }),
      responses: { 200: MetaDocument },
      errors: [401, 403, 404],
      examples: [{ title: 'One property', params: { ...exampleParams, key: 'architecture' }, status: 200 }],
      async handle(call) {
        const { key } = call.params;
        const all = await metadata(call);
        if (Object.hasOwn(all, key)) return { body: { meta: { [key]: all[key] } } };
        throw new CloudError('not_found', `Metadata item ${key} was not found`, { resource: 'image metadata' });
      },
    }),
  ];
}

async function list(call: Call, view: (images: Image[]) => unknown[] | Promise<unknown[]>) {
  const { cloud, subject, origin, raw } = call;
  const { list, page } = proxyList(call.query as Record<string, string | undefined>);
  const images = await cloud.images.list(subject, list).catch((error: unknown) => {
    throw error instanceof CloudError && error.details.field === 'marker' ? badMarker('compute', page.marker!) : error;
  });
  const views = (await view(images)) as Array<{ id: string }>;
  return { body: { images: views, ...nextLinks('images', views, page, { origin, url: raw.url }) } };
}

async function find({ cloud, subject, params }: Call): Promise<Image> {
  const id = parseId((params as { image_id: string }).image_id);
  if (id === undefined) throw noSuchImage();
  return await cloud.images.get(subject, id).catch(inNovasWords);
}

async function metadata(call: Call): Promise<Record<string, string>> {
  const image = await find(call);
  return metadataOf(image, await call.cloud.images.replicasOf([image.id]));
}

function inNovasWords(error: unknown): never {
  const code = error instanceof CloudError ? error.code : undefined;
  if (code === 'not_found') throw noSuchImage();
  if (code === 'forbidden') throw new CloudError('forbidden', 'You are not allowed to delete the image.');
  throw error;
}

function noSuchImage(): CloudError {
  return new CloudError('not_found', 'Image not found.', { resource: 'image' });
}

/** Nova's image proxy, for microversions before 2.36. */
export const imageProxyOperations: readonly AnyOperation[] = imageProxy({
  dialect: 'compute',
  place: ({ base, origin }) => ({ base, imageBase: `${origin}/image`, tellsDiskConfig: true }),
  words: {
    ListImages: { title: 'List images', summary: 'Ids and names of images. The image API says more.' },
    ListImagesDetails: {
      title: 'List images with details',
      summary: 'Images with their properties. For clients older than the image API.',
    },
    ShowImage: { title: 'Show an image', summary: 'One image with its properties.' },
    DeleteImage: { title: 'Delete an image', summary: 'The same as to delete it by the image API.' },
    ListImageMetadata: { title: 'List properties of an image', summary: 'What the image API calls custom properties.' },
    ShowImageMetadataItem: { title: 'Show a property of an image', summary: 'One property by its name.' },
  },
});
