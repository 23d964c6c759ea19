import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { ImageStoreInfo } from '../../../cloud/image-stores/model.ts';
import { exampleId, ImageParams, idOf } from './resource.ts';

const common = { dialect: 'image', group: 'stores', mode: 'sync', errors: [401, 403] } as const;

const Store = Type.Object({
  id: Type.String({ description: 'The name by which requests choose it.' }),
  description: Type.Optional(Type.String()),
  default: Type.Optional(Type.String({ description: '`true` on the one that is used when none is named.' })),
  'read-only': Type.Optional(Type.String({ description: '`true` on one that takes no new images.' })),
});

const StoreDetail = Type.Object({
  ...Store.properties,
  type: Type.String({ description: 'filesystem, s3 or rbd.' }),
  weight: Type.Integer(),
  properties: Type.Record(Type.String(), Type.Unknown()),
});

const types: Record<ImageStoreInfo['kind'], string> = { directory: 'filesystem', s3: 's3', ceph: 'rbd', sftp: 'sftp' };

function storeView(cloud: Cloud, store: ImageStoreInfo) {
  return {
    id: store.name,
    ...(store.description === null ? {} : { description: store.description }),
    ...(store.isDefault ? { default: 'true' } : {}),
    ...(cloud.imageStores.takesImages(store) ? {} : { 'read-only': 'true' }),
  };
}

const listStores = operation({
  ...common,
  id: 'ListImageStores',
  method: 'GET',
  path: '/v2/info/stores',
  allow: 'reader',
  responses: { 200: Type.Object({ stores: Type.Array(Store) }) },
  title: 'List image stores',
  summary: 'The stores that hold images. Those that are disabled, or can not be reached now, are `read-only`.',
  examples: [{ title: 'All', status: 200 }],
  handle: ({ cloud }) => ({ body: { stores: cloud.imageStores.list().map((store) => storeView(cloud, store)) } }),
});

const listStoresDetail = operation({
  ...common,
  id: 'ListImageStoresDetail',
  method: 'GET',
  path: '/v2/info/stores/detail',
  allow: 'admin',
  responses: { 200: Type.Object({ stores: Type.Array(StoreDetail) }) },
  title: 'List image stores with details',
  summary: 'The stores with their kinds, places, zones and room.',
  examples: [{ title: 'All', status: 200 }],
  async handle({ cloud }) {
    const zones = await cloud.zones.names();
    const stores = cloud.imageStores.list().map(async (store) => {
      const { total, free } = await cloud.imageStores.capacity(store.id);
      return {
        ...storeView(cloud, store),
        type: types[store.kind],
        weight: store.isDefault ? 100 : 0,
        properties: {
          url: store.url,
          status: store.status,
          zones: store.zoneIds.map((id) => zones.get(id) ?? id),
          bytes_total: total,
          bytes_free: free,
        },
      };
    });
    return { body: { stores: await Promise.all(stores) } };
  },
});

const deleteFromStore = operation({
  ...common,
  id: 'DeleteImageFromStore',
  method: 'DELETE',
  path: '/v2/stores/{store_id}/{image_id}',
  allow: 'admin',
  params: Type.Object({ store_id: Type.String({ description: "The store's name." }), ...ImageParams.properties }),
  responses: { 204: null },
  errors: [401, 403, 404, 409],
  title: 'Delete an image from a store',
  summary: 'Removes one copy of an image, but never the last one.',
  examples: [{ title: 'A copy', params: { store_id: 'default', image_id: exampleId }, status: 204 }],
  async handle({ cloud, subject, params }) {
    const image = await cloud.images.get(subject, idOf(params));
    const store = cloud.imageStores.byName(params.store_id);
    const copies = (await cloud.images.replicasOf([image.id])).filter(({ state }) => state === 'active');
    if (!store || !copies.some(({ storeId }) => storeId === store.id)) {
      throw new CloudError('not_found', `Image ${params.image_id} is not stored on store ${params.store_id}.`);
    }
    if (copies.length === 1) {
      throw new CloudError('forbidden', `Image ${params.image_id} is only in this store: delete the image instead.`, {
        reason: 'last_copy',
      });
    }
    await cloud.images.delete(subject, image.id, [store.id]);
    return {};
  },
});

export const storeOperations = [listStores, listStoresDetail, deleteFromStore];
