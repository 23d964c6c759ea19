import { Type } from 'typebox';
import type { Tx } from '../../../database/database.ts';
import type { VolumeBackupsTable } from '../../../database/schema.ts';
import { newId, withDashes } from '../../../env/env.ts';
import { action, span, step } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError } from '../../errors.ts';
import type { Subject } from '../../identity/subject.ts';
import { type BackedUpVolume, backupFromRow, type VolumeBackup } from '../backup-model.ts';
import { isDataShared, lockBackup, updateBackup } from '../backup-rows.ts';
import { noteFailure } from '../messages.ts';
import { invalidVolume, lockSnapshot, lockVolume, settleVolume, steadyStatus } from '../rules.ts';
import { refuseShared } from '../shares.ts';

interface Input {
  backupId: string;
  volumeId: string;
  diskId: string;
  hostId: string;
  serverId?: string;
  parentDataId?: string;
}
interface State {
  objectCount: number;
}

/** The host writes the disk, as of one moment, where the backup store finds it. */
const exportDisk = step<Input, State>('exportDisk', {
  retry: { attempts: 2, backoffMs: 1000 },
  async do({ services, input }) {
    const { backupId, diskId, serverId, hostId } = input;
    const target = { kind: 'file', path: await services.blockStorage.backupStore.stage(backupId) } as const;
    await services.hosts.agent(hostId).exportDisk({ diskId, serverId, format: 'raw', target });
  },
  undo: ({ services, input }) => services.blockStorage.backupStore.unstage(input.backupId),
});

const saveBackup = step<Input, State>('saveBackup', {
  async do({ services, input, signal, progress }) {
    const store = services.blockStorage.backupStore;
    const { objectCount } = await store.save(input.backupId, await store.stage(input.backupId), {
      parentId: input.parentDataId,
      signal,
      progress: (part) => progress(Math.floor(part * 100)),
    });
    await store.unstage(input.backupId);
    return { state: { objectCount } };
  },
  undo: ({ services, input }) => services.blockStorage.backupStore.delete(input.backupId),
});

export const createBackup = action(
  'backup.create',
  Type.Object({
    backupId: Type.String(),
    volumeId: Type.String(),
    diskId: Type.String(),
    hostId: Type.String(),
    serverId: Type.Optional(Type.String()),
    parentDataId: Type.Optional(Type.String()),
  }),
  [span('create_backup', [exportDisk, saveBackup])],
  {
    async succeeded(tx, { services, input, state }) {
      await updateBackup(services, tx, input.backupId, { status: 'available', object_count: state.objectCount! });
      const status = await steadyStatus(tx, input.volumeId);
      await settleVolume(services, tx, input.volumeId, 'backing-up', { status });
    },
    async failed(tx, { services, input, actionId }, failure) {
      await updateBackup(services, tx, input.backupId, { status: 'error', last_error: failure.message });
      const status = await steadyStatus(tx, input.volumeId);
      await settleVolume(services, tx, input.volumeId, 'backing-up', { status });
      const about = { doing: 'createBackup', actionId, kind: 'VOLUME_BACKUP', id: input.backupId } as const;
      await noteFailure(services, tx, about, failure);
    },
  },
);

export interface NewBackup {
  volumeId: string;
  /** A snapshot of the volume, of which the backup is made instead. */
  snapshotId?: string;
  name?: string | null;
  description?: string | null;
  metadata?: Record<string, string>;
  /** A name for people: all backups of the cloud are in one store. */
  container?: string | null;
  /** Stores only what differs from the volume's latest backup. */
  incremental?: boolean;
  /** Also of a volume that a server has. */
  force?: boolean;
}

