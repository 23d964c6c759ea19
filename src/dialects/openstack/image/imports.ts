import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { exampleId, ImageParams, idOf } from './resource.ts';

/** How data can be imported. */
export const importMethods = ['web-download'] as const;

const common = { dialect: 'image', group: 'import', errors: [401] } as const;

const ImportBody = Type.Object({
  method: Type.Object({
    name: Type.String({ description: 'web-download.' }),
    uri: Type.Optional(Type.String({ description: 'Where the data is: http or https.' })),
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
  summary: 'Fetches the data of a queued image from a URL. When that fails the image is queued again.',
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
    if (name !== 'web-download') throw bad(`Unknown import method name '${name}'.`);
    if (!uri) throw bad('URI is required for web-download');
    const storeIds = body.all_stores ? allStores(cloud) : body.stores?.map((store) => storeId(cloud, store));
    await cloud.images.importFromUrl(subject, idOf(params), { url: uri, storeIds });
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
        'import-methods': { description: 'Import methods available.', type: 'array', value: ['web-download'] },
      },
    },
  ],
  handle: () => ({
    body: {
      'import-methods': { description: 'Import methods available.', type: 'array', value: importMethods },
    },
  }),
});

const listStores = operation({
  ...common,
  id: 'ListImageStores',
  group: 'stores',
  method: 'GET',
  path: '/v2/info/stores',
  mode: 'sync',
  allow: 'reader',
  responses: {
    200: Type.Object({
      stores: Type.Array(
        Type.Object({
          id: Type.String(),
          description: Type.Optional(Type.String()),
          default: Type.Optional(Type.String()),
        }),
      ),
    }),
  },
  errors: [401, 404],
  title: 'List image stores',
  summary: 'The stores that take images. 404 where there is only one, as there is nothing to choose.',
  examples: [{ title: 'Two stores', status: 200 }],
  handle({ cloud }) {
    const stores = cloud.imageStores.list();
    if (stores.length < 2) throw new CloudError('not_found', 'Multi backend is not supported at this site.');
    return {
      body: {
        stores: stores.map(({ name, description, isDefault }) => ({
          id: name,
          ...(description === null ? {} : { description }),
          ...(isDefault ? { default: 'true' } : {}),
        })),
      },
    };
  },
});

export const importOperations = [importImage, showImportInfo, listStores];
