import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { parseId } from '../../../env/env.ts';
import { ownMetadata } from './images-view.ts';
import { until } from './microversions.ts';
import { metadata } from './server-schemas.ts';
import { closed, exampleImageId } from './wire.ts';

const common = {
  dialect: 'compute',
  group: 'images',
  since: '2.1',
  mode: 'sync',
  allow: 'member',
  errors: [400, 401, 403, 404],
} as const;
const Params = Type.Object({ image_id: Type.String({ description: 'The image.' }) });
const ItemParams = Type.Object({ ...Params.properties, key: Type.String() });
const example = { image_id: exampleImageId };
const exampleItem = { ...example, key: 'os_distro' };
const Map_ = Type.Record(Type.String(), Type.String());
const MetadataDocument = Type.Object({ metadata: Map_ });
const MetaDocument = Type.Object({ meta: Map_ });

/**
 * Changes the image's properties, of which its description is one to Nova, and gives what they are then. Throws `not_found`
 * in Nova's words.
 */
async function change(
  { cloud, subject, params }: Pick<Call<{ image_id: string }>, 'cloud' | 'subject' | 'params'>,
  how: (properties: Record<string, string>) => Record<string, string>,
) {
  const id = parseId(params.image_id);
  if (id === undefined) throw noSuchImage();
  const changed = await cloud.images
    .update(subject, id, (image) => {
      const { description = null, ...properties } = how(ownMetadata(image));
      return { properties, description };
    })
    .catch((error: unknown) => {
      const isImage = error instanceof CloudError && error.code === 'not_found' && error.details.resource === 'image';
      throw isImage ? noSuchImage() : error;
    });
  return ownMetadata(changed);
}

function noSuchImage(): CloudError {
  return new CloudError('not_found', 'Image not found.', { resource: 'image' });
}

/** To change the properties of images, up to 2.38. */
export const imageMetadataOperations = [
  operation({
    ...common,
    id: 'CreateImageMetadata',
    method: 'POST',
    path: '/images/{image_id}/metadata',
    params: Params,
    body: closed({ metadata }),
    responses: { 200: MetadataDocument },
    title: 'Add properties to an image',
    summary: 'Others stay as they are. Up to 2.38; the image API does more.',
    examples: [{ title: 'One', params: example, body: { metadata: { os_distro: 'debian' } }, status: 200 }],
    handle: async (call) => ({
      body: { metadata: await change(call, (properties) => ({ ...properties, ...call.body.metadata })) },
    }),
  }),
  operation({
    ...common,
    id: 'ReplaceImageMetadata',
    method: 'PUT',
    path: '/images/{image_id}/metadata',
    params: Params,
    body: closed({ metadata }),
    responses: { 200: MetadataDocument },
    title: 'Replace the properties of an image',
    summary: 'Others are taken away. Up to 2.38.',
    examples: [{ title: 'One', params: example, body: { metadata: { os_distro: 'debian' } }, status: 200 }],
    handle: async (call) => ({ body: { metadata: await change(call, () => call.body.metadata) } }),
  }),
  operation({
    ...common,
    id: 'SetImageMetadataItem',
    method: 'PUT',
    path: '/images/{image_id}/metadata/{key}',
    params: ItemParams,
    body: closed({ meta: metadata }),
    responses: { 200: MetaDocument },
    title: 'Set a property of an image',
    summary: 'Up to 2.38.',
    examples: [{ title: 'By its name', params: exampleItem, body: { meta: { os_distro: 'debian' } }, status: 200 }],
    async handle(call) {
      const { key } = call.params;
      const value = call.body.meta[key];
      if (value === undefined || Object.keys(call.body.meta).length > 1) {
        throw new CloudError('invalid', 'Request body and URI mismatch', { field: 'meta' });
      }
      await change(call, (properties) => ({ ...properties, [key]: value }));
      return { body: { meta: { [key]: value } } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteImageMetadataItem',
    method: 'DELETE',
    path: '/images/{image_id}/metadata/{key}',
    params: ItemParams,
    responses: { 204: null },
    title: 'Delete a property of an image',
    summary: 'Up to 2.38.',
    examples: [{ title: 'One that it has not', params: { ...example, key: 'none' }, status: 404 }],
    async handle(call) {
      const { key } = call.params;
      await change(call, ({ [key]: found, ...others }) => {
        if (found !== undefined) return others;
        throw new CloudError('not_found', `Invalid metadata key ${key}`, { resource: 'image metadata' });
      });
      return {};
    },
  }),
].map((one) => until(38, one));
