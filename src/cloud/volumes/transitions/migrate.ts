import { Type } from 'typebox';
import type { Tx } from '../../../database/database.ts';
import type { VolumesTable } from '../../../database/schema.ts';
import { newId, withDashes } from '../../../env/env.ts';
import { action, span } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError } from '../../errors.ts';
import type { Subject } from '../../identity/subject.ts';
import { isGrouped } from '../groups/membership.ts';
import { invalidVolume, lockVolume, requireStatus } from '../rules.ts';
import { refuseCopied } from '../shares.ts';
import { announceCopy, bringDisk } from './bring-disk.ts';

interface Input {
  volumeId: string;
  /** The copy on the host that it goes to. */
  diskId: string;
  hostId: string;
  from: { hostId: string; diskId: string };
}

/** Moves a free volume to another host or storage: its disk is copied, and goes once the volume has the copy. */
export const migrateVolume = action(
  'volume.migrate',
  Type.Object({
    volumeId: Type.String(),
    diskId: Type.String(),
    hostId: Type.String(),
    from: Type.Object({ hostId: Type.String(), diskId: Type.String() }),
  }),
  [span('migrate_volume', [bringDisk])],
  {
    async succeeded(tx, { services, input, state }) {
      const columns = { actual_size: state.actualSize, install_path: state.installPath };
      const hasMoved = await settle(services, tx, input, { last_error: null, migration_status: 'success' });
      if (hasMoved) await services.volumes.setPlace(tx, input.volumeId, input, columns);
      await services.volumes.releaseDisk(tx, hasMoved ? input.from.diskId : input.diskId);
    },
    async failed(tx, { services, input }, failure) {
      await settle(services, tx, input, { last_error: failure.message, migration_status: 'error' });
    },
  },
);

/**
 * Ends the move in the volume's row, unless somebody has said meanwhile that the volume is free: it may have been written to,
 * and keeps the disk that it has. Says whether it was as it should be.
 */
async function settle(
  { env }: Cloud,
  tx: Tx,
  { volumeId, from }: Readonly<Input>,
  changes: Partial<VolumesTable>,
): Promise<boolean> {
  const now = env.now();
  const settled = await tx
    .updateTable('volumes')
    .set({ ...changes, status: 'available', updated_at: now })
    .where('id', '=', volumeId)
    .where('deleted_at', 'is', null)
    .where('status', '=', 'maintenance')
    .where('disk_id', '=', from.diskId)
    .executeTakeFirst();
  if (settled.numUpdatedRows > 0n) return true;
  await tx
    .updateTable('volumes')
    .set({ migration_status: 'error', updated_at: now })
    .where('id', '=', volumeId)
    .where('migration_status', '=', 'migrating')
    .execute();
  return false;
}

export interface MigrationTarget {
  hostId: string;
  /** Null for the host's own disk; where none is said the storage in which the volume lies, or else where most room is. */
  storageId?: string | null;
}

/** Begins it. Throws `invalid` for a volume that has to stay where it is, and where the host has no room for it. */
export async function requestMigrateVolume(
  cloud: Cloud,
  subject: Subject,
  volumeId: string,
  { hostId, storageId }: MigrationTarget,
): Promise<{ actionId: string }> {
  const host = await cloud.hosts.get(hostId);
  return await cloud.db.write(async (tx) => {
    const row = await lockVolume(tx, subject, volumeId);
    requireStatus(row, ['available'], 'migrate it');
    if (host.zoneId !== row.zone_id) {
      throw invalidVolume(`host ${host.name} is in another availability zone than volume ${withDashes(volumeId)}.`);
    }
    await refuseBound(tx, row, { hostId, storageId });
    const input: Input = {
      volumeId,
      diskId: newId(cloud.env),
      hostId,
      from: { hostId: row.host_id!, diskId: row.disk_id! },
    };
    await takeRoom(cloud, tx, row, { diskId: input.diskId, hostId, storageId });
    await cloud.volumes.update(tx, volumeId, { status: 'maintenance', migration_status: 'migrating' });
    const actionId = await cloud.runner.submit(tx, migrateVolume, {
      input,
      name: 'migrate_volume',
      resourceType: 'volume',
      resourceId: volumeId,
      projectId: row.project_id,
      userId: subject.userId,
      requestId: subject.requestId,
    });
    return { actionId };
  });
}

/** In Cinder's words, as far as they can come true here. */
export async function refuseBound(tx: Tx, row: VolumesTable, { hostId, storageId }: MigrationTarget): Promise<void> {
  await refuseCopied(tx, row.id, 'it stays where it is meanwhile');
  const snapshot = await tx
    .selectFrom('volume_snapshots')
    .select('id')
    .where('volume_id', '=', row.id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  const isElsewhere = row.host_id !== hostId || (storageId !== undefined && storageId !== row.storage_id);
  if (!snapshot && isElsewhere && row.disk_id !== null && !(await isGrouped(tx, row.id))) return;
  throw invalidVolume(
    `Volume ${withDashes(row.id)} must not have snapshots, be part of a group, and destination host must be different ` +
      'than the current one.',
  );
}

/** Takes the room for the copy. Throws `invalid` where there is none. */
export async function takeRoom(
  cloud: Cloud,
  tx: Tx,
  row: VolumesTable,
  copy: { diskId: string } & MigrationTarget,
): Promise<void> {
  try {
    await announceCopy(cloud, tx, row, copy);
  } catch (error) {
    if (!(error instanceof CloudError && error.code === 'no_valid_host')) throw error;
    throw new CloudError('invalid', `Invalid input received: ${error.message}`, { reason: 'invalid_input' });
  }
}
