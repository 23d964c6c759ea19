import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { bringImage } from '../../../cloud/volumes/image-cache.ts';
import { AggregateParams, exampleAggregate, numberOf } from './aggregates-wire.ts';
import { closed, exampleImageId, uuidOf } from './wire.ts';

/** Brings images to hosts before a server there needs them. What fails is only logged: such a server brings its image. */
export const aggregateImages = operation({
  dialect: 'compute',
  group: 'aggregates',
  since: '2.81',
  mode: 'async',
  allow: 'admin',
  id: 'CacheImagesForAggregate',
  method: 'POST',
  path: '/os-aggregates/{aggregate_id}/images',
  params: AggregateParams,
  body: closed({
    cache: Type.Array(closed({ id: Type.String({ description: 'The image.' }) }), { minItems: 1, uniqueItems: true }),
  }),
  responses: { 202: null },
  errors: [400, 401, 403, 404],
  title: 'Cache images on the hosts of an aggregate',
  summary: 'Brings images to the hosts, so that the first servers there start sooner.',
  examples: [{ title: 'One image', params: exampleAggregate, body: { cache: [{ id: exampleImageId }] }, status: 202 }],
  async handle(call) {
    const { cloud, subject, body } = call;
    const ids = body.cache.map(({ id }) => uuidOf('id', id));
    if (new Set(ids).size < ids.length) throw new CloudError('invalid', 'Duplicate images in request.');
    for (const id of ids) await cloud.images.forBoot(subject, id);
    const { hosts: names } = await cloud.hosts.aggregates.get(numberOf(call));
    const hosts = (await cloud.hosts.list()).filter(({ name }) => names.includes(name));
    for (const host of hosts) {
      void (async () => {
        for (const id of ids) await bringImage(cloud, host.id, id);
      })().catch((err: unknown) => cloud.log.warn({ err, host: host.name }, 'images could not be cached'));
    }
    return {};
  },
});
