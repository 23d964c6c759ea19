import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { projectOf } from '../../../cloud/identity/subject.ts';

const mib = 1024 * 1024;

const Quota = Type.Object({
  limit: Type.Integer({ description: '-1 for none.' }),
  usage: Type.Integer(),
});

const showUsage = operation({
  dialect: 'image',
  group: 'stores',
  mode: 'sync',
  id: 'ShowImageUsage',
  method: 'GET',
  path: '/v2/info/usage',
  allow: 'reader',
  responses: {
    200: Type.Object({
      usage: Type.Object({
        image_size_total: Type.Object(Quota.properties, { description: 'Mebibytes of all images.' }),
        image_stage_total: Type.Object(Quota.properties, {
          description: 'Mebibytes of images that are staged or imported.',
        }),
        image_count_total: Type.Object(Quota.properties, { description: 'Images.' }),
        image_count_uploading: Type.Object(Quota.properties, { description: 'Images whose bytes are coming.' }),
      }),
    }),
  },
  errors: [401, 403],
  title: 'Show the usage of image quotas',
  summary: "What the token's project has of images, and what it may have.",
  examples: [{ title: 'All', status: 200 }],
  async handle({ cloud, subject }) {
    const projectId = projectOf(subject);
    const [used, limits] = await Promise.all([cloud.images.usage(projectId), cloud.images.limits(projectId)]);
    const bytes = limits.image_bytes;
    return {
      body: {
        usage: {
          image_size_total: {
            limit: bytes < 0 ? -1 : Math.floor(bytes / mib),
            usage: Math.ceil(used.imageBytes / mib),
          },
          image_stage_total: { limit: -1, usage: Math.ceil(used.stagedBytes / mib) },
          image_count_total: { limit: limits.images, usage: used.images },
          image_count_uploading: { limit: -1, usage: used.uploading },
        },
      },
    };
  },
});

export const usageOperations = [showUsage];
