/** What volumes have beside them. */
import type { Flag, Json, Micros } from './columns.ts';

/** A volume as it was at one moment: a disk of its own, which needs neither the volume nor its disk any more. */
export interface VolumeSnapshotsTable {
  id: string;
  project_id: string;
  user_id: string;
  volume_id: string;
  name: string | null;
  description: string | null;
  status: 'creating' | 'available' | 'restoring' | 'deleting' | 'deleted' | 'error' | 'error_deleting';
  /** The volume's size at that moment. */
  size: number;
  actual_size: number | null;
  host_id: string | null;
  disk_id: string | null;
  metadata: Json;
  last_error: string | null;
  /** What a driver told of how far it is; null where the status says it all. */
  progress: string | null;
  created_at: Micros;
  updated_at: Micros;
  deleted_at: Micros | null;
}

/** A kind of storage that administrators offer. */
export interface VolumeTypesTable {
  id: string;
  name: string;
  description: string | null;
  is_public: Flag;
  /** What the storage must be able to do: name → text. */
  extra_specs: Json;
  qos_specs_id: string | null;
  /** How its volumes would have to be encrypted. */
  encryption: Json | null;
  created_at: Micros;
  updated_at: Micros;
  deleted_at: Micros | null;
}

/** Projects that may use a type that is not public. */
export interface VolumeTypeProjectsTable {
  type_id: string;
  project_id: string;
}

/** The type of a project's volumes for which none is asked. */
export interface DefaultVolumeTypesTable {
  project_id: string;
  type_id: string;
}

/** Limits of what guests may do with the volumes of the types that name them. */
export interface QosSpecsTable {
  id: string;
  name: string;
  consumer: 'front-end' | 'back-end' | 'both';
  specs: Json;
  created_at: Micros;
  updated_at: Micros;
}

export interface VolumeBackupsTable {
  id: string;
  project_id: string;
  user_id: string;
  volume_id: string;
  snapshot_id: string | null;
  /** The backup that it is the difference to. */
  parent_id: string | null;
  /** Under which name its bytes are stored: another backup's id, for a record that was imported. */
  data_id: string | null;
  name: string | null;
  description: string | null;
  status: 'creating' | 'available' | 'restoring' | 'deleting' | 'deleted' | 'error' | 'error_deleting';
  /** Bytes, as the volume had them. */
  size: number;
  /** How many pieces of its own it has in the store. */
  object_count: number;
  container: string;
  zone_id: string;
  metadata: Json;
  /** What a volume that is made of it gets from the one it was made of: `BackedUpVolume`. */
  volume_metadata: Json;
  last_error: string | null;
  /** Of which moment the content is. */
  data_timestamp: Micros | null;
  created_at: Micros;
  updated_at: Micros;
  deleted_at: Micros | null;
}

/** The offer of a volume to whoever knows the key. */
export interface VolumeTransfersTable {
  id: string;
  volume_id: string;
  project_id: string;
  name: string | null;
  salt: string;
  /** HMAC-SHA-256 of the key, hex. */
  key_hash: string;
  accepted: Flag;
  no_snapshots: Flag;
  destination_project_id: string | null;
  created_at: Micros;
  deleted_at: Micros | null;
}

/** A volume's being attached to something else than a server of this cloud, or its being kept for that. */
export interface VolumeAttachmentsTable {
  id: string;
  project_id: string;
  volume_id: string;
  server_id: string | null;
  status: 'reserved' | 'attaching' | 'attached';
  mode: 'rw' | 'ro';
  connector: Json | null;
  device: string | null;
  created_at: Micros;
  attached_at: Micros | null;
}

/** One more server that has a volume: the volume's own row names the one that has had it longest. */
export interface VolumeSharesTable {
  /** Of its being attached to that server. */
  id: string;
  volume_id: string;
  server_id: string;
  status: 'attaching' | 'attached' | 'detaching';
  device: string;
  device_index: number;
  device_tag: string | null;
  delete_on_termination: Flag;
  /** Else the compute API. */
  attached_by_volume_api: Flag;
  created_at: Micros;
  attached_at: Micros | null;
}

/** What users are told of failures. */
export interface VolumeMessagesTable {
  id: string;
  project_id: string;
  request_id: string;
  event_id: string;
  resource_type: string;
  resource_id: string | null;
  level: 'ERROR';
  text: string;
  created_at: Micros;
  expires_at: Micros;
}
