import { Type } from 'typebox';
import { type AnyOperation, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { withDashes } from '../../../env/env.ts';
import { atLeast } from '../common/microversion.ts';
import { isoMicros } from '../common/time.ts';
import { exampleImageId, exampleVolumeId } from './example.ts';
import { exampleType, newTypeView, TypeSchema } from './types.ts';
import { booleanOf, flag, idOf, inGib, textOrNull } from './wire.ts';

const visibilities = ['public', 'private', 'shared', 'community'] as const;

/** Makes an image of a volume. */
export function uploadImageOperation(): AnyOperation {
  return operation({
    id: 'UploadVolumeImage',
    dialect: 'volume',
    group: 'volume actions',
    method: 'POST',
    path: '/volumes/{volume_id}/action',
    bodyKey: 'os-volume_upload_image',
    since: '3.0',
    mode: 'async',
    allow: 'member',
    params: Type.Object({ volume_id: Type.String() }),
    body: Type.Object({
      image_name: Type.String({ minLength: 1, maxLength: 255 }),
      force: Type.Optional(flag({ description: 'Also of a volume that a server has.' })),
      disk_format: Type.Optional(textOrNull({ description: '`raw`, as if nothing is said, or `qcow2`.' })),
      container_format: Type.Optional(textOrNull({ description: '`bare`.' })),
      visibility: Type.Optional(textOrNull({ enum: [...visibilities, null], description: 'From 3.1 on.' })),
      protected: Type.Optional(flag({ description: 'From 3.1 on.' })),
    }),
    responses: {
      202: Type.Object({
        'os-volume_upload_image': Type.Object({
          id: Type.String(),
          updated_at: Type.String(),
          status: Type.String(),
          display_description: textOrNull(),
          size: Type.Integer(),
          volume_type: TypeSchema,
          image_id: Type.String(),
          container_format: Type.String(),
          disk_format: Type.String(),
          image_name: Type.String(),
          visibility: Type.Optional(Type.String()),
          protected: Type.Optional(Type.Boolean()),
        }),
      }),
    },
    errors: [400, 401, 404, 413],
    title: 'Make an image of a volume',
    summary: 'The image is the volume as of one moment. It is `saving` until it can be used.',
    examples: [
      {
        title: 'A golden image',
        params: { volume_id: exampleVolumeId },
        body: {
          'os-volume_upload_image': {
            image_name: 'golden',
            disk_format: 'qcow2',
            container_format: 'bare',
            force: false,
          },
        },
        status: 202,
        response: {
          'os-volume_upload_image': {
            id: exampleVolumeId,
            updated_at: '2026-01-31T12:00:00.000000',
            status: 'uploading',
            display_description: null,
            size: 10,
            volume_type: exampleType,
            image_id: exampleImageId,
            container_format: 'bare',
            disk_format: 'qcow2',
            image_name: 'golden',
          },
        },
      },
    ],
    handle: async ({ cloud, subject, params, body, context }) => {
      const tells = atLeast(context, 3, 1);
      const template = {
        name: body.image_name,
        diskFormat: diskFormatOf(body.disk_format),
        ...(tells && body.visibility ? { visibility: body.visibility as (typeof visibilities)[number] } : {}),
        ...(tells && body.protected !== undefined ? { isProtected: booleanOf(body.protected, 'protected') } : {}),
      };
      if (body.container_format && body.container_format !== 'bare')
        throw unknownFormat('container', body.container_format);
      const force = body.force !== undefined && booleanOf(body.force, 'force');
      const id = idOf('volume', params.volume_id);
      const { volume, image } = await cloud.blockStorage.uploadImage(subject, id, template, { force });
      const type = await cloud.blockStorage.types.get({ ...subject, isAdmin: true }, volume.volumeType);
      return {
        status: 202,
        body: {
          'os-volume_upload_image': {
            id: withDashes(volume.id),
            updated_at: isoMicros(volume.updatedAt),
            status: volume.status,
            display_description: volume.description,
            size: inGib(volume.size),
            volume_type: newTypeView(type),
            image_id: withDashes(image.id),
            container_format: 'bare',
            disk_format: template.diskFormat,
            image_name: body.image_name,
            ...(tells ? { visibility: image.visibility, protected: image.isProtected } : {}),
          },
        },
      };
    },
  });
}

function diskFormatOf(format: string | null | undefined): 'raw' | 'qcow2' {
  if (format === undefined || format === null || format === 'raw') return 'raw';
  if (format === 'qcow2') return format;
  throw unknownFormat('disk', format);
}

function unknownFormat(kind: string, format: string): CloudError {
  return new CloudError('invalid', `Invalid input received: images are not made in the ${kind} format ${format}.`);
}
