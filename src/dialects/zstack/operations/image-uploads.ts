import { Type as T } from 'typebox';
import { syncOperation } from '../protocol/operation.ts';
import { resourceNotFound } from '../protocol/zstack-error.ts';
import { ofClass } from '../query/java-classes.ts';
import { imageExample } from './image-examples.ts';
import { imageNamed } from './image-words.ts';

const details = T.Object(
  {
    imageUuid: T.String({ description: 'The image.' }),
    imageUploadUrl: T.String({ description: 'Where its bytes are to be sent.' }),
    offset: T.Integer({ description: 'Where the upload goes on: all bytes before are there.' }),
  },
  ofClass('org.zstack.header.image.APIGetUploadImageJobDetailsReply$JobDetails'),
);

export const getUploadImageJobDetails = syncOperation({
  id: 'GetUploadImageJobDetails',
  group: 'Image',
  package: 'header.image',
  method: 'GET',
  path: '/images/upload-job/details/{imageId}',
  since: '4.0.0',
  allow: 'member',
  params: T.Object({ imageId: T.String({ maxLength: 64, description: 'The image.' }) }),
  response: T.Object({
    existingJobDetails: T.Array(details, { description: 'The upload that can go on; none where there is none.' }),
  }),
  title: 'Get details of an image’s upload',
  summary: 'Where an upload that broke off goes on, for an image that was added with upload://.',
  examples: [
    {
      title: 'Half of it is there',
      params: { imageId: imageExample.uuid },
      status: 200,
      response: {
        existingJobDetails: [
          {
            imageUuid: imageExample.uuid,
            imageUploadUrl: 'http://cloud.example.com/unkai/v1/image-uploads/…',
            offset: 1048576,
          },
        ],
      },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const { imageId } = input;
    const image = await imageNamed(cloud, subject, 'imageId', imageId);
    if (image.projectId !== subject.projectId && !subject.isAdmin) {
      throw resourceNotFound('imageId', imageId, 'ImageVO');
    }
    const upload = await cloud.images.partUploads.find(image.id);
    const [copy] = await cloud.images.replicasOf([image.id]);
    if (upload?.state !== 'receiving' || !copy?.installPath?.includes('://')) return { existingJobDetails: [] };
    const found = { imageUuid: image.id, imageUploadUrl: copy.installPath, offset: upload.offset };
    return { existingJobDetails: [found] };
  },
});
