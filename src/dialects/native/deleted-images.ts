import { Type } from 'typebox';
import { operation } from '../../api/operation.ts';
import { CloudError } from '../../cloud/errors.ts';
import { projectOf } from '../../cloud/identity/subject.ts';
import type { Image } from '../../cloud/images/model.ts';
import { parseId, withDashes } from '../../env/env.ts';
import { instant, Nullable } from './wire.ts';

const common = { dialect: 'native', group: 'images', since: '1.0' } as const;
const Params = Type.Object({ image_id: Type.String() });
const exampleParams = { image_id: 'c0ffee11-a5e0-4c1d-a11a-71e711a00501' };

const DeletedImage = Type.Object({
  id: Type.String(),
  name: Nullable(Type.String()),
  project_id: Type.String(),
  disk_format: Nullable(Type.String()),
  size: Nullable(Type.Integer(), 'Bytes.'),
  deleted_at: Nullable(Type.String({ format: 'date-time' })),
  expunge_at: Nullable(Type.String({ format: 'date-time' }), 'When its bytes are removed for good.'),
});

const Copy = Type.Object({
  image_store_id: Type.String(),
  image_store: Type.String(),
  state: Type.String(),
  install_path: Nullable(Type.String()),
  size: Nullable(Type.Integer()),
  progress: Type.Number({ description: 'Percent.' }),
  attempts: Type.Integer(),
  last_error: Nullable(Type.String()),
});

function deletedImageView(image: Image) {
  return {
    id: withDashes(image.id),
    name: image.name,
    project_id: image.projectId,
    disk_format: image.diskFormat,
    size: image.size,
    deleted_at: image.deletedAt === null ? null : instant(image.deletedAt),
    expunge_at: image.expungeAt === null ? null : instant(image.expungeAt),
  };
}

function idOf({ image_id }: { image_id: string }): string {
  const id = parseId(image_id);
  if (!id) throw new CloudError('not_found', `Image ${image_id} could not be found.`, { resource: 'image' });
  return id;
}

export const deletedImageOperations = [
  operation({
    ...common,
    id: 'ListDeletedImages',
    method: 'GET',
    path: '/deleted-images',
    mode: 'sync',
    allow: 'reader',
    responses: { 200: Type.Object({ images: Type.Array(DeletedImage) }) },
    errors: [401, 403],
    title: 'List deleted images',
    summary: 'The recycle bin: images of the project whose bytes are still there, whichever API deleted them.',
    examples: [{ title: 'All', status: 200 }],
    async handle({ cloud, subject }) {
      const images = await cloud.images.list(subject, { statuses: ['deleted'], projectId: projectOf(subject) });
      return { body: { images: images.map(deletedImageView) } };
    },
  }),
  operation({
    ...common,
    id: 'RecoverDeletedImage',
    method: 'POST',
    path: '/deleted-images/{image_id}/recover',
    mode: 'sync',
    allow: 'member',
    params: Params,
    responses: { 200: Type.Object({ image: Type.Object({ id: Type.String(), status: Type.String() }) }) },
    errors: [401, 403, 404, 409],
    title: 'Recover a deleted image',
    summary: 'Brings a deleted image back with all of its copies.',
    examples: [{ title: 'By id', params: exampleParams, status: 200 }],
    async handle({ cloud, subject, params }) {
      const { id, status } = await cloud.images.recover(subject, idOf(params));
      return { body: { image: { id: withDashes(id), status } } };
    },
  }),
  operation({
    ...common,
    id: 'ExpungeDeletedImage',
    method: 'DELETE',
    path: '/deleted-images/{image_id}',
    mode: 'async',
    allow: 'member',
    params: Params,
    responses: { 202: Type.Object({ action_id: Type.String() }) },
    errors: [401, 403, 404, 409],
    title: 'Expunge a deleted image',
    summary: 'Removes the bytes of a deleted image for good.',
    examples: [{ title: 'By id', params: exampleParams, status: 202 }],
    async handle({ cloud, subject, params }) {
      const { actionId } = await cloud.images.expunge(subject, idOf(params));
      return { body: { action_id: actionId } };
    },
  }),
  operation({
    ...common,
    id: 'ListImageCopies',
    method: 'GET',
    path: '/images/{image_id}/copies',
    mode: 'sync',
    allow: 'reader',
    params: Params,
    responses: { 200: Type.Object({ copies: Type.Array(Copy) }) },
    errors: [401, 403, 404],
    title: 'List copies of an image',
    summary: 'Where the bytes of an image are, or are on their way to, and what went wrong there.',
    examples: [{ title: 'By id', params: exampleParams, status: 200 }],
    async handle({ cloud, subject, params }) {
      const image = await cloud.images.get(subject, idOf(params), { withDeleted: true });
      const copies = (await cloud.images.replicasOf([image.id])).map((copy) => ({
        image_store_id: copy.storeId,
        image_store: copy.storeName,
        state: copy.state,
        install_path: subject.isAdmin ? copy.installPath : null,
        size: copy.size,
        progress: copy.progress,
        attempts: copy.attempts,
        last_error: copy.lastError,
      }));
      return { body: { copies } };
    },
  }),
  operation({
    ...common,
    id: 'ResyncImageCopies',
    method: 'POST',
    path: '/images/{image_id}/copies/resync',
    mode: 'async',
    allow: 'member',
    params: Params,
    body: Type.Object({
      image_store_ids: Type.Optional(
        Type.Array(Type.String(), {
          minItems: 1,
          description: 'Only into these stores; else wherever one is missing.',
        }),
      ),
    }),
    responses: { 202: Type.Object({ action_ids: Type.Array(Type.String()) }) },
    errors: [400, 401, 403, 404, 409],
    title: 'Resync copies of an image',
    summary: 'Tries failed copies once more, and makes those that zones lack.',
    examples: [{ title: 'All that failed or are missing', params: exampleParams, body: {}, status: 202 }],
    async handle({ cloud, subject, params, body }) {
      const actions = await cloud.images.copies.resync(subject, idOf(params), body.image_store_ids);
      return { body: { action_ids: actions } };
    },
  }),
];
