import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { reclaimSpaceOf } from '../../../cloud/image-stores/leftovers.ts';
import { image } from '../inventories/image.ts';
import { uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { formatTimestamp } from '../protocol/timestamp.ts';
import { operationFailed, resourceNotFound } from '../protocol/zstack-error.ts';
import { ofClass } from '../query/java-classes.ts';
import { inventoriesByUuid } from '../query/query.ts';
import { backupStorageUuid, imageExample } from './image-examples.ts';

const shared = {
  group: 'Backup Storage',
  package: 'storage.backup.imagestore',
  allow: 'admin',
  params: uuidIn('uuid', 'The image store.'),
} as const;
const here = { uuid: backupStorageUuid };

/** Image stores are folders and buckets. Throws where it is none, or is not there now. */
function requireImageStore(cloud: Cloud, uuid: string): void {
  const store = cloud.imageStores.find(uuid);
  if (!store || !['directory', 's3'].includes(store.kind)) {
    throw resourceNotFound('uuid', uuid, 'ImageStoreBackupStorageVO');
  }
  if (store.status !== 'connected') throw operationFailed(`backup storage[uuid:${uuid}] is not Connected`);
}

const text = (description: string) => T.Optional(T.String({ description }));

/** What really is in image stores. */
export const imageStoreContentOperations = [
  syncOperation({
    ...shared,
    id: 'GetImagesFromImageStoreBackupStorage',
    since: '2.2',
    method: 'PUT',
    path: '/backup-storage/{uuid}/image-store',
    response: T.Object({
      infos: T.Array(
        T.Object(
          {
            id: T.String({ description: 'The uuid of the image.' }),
            name: text('Its name, where the cloud knows it.'),
            desc: text('Its description.'),
            arch: text('Its architecture.'),
            created: T.String({ description: 'When its bytes came to the store.' }),
            size: T.Integer({ description: 'Bytes in the store.' }),
            virtualsize: T.Optional(T.Integer({ description: 'Bytes of its disk.' })),
          },
          ofClass('org.zstack.storage.backup.imagestore.ImageStoreImageStruct'),
        ),
      ),
    }),
    title: 'Get what is in an image store',
    summary:
      'Reads the store itself: it also has images that were deleted and are kept, and such as this cloud has no row of.',
    examples: [
      {
        title: 'Get',
        params: here,
        body: { getImagesFromImageStoreBackupStorage: {} },
        status: 200,
        response: {
          infos: [
            {
              id: imageExample.uuid,
              name: imageExample.name,
              created: 'Nov 21, 2026 2:00:00 PM',
              size: 10_485_760,
              virtualsize: 1_073_741_824,
            },
          ],
        },
      },
    ],
    handle: async ({ cloud, subject, input: { uuid } }) => {
      requireImageStore(cloud, uuid);
      const { images } = await onStore(uuid, () => cloud.imageStores.driver(uuid).list());
      const ids = images.map(({ imageId }) => imageId);
      const known = await inventoriesByUuid(cloud, image, subject, ids);
      const rows = new Map(known.map((one) => [one['uuid'], one]));
      const infos = images.map(({ imageId: id, size, modifiedAt }) => {
        const { name, description: desc, architecture: arch, size: virtualsize } = rows.get(id) ?? {};
        const told = Object.entries({ name, desc, arch, virtualsize }).filter(([, value]) => value != null);
        return { id, created: formatTimestamp(modifiedAt), size, ...Object.fromEntries(told) };
      });
      return { infos };
    },
  }),
  jobOperation({
    ...shared,
    id: 'ReclaimSpaceFromImageStore',
    since: '2.3',
    method: 'PUT',
    path: '/backup-storage/image-store/{uuid}/actions',
    response: T.Object({
      gcResult: T.Object({ freedSpaceInBytes: T.Integer({ description: 'How much was freed.' }) }),
      success: T.Optional(T.Boolean()),
    }),
    timeoutSeconds: 72 * 3600,
    title: 'Reclaim space of an image store',
    summary:
      'Removes at once what goes by itself otherwise: what broken uploads left behind, and bytes of images that have no copy there any more. Deleted images that can be recovered stay.',
    examples: [
      {
        title: 'Reclaim',
        params: here,
        body: { reclaimSpaceFromImageStore: {} },
        status: 200,
        response: { gcResult: { freedSpaceInBytes: 0 }, success: true },
      },
    ],
    handle: async ({ cloud, input: { uuid } }) => {
      requireImageStore(cloud, uuid);
      const freedSpaceInBytes = await onStore(uuid, () => reclaimSpaceOf(cloud, uuid));
      return { body: { gcResult: { freedSpaceInBytes }, success: true } };
    },
  }),
];

/** What goes wrong in the store itself is said in the dialect's words. */
async function onStore<Result>(uuid: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CloudError && error.code !== 'unavailable') throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw operationFailed(`cannot read backup storage[uuid:${uuid}]: ${why}`);
  }
}
