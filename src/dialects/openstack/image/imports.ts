import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { RegionImage } from '../../../cloud/images/region-images.ts';
import { regionImage } from './region-image.ts';
import { exampleId, ImageParams, idOf } from './resource.ts';

/** How data can be imported. */
export const importMethods = ['glance-direct', 'web-download', 'copy-image', 'glance-download'] as const;

const common = { dialect: 'image', group: 'import', errors: [401] } as const;

const ImportBody = Type.Object({
  method: Type.Object({
    name: Type.String({
      description:
        'glance-direct: what was staged. web-download: what is at a URL. copy-image: an active image, into further ' +
        'stores. glance-download: an image of another region.',
    }),
    uri: Type.Optional(Type.String({ description: 'Where the data is: http or https.' })),
    glance_region: Type.Optional(Type.String({ description: 'Whose image it is: a region of the catalog.' })),
    glance_image_id: Type.Optional(Type.String({ description: 'Its id there.' })),
    glance_service_interface: Type.Optional(
      Type.String({ description: 'public, internal or admin; public otherwise.' }),
    ),
  }),
  stores: Type.Optional(Type.Array(Type.String(), { description: 'Names of the stores to put it in.' })),
  all_stores: Type.Optional(Type.Boolean()),
  all_stores_must_succeed: Type.Optional(Type.Boolean()),
});

const importImage = operation({
  ...common,
  id: 'ImportImage',
  method: 'POST',
  path: '/v2/images/{image_id}/import',
  mode: 'async',
  allow: 'member',
  params: ImageParams,
  body: ImportBody,
  responses: { 202: null },
  errors: [400, 401, 403, 404, 409, 503],
  title: 'Import image data',
  summary:
    'Takes the data of an image from where it was staged, from a URL, or from an image of another region, of which it gets ' +
    'properties as well (`hw_…`, `trait:…`, `os_type`, `os_distro`); when that fails the image is queued again. Or ' +
    'copies an active image into further stores. The first store takes the data and the others get copies: a copy that ' +
    'fails is told in `os_glance_failed_import` and leaves the image usable.',
  examples: [
    {
      title: 'From a web server',
      params: { image_id: exampleId },
      body: { method: { name: 'web-download', uri: 'https://cloud.debian.org/images/cloud/trixie/latest/disk.qcow2' } },
      status: 202,
    },
  ],
  async handle({ cloud, subject, params, body }) {
    const { name, uri } = body.method;
    let region: RegionImage | undefined;
    const id = idOf(params);
    if (body.all_stores && body.stores) throw bad('all_stores and stores cannot be given together');
    const named = body.stores?.map((store) => storeId(cloud, store));
    switch (name) {
      case 'copy-image':
        await cloud.images.copies.copyTo(subject, id, body.all_stores ? 'all' : (named ?? []));
        return {};
      case 'web-download':
        if (!uri) throw bad('URI is required for web-download');
        break;
      case 'glance-download':
        region = await regionImage(cloud, body.method);
        break;
      case 'glance-direct':
        break;
      default:
        throw bad(`Unknown import method name '${name}'.`);
    }
    const storeIds = body.all_stores ? allStores(cloud) : named;
    await cloud.images.importFromUrl(subject, id, {
      ...(name === 'web-download' ? { url: uri } : {}),
      region,
      storeIds,
    });
    return {};
  },
});

function allStores(cloud: Cloud): string[] {
  const stores = cloud.imageStores.list().filter((store) => cloud.imageStores.takesImages(store));
  return stores.map(({ id }) => id);
}

function storeId(cloud: Cloud, name: string): string {
  const store = cloud.imageStores.byName(name);
  if (store) return store.id;
  throw bad(`Store ${name} is not available on this node, skipping it.`);
}

function bad(message: string): CloudError {
  return new CloudError('invalid', message, { reason: 'bad_import' });
}

const showImportInfo = operation({
  ...common,
  id: 'ShowImportInfo',
  method: 'GET',
  path: '/v2/info/import',
  mode: 'sync',
  allow: 'reader',
  responses: {
    200: Type.Object({
      'import-methods': Type.Object({
        description: Type.String(),
        type: Type.String(),
        value: Type.Array(Type.String()),
      }),
    }),
  },
  title: 'Show import methods',
  summary: 'The ways in which image data can be imported.',
  examples: [
    {
      title: 'All',
      status: 200,
      response: {
        'import-methods': { description: 'Import methods available.', type: 'array', value: [...importMethods] },
      },
    },
  ],
  handle: () => ({
    body: {
      'import-methods': { description: 'Import methods available.', type: 'array', value: importMethods },
    },
  }),
});

export const importOperations = [importImage, showImportInfo];
