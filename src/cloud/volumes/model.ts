import type { DiskContent } from '../../agent/contract.ts';
import type { VolumesTable } from '../../database/schema.ts';
import { type CloudError, notFound } from '../errors.ts';
import { type OwnLimits, ownLimitsFrom } from './own-limits.ts';

/** What else is to be known of a disk that is a server's own and not its root disk. */
export interface LocalDisk {
  /** What its guest finds on it when it is new; nothing where absent. */
  content?: DiskContent;
  /** Its flavor says that the server has it, and not its user: a resize makes it as large as the other flavor says. */
  byFlavor: boolean;
  /** How the guest reaches it, where its user said. */
  bus?: 'virtio' | 'sata' | 'ide';
}

/** A disk as users know it: the root disk of a server, or block storage of its own. */
export interface Volume {
  id: string;
  projectId: string;
  userId: string;
  name: string | null;
  description: string | null;
  kind: VolumesTable['kind'];
  /** `server`: part of a server, lives and dies with it. `volume`: block storage of its own. */
  origin: 'server' | 'volume';
  status: string;
  /** Bytes. */
  size: number;
  actualSize: number | null;
  hostId: string | null;
  zoneId: string;
  diskId: string | null;
  /** The storage in which it lies; null for the own disk of its host. */
  storageId: string | null;
  installPath: string | null;
  imageId: string | null;
  /** The volume, or the snapshot, that it began as a copy of. */
  sourceVolumeId: string | null;
  snapshotId: string | null;
  /** Of its being attached to the server. */
  attachmentId: string | null;
  serverId: string | null;
  lastServerId: string | null;
  device: string | null;
  deviceIndex: number | null;
  /** By what its server's guest knows it. */
  deviceTag: string | null;
  bootable: boolean;
  deleteOnTermination: boolean;
  volumeType: string;
  enabled: boolean;
  /** Several servers may have it at the same time. */
  multiattach: boolean;
  /** Of itself, beside what its type or its server's flavor says. */
  ownLimits: OwnLimits;
  /** Of ephemeral and swap disks alone. */
  localDisk: LocalDisk | null;
  /** Of its last move to another host. */
  migrationStatus: VolumesTable['migration_status'];
  metadata: Record<string, string>;
  imageMetadata: Record<string, string>;
  lastError: string | null;
  attachedAt: number | null;
  detachedAt: number | null;
  createdAt: number;
  updatedAt: number;
  deletedAt: number | null;
}

/** Of a volume whose disk is not made yet: it is nowhere. */
export const unmade = {
  actual_size: null,
  host_id: null,
  disk_id: null,
  storage_id: null,
  install_path: null,
} satisfies Partial<VolumesTable>;

export function volumeFromRow(row: VolumesTable): Volume {
  return {
    id: row.id,
    projectId: row.project_id,
    userId: row.user_id,
    name: row.name,
    description: row.description,
    kind: row.kind,
    origin: row.origin,
    status: row.status,
    size: row.size,
    actualSize: row.actual_size,
    hostId: row.host_id,
    zoneId: row.zone_id,
    diskId: row.disk_id,
    storageId: row.storage_id,
    installPath: row.install_path,
    imageId: row.image_id,
    sourceVolumeId: row.source_volume_id,
    snapshotId: row.snapshot_id,
    attachmentId: row.attachment_id,
    serverId: row.server_id,
    lastServerId: row.last_server_id,
    device: row.device,
    deviceIndex: row.device_index,
    deviceTag: row.device_tag,
    bootable: row.bootable === 1,
    deleteOnTermination: row.delete_on_termination === 1,
    volumeType: row.volume_type,
    enabled: row.enabled === 1,
    multiattach: row.multiattach === 1,
    ownLimits: ownLimitsFrom(row.own_limits),
    localDisk: row.local_disk === null ? null : (JSON.parse(row.local_disk) as LocalDisk),
    migrationStatus: row.migration_status,
    metadata: JSON.parse(row.metadata) as Record<string, string>,
    imageMetadata: JSON.parse(row.image_metadata) as Record<string, string>,
    lastError: row.last_error,
    attachedAt: row.attached_at,
    detachedAt: row.detached_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    deletedAt: row.deleted_at,
  };
}

export function volumeNotFound(id: string): CloudError {
  return notFound('volume', id, `Volume ${id} could not be found.`);
}
