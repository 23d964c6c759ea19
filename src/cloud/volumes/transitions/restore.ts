import { Type } from 'typebox';
import { newId, withDashes } from '../../../env/env.ts';
import { action, span } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import type { Subject } from '../../identity/subject.ts';
import type { VolumeBackup } from '../backup-model.ts';
import { lockBackup, updateBackup } from '../backup-rows.ts';
import { imageBelow } from '../base-image.ts';
import { requestCreateVolume } from '../creation.ts';
import { noteFailure } from '../messages.ts';
import { type Volume, volumeFromRow } from '../model.ts';
import { invalidVolume, lockVolume, settleVolume } from '../rules.ts';
import { cacheBackup, makeDisk } from '../steps/disk.ts';
import { discardOldDisk, swapDisk, useHost } from '../steps/replace-disk.ts';
import { invalidBackup } from './backup.ts';

export const restoreBackup = action(
  'backup.restore',
  Type.Object({
    ownerId: Type.String(),
    newDiskId: Type.String(),
    oldDiskId: Type.String(),
    hostId: Type.String(),
    size: Type.Number(),
    zoneId: Type.String(),
    backupId: Type.String(),
    backupDataId: Type.String(),
  }),
  [span('restore_backup', [useHost, cacheBackup, makeDisk, swapDisk, discardOldDisk])],
  {
    async succeeded(tx, { services, input }) {
      const columns = { status: 'available', last_error: null };
      await settleVolume(services, tx, input.ownerId, 'restoring-backup', columns);
      await updateBackup(services, tx, input.backupId, { status: 'available' }, ['restoring']);
    },
    async failed(tx, { services, input, actionId }, failure) {
      // What the volume had before is untouched.
      const columns = { status: 'available', last_error: failure.message };
      await settleVolume(services, tx, input.ownerId, 'restoring-backup', columns);
      await updateBackup(services, tx, input.backupId, { status: 'available' }, ['restoring']);
      const about = { doing: 'restoreBackup', actionId, kind: 'VOLUME_BACKUP', id: input.backupId } as const;
      await noteFailure(services, tx, about, failure);
    },
  },
);

/** Gives a volume the content of a backup: a free one that is large enough, or a new one. */
export async function requestRestoreBackup(
  cloud: Cloud,
  subject: Subject,
  backupId: string,
  target: { volumeId?: string; name?: string | null } = {},
): Promise<{ backup: VolumeBackup; volume: Volume; actionId: string }> {
  const { volumeId } = target;
  if (volumeId === undefined) {
    const backup = await cloud.blockStorage.backups.get(subject, backupId);
    const name = target.name ?? `restore_backup_${withDashes(backupId)}`;
    const { description, metadata } = backup.volume;
    return { backup, ...(await requestCreateVolume(cloud, subject, { backupId, name, description, metadata })) };
  }
  return await cloud.db.write(async (tx) => {
    const backup = await lockBackup(tx, subject, backupId);
    const row = await lockVolume(tx, subject, volumeId);
    if (backup.status !== 'available') throw invalidBackup('Backup status must be available');
    if (row.status !== 'available') throw invalidVolume('Volume to be restored to must be available');
    if (row.size < backup.size) {
      const [has, needs] = [row.size, backup.size].map((bytes) => Math.ceil(bytes / 2 ** 30));
      throw invalidVolume(`volume size ${has} is too small to restore backup of size ${needs}.`);
    }
    const newDiskId = newId(cloud.env);
    const hostId = row.host_id!;
    await cloud.hosts.placeDisk(tx, { size: row.size, onlyHostId: hostId, storageId: row.storage_id });
    const imageId = await imageBelow(tx, { volumeId, imageId: backup.dataId });
    const disk = { id: newDiskId, volumeId, imageId, size: row.size };
    await cloud.volumes.registerDisk(tx, hostId, disk);
    await cloud.volumes.update(tx, volumeId, { status: 'restoring-backup' });
    await updateBackup(cloud, tx, backupId, { status: 'restoring' });
    const actionId = await cloud.runner.submit(tx, restoreBackup, {
      input: {
        ownerId: volumeId,
        newDiskId,
        oldDiskId: row.disk_id!,
        hostId,
        size: row.size,
        zoneId: row.zone_id,
        backupId,
        backupDataId: backup.dataId,
      },
      name: 'restore',
      resourceType: 'volume',
      resourceId: volumeId,
      projectId: row.project_id,
      userId: subject.userId,
      requestId: subject.requestId,
    });
    return { backup, volume: volumeFromRow({ ...row, status: 'restoring-backup' }), actionId };
  });
}
