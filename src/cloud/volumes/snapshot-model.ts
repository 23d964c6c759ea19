import type { VolumeSnapshotsTable } from '../../database/schema.ts';
import { type CloudError, notFound } from '../errors.ts';

/** A volume as it was at one moment. */
export interface Snapshot {
  id: string;
  projectId: string;
  userId: string;
  volumeId: string;
  name: string | null;
  description: string | null;
  status: VolumeSnapshotsTable['status'];
  /** Bytes, as the volume had them. */
  size: number;
  actualSize: number | null;
  hostId: string | null;
  diskId: string | null;
  metadata: Record<string, string>;
  lastError: string | null;
  /** What a driver told of how far it is; null where the status says it all. */
  progress: string | null;
  createdAt: number;
  updatedAt: number;
  deletedAt: number | null;
}

export function snapshotFromRow(row: VolumeSnapshotsTable): Snapshot {
  return {
    id: row.id,
    projectId: row.project_id,
    userId: row.user_id,
    volumeId: row.volume_id,
    name: row.name,
    description: row.description,
    status: row.status,
    size: row.size,
    actualSize: row.actual_size,
    hostId: row.host_id,
    diskId: row.disk_id,
    metadata: JSON.parse(row.metadata) as Record<string, string>,
    lastError: row.last_error,
    progress: row.progress,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    deletedAt: row.deleted_at,
  };
}

export function snapshotNotFound(id: string): CloudError {
  return notFound('snapshot', id, `Snapshot ${id} could not be found.`);
}
