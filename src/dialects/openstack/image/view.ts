import type { Cloud } from '../../../cloud/cloud.ts';
import type { Image, ImageReplica } from '../../../cloud/images/model.ts';
import { syncStatusReason } from '../../../cloud/images/sync-status.ts';
import { withDashes } from '../../../env/env.ts';
import { isoSeconds } from '../common/time.ts';

/** The images as Glance's clients know them. One statement tells of all their copies. */
export async function imageViews(cloud: Cloud, images: readonly Image[]): Promise<Array<Record<string, unknown>>> {
  const replicas = await cloud.images.replicasOf(images.map(({ id }) => id));
  return images.map((image) =>
    imageView(
      image,
      replicas.filter(({ imageId }) => imageId === image.id),
    ),
  );
}

export async function viewOf(cloud: Cloud, image: Image): Promise<Record<string, unknown>> {
  return (await imageViews(cloud, [image]))[0]!;
}

function imageView(image: Image, replicas: readonly ImageReplica[]): Record<string, unknown> {
  const id = withDashes(image.id);
  const stores = namesIn(replicas, ['active']);
  return {
    ...ownProperties(image, replicas),
    name: image.name,
    visibility: image.visibility,
    protected: image.isProtected,
    os_hidden: image.isHidden,
    container_format: image.containerFormat,
    disk_format: image.diskFormat,
    min_disk: image.minDiskGb,
    min_ram: image.minMemoryMb,
    tags: image.tags,
    owner: image.projectId,
    id,
    status: glanceStatus(image),
    checksum: image.checksum,
    os_hash_algo: image.hashValue === null ? null : 'sha512',
    os_hash_value: image.hashValue,
    size: image.size,
    virtual_size: image.virtualSize,
    created_at: isoSeconds(image.createdAt),
    updated_at: isoSeconds(image.updatedAt),
    self: `/v2/images/${id}`,
    file: `/v2/images/${id}/file`,
    schema: '/v2/schemas/image',
    ...(stores === '' ? {} : { stores }),
  };
}

function ownProperties(image: Image, replicas: readonly ImageReplica[]): Record<string, string> {
  const reason = syncStatusReason(image, replicas);
  return {
    ...image.properties,
    ...(image.description === null ? {} : { description: image.description }),
    ...(reason === undefined ? {} : { sync_status_reason: reason }),
    ...importProgress(image, replicas),
  };
}

/** Where an import, or a copy that was asked for, still goes, and where it could not. Kept when it is over, as Glance does. */
function importProgress(image: Image, replicas: readonly ImageReplica[]): Record<string, string> {
  const { importTaskId, status, failedImport } = image;
  if (failedImport.length > 0) {
    return { os_glance_importing_to_stores: '', os_glance_failed_import: failedImport.join(',') };
  }
  if (importTaskId === null || status === 'queued') return {};
  return {
    os_glance_importing_to_stores: namesIn(replicas, ['pending', 'copying']),
    os_glance_failed_import: namesIn(replicas, ['error']),
  };
}

/** The names of the stores whose copies are in one of the states. */
function namesIn(replicas: readonly ImageReplica[], states: ReadonlyArray<ImageReplica['state']>): string {
  const names = replicas.filter(({ state }) => states.includes(state)).map(({ storeName }) => storeName);
  return names.toSorted().join(',');
}

function glanceStatus({ status }: Image): string {
  return status === 'error' ? 'killed' : status;
}
