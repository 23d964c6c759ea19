import { Type } from 'typebox';
import { operation } from '../../api/operation.ts';
import type { ImageStoreInfo } from '../../cloud/image-stores/model.ts';
import { Nullable } from './wire.ts';

const common = { dialect: 'native', group: 'places', since: '1.0', mode: 'sync', allow: 'admin' } as const;

const Zone = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: Nullable(Type.String()),
  is_default: Type.Boolean(),
  enabled: Type.Boolean(),
  hosts: Type.Integer(),
  connected_hosts: Type.Integer({ description: 'How many of them answer.' }),
  image_stores: Type.Array(Type.String(), { description: 'The names of the stores that serve it.' }),
});

const Store = Type.Object({
  id: Type.String(),
  name: Type.String(),
  kind: Type.String(),
  url: Type.String(),
  enabled: Type.Boolean({ description: 'Whether new images may be put there.' }),
  status: Type.String({ description: '`connecting`, `connected` or `disconnected`.' }),
  is_default: Type.Boolean(),
  zones: Type.Array(Type.String(), { description: 'The names of the zones that it serves.' }),
});

function storeView(store: ImageStoreInfo, zoneNames: ReadonlyMap<string, string>) {
  const { id, name, kind, url, enabled, status, isDefault, zoneIds } = store;
  const zones = zoneIds.flatMap((zoneId) => zoneNames.get(zoneId) ?? []);
  return { id, name, kind, url: withoutSecrets(url), enabled, status, is_default: isDefault, zones };
}

/** A store's address as it may stand on a screen: an address can carry a user and a password. */
function withoutSecrets(url: string): string {
  return url.replace(/\/\/[^/@]+@/, '//');
}

export const placeOperations = [
  operation({
    ...common,
    id: 'ListZones',
    method: 'GET',
    path: '/zones',
    responses: { 200: Type.Object({ zones: Type.Array(Zone) }) },
    errors: [401, 403],
    title: 'List zones',
    summary: 'Every availability zone, with how many hosts it has and which image stores serve it.',
    examples: [{ title: 'All', status: 200 }],
    async handle({ cloud }) {
      const hosts = await cloud.hosts.list();
      const stores = cloud.imageStores.list();
      const zones = (await cloud.zones.list()).map(({ id, name, description, isDefault, enabled }) => {
        const mine = hosts.filter(({ zoneId }) => zoneId === id);
        return {
          id,
          name,
          description,
          is_default: isDefault,
          enabled,
          hosts: mine.length,
          connected_hosts: mine.filter(({ status }) => status === 'connected').length,
          image_stores: stores.filter(({ zoneIds }) => zoneIds.includes(id)).map((store) => store.name),
        };
      });
      return { body: { zones } };
    },
  }),
  operation({
    ...common,
    id: 'ListImageStores',
    method: 'GET',
    path: '/image-stores',
    responses: { 200: Type.Object({ image_stores: Type.Array(Store) }) },
    errors: [401, 403],
    title: 'List image stores',
    summary: 'Where images are kept, whether each store answers, and which zones it serves.',
    examples: [{ title: 'All', status: 200 }],
    async handle({ cloud }) {
      const names = await cloud.zones.names();
      return { body: { image_stores: cloud.imageStores.list().map((store) => storeView(store, names)) } };
    },
  }),
  operation({
    ...common,
    id: 'UpdateImageStore',
    dryRun: false,
    method: 'PATCH',
    path: '/image-stores/{image_store_id}',
    params: Type.Object({ image_store_id: Type.String() }),
    body: Type.Object({ enabled: Type.Boolean() }),
    responses: { 200: Type.Object({ image_store: Store }) },
    errors: [400, 401, 403, 404],
    title: 'Update an image store',
    summary: 'Lets a store take new images, or take none. What it holds can be read in any case.',
    examples: [
      {
        title: 'Take no new images',
        params: { image_store_id: '57e0a5e04c1da11a71e711a005010001' },
        body: { enabled: false },
        status: 200,
      },
    ],
    async handle({ cloud, params, body }) {
      const store = await cloud.imageStores.update(params.image_store_id, body);
      return { body: { image_store: storeView(store, await cloud.zones.names()) } };
    },
  }),
];
