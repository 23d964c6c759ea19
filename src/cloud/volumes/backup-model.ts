import type { VolumeBackupsTable } from '../../database/schema.ts';
import { withDashes } from '../../env/env.ts';
import { type CloudError, notFound } from '../errors.ts';

/** The content of a volume at one moment, in the backup store. It needs nothing of the volume any more. */
export interface VolumeBackup {
  id: string;
  projectId: string;
  userId: string;
  volumeId: string;
  snapshotId: string | null;
  /** The backup that it is the difference to. */
  parentId: string | null;
  /** Under which id its bytes are stored. */
  dataId: string;
  name: string | null;
  description: string | null;
  status: VolumeBackupsTable['status'];
  /** Bytes, as the volume had them. */
  size: number;
  objectCount: number;
  container: string;
  zoneId: string;
  metadata: Record<string, string>;
  volume: BackedUpVolume;
  lastError: string | null;
  dataTimestamp: number | null;
  createdAt: number;
  updatedAt: number;
  /** Whether others are differences to it. */
  hasDependents: boolean;
}

/** What a volume that is made of a backup gets from the one that it was made of. */
export interface BackedUpVolume {
  name: string | null;
  description: string | null;
  bootable: boolean;
  metadata: Record<string, string>;
  imageMetadata: Record<string, string>;
}

export function backupFromRow(row: VolumeBackupsTable, hasDependents: boolean): VolumeBackup {
  return {
    id: row.id,
    projectId: row.project_id,
    userId: row.user_id,
    volumeId: row.volume_id,
    snapshotId: row.snapshot_id,
    parentId: row.parent_id,
    dataId: row.data_id ?? row.id,
    name: row.name,
    description: row.description,
    status: row.status,
    size: row.size,
    objectCount: row.object_count,
    container: row.container,
    zoneId: row.zone_id,
    metadata: JSON.parse(row.metadata) as Record<string, string>,
    volume: JSON.parse(row.volume_metadata) as BackedUpVolume,
    lastError: row.last_error,
    dataTimestamp: row.data_timestamp,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    hasDependents,
  };
}

export function backupNotFound(id: string): CloudError {
  return notFound('backup', id, `Backup ${withDashes(id)} could not be found.`);
}