/** Copies a volume as it is at one moment, or a snapshot of it, into the backup store. */
export async function requestCreateBackup(
  cloud: Cloud,
  subject: Subject,
  wanted: NewBackup,
): Promise<{ backup: VolumeBackup; actionId: string }> {
  return await cloud.db.write(async (tx) => {
    const volume = await lockVolume(tx, subject, wanted.volumeId);
    const source = wanted.snapshotId === undefined ? undefined : await lockSnapshot(tx, subject, wanted.snapshotId);
    if (source && (source.volumeId !== volume.id || source.status !== 'available')) {
      throw badSnapshot(`Snapshot ${withDashes(source.id)} must be an available one of the volume.`);
    }
    const isFree = volume.status === 'available' || (wanted.force && volume.status === 'in-use');
    if (!source && !isFree) {
      throw invalidVolume(
        `Volume to be backed up must be available or in-use, but the current status is "${volume.status}".`,
      );
    }
    if (!source) await refuseShared(tx, volume, 'back it up');
    const size = source?.size ?? volume.size;
    await cloud.quotas.check(tx, volume.project_id, { backups: 1, backup_gigabytes: Math.ceil(size / 2 ** 30) });
    const parent = wanted.incremental ? await latestBackup(tx, volume.id) : undefined;
    const now = cloud.env.now();
    const kept: BackedUpVolume = {
      name: volume.name,
      description: volume.description,
      bootable: volume.bootable === 1,
      metadata: JSON.parse(volume.metadata) as Record<string, string>,
      imageMetadata: JSON.parse(volume.image_metadata) as Record<string, string>,
    };
    const row: VolumeBackupsTable = {
      id: newId(cloud.env),
      project_id: volume.project_id,
      user_id: subject.userId,
      volume_id: volume.id,
      snapshot_id: source?.id ?? null,
      parent_id: parent?.id ?? null,
      data_id: null,
      name: wanted.name ?? null,
      description: wanted.description ?? null,
      status: 'creating',
      size,
      object_count: 0,
      container: wanted.container ?? 'volumebackups',
      zone_id: volume.zone_id,
      metadata: JSON.stringify(wanted.metadata ?? {}),
      volume_metadata: JSON.stringify(kept),
      last_error: null,
      data_timestamp: source?.createdAt ?? now,
      created_at: now,
      updated_at: now,
      deleted_at: null,
    };
    await tx.insertInto('volume_backups').values(row).execute();
    if (!source) await cloud.volumes.update(tx, volume.id, { status: 'backing-up' });
    const actionId = await cloud.runner.submit(tx, createBackup, {
      input: {
        backupId: row.id,
        volumeId: volume.id,
        diskId: source?.diskId ?? volume.disk_id!,
        hostId: source?.hostId ?? volume.host_id!,
        serverId: source ? undefined : (volume.server_id ?? undefined),
        parentDataId: parent ? (parent.data_id ?? parent.id) : undefined,
      },
      ...about(row.id, 'create', volume.project_id, subject),
    });
    return { backup: backupFromRow(row, false), actionId };
  });
}

async function latestBackup(tx: Tx, volumeId: string): Promise<VolumeBackupsTable> {
  const query = tx
    .selectFrom('volume_backups')
    .selectAll()
    .where('volume_id', '=', volumeId)
    .where('status', '=', 'available')
    .where('deleted_at', 'is', null)
    .orderBy('data_timestamp', 'desc')
    .limit(1);
  const row = await query.forUpdate().executeTakeFirst();
  if (row) return row;
  throw new CloudError('invalid', 'Invalid backup: No backups available to do an incremental backup.', {
    reason: 'invalid_backup',
  });
}

interface DeleteInput {
  backupId: string;
  dataId: string;
}

const removeBytes = step<DeleteInput>('removeBytes', {
  retry: { attempts: 4, backoffMs: 500 },
  async do({ services, input }) {
    if (await isDataShared(services.db.read, input.dataId, input.backupId)) return;
    await services.blockStorage.backupStore.delete(input.dataId);
  },
});

/** Goes forward only, as the deletion of volumes. */
export const deleteBackup = action(
  'backup.delete',
  Type.Object({ backupId: Type.String(), dataId: Type.String() }),
  [span('delete_backup', [removeBytes])],
  {
    onFailure: 'park',
    succeeded: (tx, { services, input, now }) => updateBackup(services, tx, input.backupId, gone(now)),
    failed: (tx, { services, input, now }) => updateBackup(services, tx, input.backupId, gone(now)),
  },
);

const gone = (now: number) => ({ status: 'deleted', deleted_at: now }) as const;

/** Deletes a backup that no other is the difference to. `force` is for administrators: it takes one in any state. */
export async function requestDeleteBackup(
  cloud: Cloud,
  subject: Subject,
  backupId: string,
  options: { force?: boolean } = {},
): Promise<{ actionId?: string }> {
  return await cloud.db.write(async (tx) => {
    const backup = await lockBackup(tx, subject, backupId);
    if (backup.status === 'deleting') return {};
    if (!options.force && !['available', 'error'].includes(backup.status)) {
      throw invalidBackup('Backup status must be available or error');
    }
    if (backup.hasDependents) throw invalidBackup('Incremental backups exist for this backup.');
    await updateBackup(cloud, tx, backupId, { status: 'deleting' });
    await cloud.runner.cancel(tx, backupId);
    const input = { backupId, dataId: backup.dataId };
    const submission = about(backupId, 'delete', backup.projectId, subject);
    return { actionId: await cloud.runner.submit(tx, deleteBackup, { input, ...submission }) };
  });
}

export function invalidBackup(why: string): CloudError {
  return new CloudError('invalid', `Invalid backup: ${why}`, { reason: 'invalid_backup' });
}

function badSnapshot(why: string): CloudError {
  return new CloudError('invalid', `Invalid snapshot: ${why}`, { reason: 'invalid_snapshot' });
}

function about(backupId: string, name: string, projectId: string, subject: Subject) {
  const { userId, requestId } = subject;
  return { name, resourceType: 'backup', resourceId: backupId, projectId, userId, requestId };
}
