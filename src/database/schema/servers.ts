/** Servers and the disks they use. */
import type { Flag, Json, Micros } from './columns.ts';

export type VmState =
  | 'building'
  | 'active'
  | 'paused'
  | 'suspended'
  | 'stopped'
  | 'rescued'
  | 'resized'
  | 'soft-delete'
  | 'deleted'
  | 'error'
  | 'shelved'
  | 'shelved_offloaded';

export interface ServersTable {
  id: string;
  /** Counts up, for the guest's instance name. */
  number: number;
  project_id: string;
  user_id: string;
  name: string;
  description: string | null;
  hostname: string;
  vm_state: VmState;
  task_state: string | null;
  /** Nova's numbers: 0 none, 1 running, 3 paused, 4 shut down, 6 crashed, 7 suspended. */
  power_state: number;
  progress: number;
  host_id: string | null;
  zone_id: string;
  /** The zone that its user asked for, if he named one. */
  pinned_zone_id: string | null;
  /** Null when the server boots from a volume. */
  image_id: string | null;
  flavor_id: string;
  /** The flavor as it was when the server got it (`FlavorFacts`). */
  flavor: Json;
  /** While resized: the flavor before, and the disk it can go back to. */
  previous: Json | null;
  root_volume_id: string | null;
  key_name: string | null;
  public_key: string | null;
  /** What the user set: name → text. */
  metadata: Json;
  /** Image properties that configure the guest, as they were when the server was built. */
  hardware: Json;
  user_data: string | null;
  has_config_drive: Flag;
  disk_config: 'AUTO' | 'MANUAL';
  access_ipv4: string;
  access_ipv6: string;
  locked: Flag;
  locked_reason: string | null;
  reservation_id: string;
  launch_index: number;
  /** `ServerFault`: the first cause of what went wrong. */
  fault: Json | null;
  created_at: Micros;
  updated_at: Micros;
  launched_at: Micros | null;
  terminated_at: Micros | null;
  deleted_at: Micros | null;
  /** While soft-deleted: the state that it is restored to, and when it is deleted for good. */
  deleted_from: VmState | null;
  reclaim_at: Micros | null;
}

export interface ServerTagsTable {
  server_id: string;
  tag: string;
}

/** Lets somebody in to a console, once. */
export interface ConsoleTokensTable {
  /** SHA-256 of the token, in hex. */
  hash: string;
  server_id: string;
  kind: 'vnc' | 'serial';
  user_id: string;
  expires_at: Micros;
}

export interface ServerGroupsTable {
  id: string;
  project_id: string;
  user_id: string;
  name: string;
  policy: 'affinity' | 'anti-affinity' | 'soft-affinity' | 'soft-anti-affinity';
  /** How many of those that are kept apart may be on one host; null is one. */
  max_per_host: number | null;
  /** For servers of this zone only; of any where it is null. */
  zone_id: string | null;
  description: string | null;
  /** Hosts are chosen by it, and servers may come into it. */
  enabled: Flag;
  created_at: Micros;
  updated_at: Micros;
}

export interface ServerGroupMembersTable {
  server_id: string;
  group_id: string;
}

export interface VolumesTable {
  id: string;
  project_id: string;
  user_id: string;
  name: string | null;
  description: string | null;
  /** `ephemeral` and `swap` are disks of the server's own beside its root disk; no API knows them as volumes. */
  kind: 'root' | 'data' | 'ephemeral' | 'swap';
  /** `server`: part of a server, lives and dies with it. `volume`: a block storage volume of its own. */
  origin: 'server' | 'volume';
  status: string;
  size: number;
  actual_size: number | null;
  host_id: string | null;
  zone_id: string;
  /** The disk that holds the volume's data now. */
  disk_id: string | null;
  /** The storage in which that disk lies; null where it is the host's own disk. */
  storage_id: string | null;
  install_path: string | null;
  /** The disk offering that said its size, if one did; it may be gone by now. */
  disk_offering_id: string | null;
  /** The image the volume was made from. */
  image_id: string | null;
  /** The volume, or the snapshot, that it began as a copy of. */
  source_volume_id: string | null;
  snapshot_id: string | null;
  server_id: string | null;
  /** Of its being attached to that server. */
  attachment_id: string | null;
  /** The server it was last attached to. */
  last_server_id: string | null;
  device: string | null;
  device_index: number | null;
  /** By what the guest knows the disk, as its user said when it was attached. */
  device_tag: string | null;
  bootable: Flag;
  delete_on_termination: Flag;
  /** Else the server has it from the compute API, which alone may take it away then. */
  attached_by_volume_api: Flag;
  volume_type: string;
  enabled: Flag;
  /** Several servers may have it at the same time: its disk is made for that. */
  multiattach: Flag;
  /** What is limited of it beside what its type or flavor says: `OwnLimits`; null where nothing is. */
  own_limits: Json | null;
  /** What is to be on an ephemeral or swap disk, and why the server has it: `LocalDisk`. */
  local_disk: Json | null;
  /** Of its last move to another host; null where there was none. */
  migration_status: 'migrating' | 'success' | 'error' | null;
  metadata: Json;
  image_metadata: Json;
  last_error: string | null;
  attached_at: Micros | null;
  detached_at: Micros | null;
  created_at: Micros;
  updated_at: Micros;
  deleted_at: Micros | null;
}

/** What a guest told its metadata service as its password, encrypted. */
export interface GuestPasswordsTable {
  server_id: string;
  password: string;
  created_at: Micros;
}

/** What VNC asks for before it shows the screen of a server, from the server's next start on. */
export interface ConsolePasswordsTable {
  server_id: string;
  password: string;
}

/** Snapshots of all disks of a server, of one moment. */
export interface SnapshotGroupsTable {
  id: string;
  project_id: string;
  user_id: string;
  server_id: string;
  name: string | null;
  description: string | null;
  created_at: Micros;
  updated_at: Micros;
}

/** A snapshot of such a group, with what was known of its disk at that moment; it stays when the snapshot is deleted. */
export interface SnapshotGroupMembersTable {
  snapshot_id: string;
  group_id: string;
  volume_id: string;
  volume_name: string | null;
  volume_kind: 'root' | 'data';
  device_index: number;
  snapshot_name: string | null;
  created_at: Micros;
}

/** Every disk file that may exist on a host, from before it is made until after it is gone. */
export interface DisksTable {
  id: string;
  host_id: string;
  /** The storage in which it lies there; null for the host's own disk. */
  storage_id: string | null;
  /** The volume that it belongs to, or the snapshot. */
  volume_id: string;
  /** The cached image it is a layer over. */
  image_id: string | null;
  /** The disk of another host in the same shared storage whose file this is another name for: while that is there, it takes the room. */
  same_as: string | null;
  size: number;
  created_at: Micros;
  /** Since when no volume needs it: it goes as soon as the host lets it. */
  released_at: Micros | null;
}

/** A server that its first start builds. */
export interface UnbuiltServersTable {
  server_id: string;
  /** What the action that builds it is to be told. */
  input: Json;
}
