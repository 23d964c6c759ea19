import { Type } from 'typebox';
import type { Tx } from '../../../database/database.ts';
import type { VolumesTable } from '../../../database/schema.ts';
import { newId } from '../../../env/env.ts';
import { action, span } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import type { Subject } from '../../identity/subject.ts';
import { type Volume, volumeFromRow } from '../model.ts';
import { lockVolume, requireStatus, settleVolume } from '../rules.ts';
import { refuseCopied } from '../shares.ts';
import { makeDisk } from '../steps/disk.ts';
import { discardOldDisk, swapDisk, useHost } from '../steps/replace-disk.ts';

/**
 * A free volume becomes one that several servers may have, or no longer is one, or a layer over nothing: its disk is copied
 * into another format.
 */
export const convertVolume = action(
  'volume.convert',
  Type.Object({
    ownerId: Type.String(),
    newDiskId: Type.String(),
    oldDiskId: Type.String(),
    sourceDiskId: Type.String(),
    hostId: Type.String(),
    size: Type.Number(),
    zoneId: Type.String(),
    shared: Type.Boolean(),
    typeId: Type.String(),
    flat: Type.Optional(Type.Boolean()),
  }),
  [span('retype', [useHost, makeDisk, swapDisk, discardOldDisk])],
  {
    async succeeded(tx, { services, input }) {
      const columns = { volume_type: input.typeId, multiattach: input.shared ? 1 : 0, last_error: null } as const;
      await settleVolume(services, tx, input.ownerId, 'retyping', { status: 'available', ...columns });
    },
    async failed(tx, { services, input }, failure) {
      // What the volume had before is untouched.
      const columns = { status: 'available', last_error: failure.message };
      await settleVolume(services, tx, input.ownerId, 'retyping', columns);
    },
  },
);

/** Begins it for a volume whose retype was checked. Throws `invalid` for one that is in use, in Cinder's words. */
export async function beginConversion(
  cloud: Cloud,
  tx: Tx,
  subject: Subject,
  row: VolumesTable,
  type: { id: string; shared: boolean },
): Promise<{ volume: Volume; actionId: string }> {
  requireStatus(row, ['available'], 'retype it between volume types with and without multiattach');
  return await begin(cloud, tx, subject, row, { ...type, name: 'retype' });
}

/** As `requestFlattenAttached`, for a volume that no server has. Throws `invalid` for one that a server has. */
export async function requestFlattenFree(
  cloud: Cloud,
  subject: Subject,
  volumeId: string,
): Promise<{ actionId: string }> {
  return await cloud.db.write(async (tx) => {
    const row = await lockVolume(tx, subject, volumeId);
    requireStatus(row, ['available'], 'flatten it');
    await refuseCopied(tx, row.id, 'it stays as it is meanwhile');
    const same = { id: row.volume_type, shared: row.multiattach === 1 };
    return await begin(cloud, tx, subject, row, { ...same, name: 'flatten', flat: true });
  });
}

async function begin(
  cloud: Cloud,
  tx: Tx,
  subject: Subject,
  row: VolumesTable,
  to: { id: string; shared: boolean; name: string; flat?: boolean },
): Promise<{ volume: Volume; actionId: string }> {
  const newDiskId = newId(cloud.env);
  const [hostId, oldDiskId] = [row.host_id!, row.disk_id!];
  await cloud.hosts.placeDisk(tx, { size: row.size, onlyHostId: hostId, storageId: row.storage_id });
  await cloud.volumes.registerDisk(tx, hostId, { id: newDiskId, volumeId: row.id, imageId: null, size: row.size });
  await cloud.volumes.update(tx, row.id, { status: 'retyping' });
  const actionId = await cloud.runner.submit(tx, convertVolume, {
    input: {
      ownerId: row.id,
      newDiskId,
      oldDiskId,
      sourceDiskId: oldDiskId,
      hostId,
      size: row.size,
      zoneId: row.zone_id,
      shared: to.shared,
      typeId: to.id,
      flat: to.flat,
    },
    name: to.name,
    resourceType: 'volume',
    resourceId: row.id,
    projectId: row.project_id,
    userId: subject.userId,
    requestId: subject.requestId,
  });
  return { volume: volumeFromRow({ ...row, status: 'retyping' }), actionId };
}
