import { Type } from 'typebox';
import { action, span } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError } from '../../errors.ts';
import type { Subject } from '../../identity/subject.ts';
import { noteFailure } from '../messages.ts';
import { type Volume, volumeFromRow } from '../model.ts';
import { lockVolume, requireStatus, settleVolume, steadyStatus } from '../rules.ts';
import { refuseShared } from '../shares.ts';
import { growDisk } from '../steps/grow-disk.ts';
import { checkVolumeQuotas } from '../type-quotas.ts';

export const extendVolume = action(
  'volume.extend',
  Type.Object({
    volumeId: Type.String(),
    diskId: Type.String(),
    hostId: Type.String(),
    newSize: Type.Number(),
  }),
  [span('compute_extend_volume', [growDisk])],
  {
    async succeeded(tx, { services, input, state }) {
      const status = await steadyStatus(tx, input.volumeId);
      const columns = { status, size: input.newSize, actual_size: state.actualSize, last_error: null };
      await settleVolume(services, tx, input.volumeId, 'extending', columns);
      await tx.updateTable('disks').set({ size: input.newSize }).where('id', '=', input.diskId).execute();
    },
    async failed(tx, { services, input, actionId }, failure) {
      const status = await steadyStatus(tx, input.volumeId);
      await settleVolume(services, tx, input.volumeId, 'extending', { status, last_error: failure.message });
      await noteFailure(services, tx, { doing: 'extend', actionId, kind: 'VOLUME', id: input.volumeId }, failure);
    },
  },
);

/**
 * Makes a volume larger; one that is attached to a server too, whose system sees the new size at once. Then it is in
 * the queue of what is done with that server.
 * @param newSize bytes
 */
export async function requestExtendVolume(
  cloud: Cloud,
  subject: Subject,
  volumeId: string,
  newSize: number,
  options: { evenIfAttached: boolean } = { evenIfAttached: true },
): Promise<{ volume: Volume; actionId: string }> {
  return await cloud.db.write(async (tx) => {
    const row = await lockVolume(tx, subject, volumeId);
    requireStatus(row, options.evenIfAttached ? ['available', 'in-use'] : ['available'], 'extend');
    await refuseShared(tx, row, 'extend');
    if (newSize <= row.size) throw notGreater(row.size, newSize);
    await checkVolumeQuotas(cloud, tx, row.project_id, {
      typeId: row.volume_type,
      bytes: newSize - row.size,
      largest: newSize,
    });
    await cloud.hosts.placeDisk(tx, { size: newSize - row.size, onlyHostId: row.host_id!, storageId: row.storage_id });
    await cloud.volumes.update(tx, volumeId, { status: 'extending' });
    const actionId = await cloud.runner.submit(tx, extendVolume, {
      input: { volumeId, diskId: row.disk_id!, hostId: row.host_id!, newSize },
      name: row.server_id ? 'extend_volume' : 'extend',
      resourceType: row.server_id ? 'server' : 'volume',
      resourceId: row.server_id ?? volumeId,
      projectId: row.project_id,
      userId: subject.userId,
      requestId: subject.requestId,
    });
    return { volume: volumeFromRow({ ...row, status: 'extending' }), actionId };
  });
}

function notGreater(current: number, asked: number): CloudError {
  const [has, wants] = [current, asked].map((bytes) => Math.ceil(bytes / 2 ** 30));
  return new CloudError(
    'invalid',
    `Invalid input received: New size for extend must be greater than current size. (current: ${has}, extended: ${wants}).`,
    { reason: 'invalid_input', field: 'new_size' },
  );
}
