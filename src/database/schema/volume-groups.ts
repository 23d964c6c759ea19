/** Volumes that are taken together. */
import type { Flag, Json, Micros } from './columns.ts';

/** A kind of groups that administrators offer. */
export interface VolumeGroupTypesTable {
  id: string;
  name: string;
  description: string | null;
  is_public: Flag;
  /** What the storage must be able to do with a group: name → text. */
  group_specs: Json;
  created_at: Micros;
  updated_at: Micros;
  deleted_at: Micros | null;
}

export interface VolumeGroupsTable {
  id: string;
  project_id: string;
  user_id: string;
  name: string | null;
  description: string | null;
  group_type_id: string;
  zone_id: string;
  /** Ids of the volume types that its volumes may have. */
  volume_types: Json;
  group_snapshot_id: string | null;
  source_group_id: string | null;
  /** What an administrator said it is; null where its volumes say it. */
  status: 'creating' | 'available' | 'error' | null;
  created_at: Micros;
  deleted_at: Micros | null;
}

/** A volume is in one group at most. Its row is gone when the group is. */
export interface VolumeGroupMembersTable {
  volume_id: string;
  group_id: string;
}

export interface VolumeGroupSnapshotsTable {
  id: string;
  project_id: string;
  user_id: string;
  group_id: string;
  group_type_id: string;
  name: string | null;
  description: string | null;
  /** What an administrator said it is; null where its snapshots say it. */
  status: 'creating' | 'available' | 'error' | null;
  created_at: Micros;
  deleted_at: Micros | null;
}

/** The snapshots that were made together. A row is gone when the group snapshot is. */
export interface VolumeGroupSnapshotMembersTable {
  snapshot_id: string;
  group_snapshot_id: string;
}
