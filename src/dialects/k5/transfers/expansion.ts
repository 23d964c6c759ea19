import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { withDashes } from '../../../env/env.ts';
import { imageIdIn, shaOne } from './imports.ts';
import { expansionEndings, readLocation } from './location.ts';

/** A disk without a system, which volumes are made of and no server is built from. */
export const registerExpansionImage = operation({
  dialect: 'k5',
  group: 'image import',
  since: '1.0',
  id: 'RegisterExpansionStorageImage',
  method: 'POST',
  path: '/expansionstorageimageimport',
  mode: 'async',
  allow: 'member',
  body: Type.Object({
    name: Type.String({ minLength: 1, maxLength: 255 }),
    location: Type.String({
      description: '`/v2/AUTH_<project>/<container>/<object>`; the object ends in `.img.gz` or `.qcow2.gz`.',
    }),
    checksum: Type.Optional(shaOne),
    id: Type.Optional(Type.String({ description: 'The image’s id is to be this.' })),
  }),
  responses: { 201: Type.Object({ import_id: Type.String() }) },
  errors: [400, 401, 403, 405, 500, 503],
  title: 'Register expansion storage image',
  summary:
    'Makes an image of a packed disk in a container of the project, from which volumes can be made and no server. How ' +
    'far it is tells the status of image imports.',
  examples: [
    {
      title: 'A raw disk',
      body: { name: 'data-disk', location: '/v2/AUTH_776a290892b747c4af8cec5d1d1b4a3f/images/data-disk.img.gz' },
      status: 201,
      response: { import_id: '5a9cbe53-5c9d-4d5a-a1f1-2c1cf1b0ed11' },
    },
  ],
  async handle({ cloud, subject, body }) {
    const { url, diskFormat } = readLocation(subject, body.location, expansionEndings);
    const image = {
      id: imageIdIn(body),
      name: body.name,
      diskFormat,
      containerFormat: 'bare',
      visibility: 'private' as const,
      mediaType: 'data' as const,
    };
    const { actionId } = await cloud.images.imports.add(subject, image, { url, sha1: body.checksum?.toLowerCase() });
    return { body: { import_id: withDashes(actionId) } };
  },
});
