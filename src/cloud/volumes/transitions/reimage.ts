import { Type } from 'typebox';
import { newId, withDashes } from '../../../env/env.ts';
import { action, span } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import type { Subject } from '../../identity/subject.ts';
import { imageBelow } from '../base-image.ts';
import { imageMetadataOf } from '../creation.ts';
import { noteFailure } from '../messages.ts';
import { type Volume, volumeFromRow } from '../model.ts';
import { invalidVolume, lockVolume, requireRoom, requireStatus, settleVolume } from '../rules.ts';
import { cacheImage, makeDisk } from '../steps/disk.ts';
import { discardOldDisk, swapDisk, useHost } from '../steps/replace-disk.ts';

export const reimageVolume = action(
  'volume.reimage',
  Type.Object({
    ownerId: Type.String(),
    newDiskId: Type.String(),
    oldDiskId: Type.String(),
    hostId: Type.String(),
    size: Type.Number(),
    zoneId: Type.String(),
    imageId: Type.String(),
    imageMetadata: Type.String(),
    statusBefore: Type.Union([Type.Literal('available'), Type.Literal('error')]),
  }),
  [span('reimage', [useHost, cacheImage, makeDisk, swapDisk, discardOldDisk])],
  {
    async succeeded(tx, { services, input }) {
      const columns = { status: 'available', bootable: 1, last_error: null } as const;
      const image = { image_id: input.imageId, image_metadata: input.imageMetadata };
      await settleVolume(services, tx, input.ownerId, 'downloading', { ...columns, ...image });
    },
    async failed(tx, { services, input, actionId }, failure) {
      // What the volume had before is untouched.
      const columns = { status: input.statusBefore, last_error: failure.message };
      await settleVolume(services, tx, input.ownerId, 'downloading', columns);
      await noteFailure(services, tx, { doing: 'reimage', actionId, kind: 'VOLUME', id: input.ownerId }, failure);
    },
  },
);

/** Gives a volume that nothing has the content of an image. What was on it is lost. */
export async function requestReimageVolume(
  cloud: Cloud,
  subject: Subject,
  volumeId: string,
  imageId: string,
): Promise<{ volume: Volume; actionId: string }> {
  const image = await cloud.images.forBoot(subject, imageId);
  return await cloud.db.write(async (tx) => {
    const row = await lockVolume(tx, subject, volumeId);
    requireStatus(row, ['available', 'error'], 're-image');
    if (!row.disk_id || !row.host_id) throw invalidVolume(`Volume ${withDashes(volumeId)} has no disk.`);
    requireRoom(image, row.size);
    const newDiskId = newId(cloud.env);
    await cloud.hosts.placeDisk(tx, { size: row.size, onlyHostId: row.host_id, storageId: row.storage_id });
    const below = await imageBelow(tx, { volumeId, imageId: image.id });
    await cloud.volumes.registerDisk(tx, row.host_id, { id: newDiskId, volumeId, imageId: below, size: row.size });
    await cloud.volumes.update(tx, volumeId, { status: 'downloading' });
    const actionId = await cloud.runner.submit(tx, reimageVolume, {
      input: {
        ownerId: volumeId,
        newDiskId,
        oldDiskId: row.disk_id,
        hostId: row.host_id,
        size: row.size,
        zoneId: row.zone_id,
        imageId: image.id,
        imageMetadata: JSON.stringify(imageMetadataOf(image)),
        statusBefore: row.status === 'error' ? 'error' : 'available',
      },
      name: 'reimage',
      resourceType: 'volume',
      resourceId: volumeId,
      projectId: row.project_id,
      userId: subject.userId,
      requestId: subject.requestId,
    });
    return { volume: volumeFromRow({ ...row, status: 'downloading' }), actionId };
  });
}
