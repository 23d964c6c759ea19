import type { AnyOperation, OperationExample } from '../../api/operation.ts';
import { imageProxy } from '../openstack/compute/images.ts';

/** K5's links lead through the project everywhere, also those to the image service. */
const operations = imageProxy({
  dialect: 'k5',
  place: ({ base, origin, mount }) => ({
    base,
    imageBase: `${origin}/image/${mount['tenant_id']}`,
    tellsDiskConfig: false,
  }),
  words: {
    ListImages: { title: 'List images', summary: 'Ids, names and links of all images that the project may use.' },
    ListImagesDetails: {
      title: 'List images details',
      summary:
        'Everything about the images that the project may use. An image with `sync_status_reason` among its metadata ' +
        'could not be registered in another availability zone: it is of use only where it was made.',
    },
    ShowImage: { title: 'Show image details', summary: 'Everything about one image.' },
    DeleteImage: { title: 'Delete image', summary: 'Deletes an image of the project.' },
    ListImageMetadata: { title: 'List image metadata', summary: 'The metadata of one image.' },
    ShowImageMetadataItem: { title: 'Show image metadata item', summary: 'One item of the metadata of an image.' },
  },
});

const exampleId = '3eb2d8df-487b-4e82-a5ad-cde81d5f7a10';
const project = '776a290892b747c4af8cec5d1d1b4a3f';
const origin = 'http://cloud.example.com';

const withFailedCopy: OperationExample = {
  title: 'An image that another availability zone lacks',
  query: { status: 'ACTIVE', type: 'ALL' },
  status: 200,
  response: {
    images: [
      {
        status: 'ACTIVE',
        updated: '2018-04-27T08:20:26Z',
        links: [
          { rel: 'self', href: `${origin}/v2/${project}/images/${exampleId}` },
          { rel: 'bookmark', href: `${origin}/${project}/images/${exampleId}` },
          {
            rel: 'alternate',
            href: `${origin}/image/${project}/images/${exampleId}`,
            type: 'application/vnd.openstack.image',
          },
        ],
        id: exampleId,
        'OS-EXT-IMG-SIZE:size': 194008676,
        name: 'web-server',
        created: '2018-04-27T08:06:53Z',
        minDisk: 0,
        progress: 100,
        minRam: 0,
        metadata: {
          sync_status_reason:
            'ERROR:A timeout occurred during synchronize image the server(http://images.zone-2.example.com:9292) ' +
            `in the image operation. image_id=${exampleId}`,
        },
      },
    ],
  },
};

/** Images as K5's compute API lists them. */
export const k5ImageOperations: readonly AnyOperation[] = operations.map((operation) =>
  operation.id === 'ListImagesDetails'
    ? { ...operation, examples: [withFailedCopy, ...operation.examples] }
    : operation,
);
