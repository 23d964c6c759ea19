/** Images, their copies in stores and on hosts. */
import type { Flag, Json, Micros } from './columns.ts';

export interface ImageStoresTable {
  id: string;
  name: string;
  description: string | null;
  kind: 'directory' | 's3' | 'ceph' | 'sftp';
  url: string;
  enabled: Flag;
  status: 'connecting' | 'connected' | 'disconnected';
  is_default: Flag;
  /** How users may know the server of the store, as `http://images.zone-2.example.com:9292`. */
  address: string | null;
  created_at: Micros;
  updated_at: Micros;
}

export interface ImageStoreZonesTable {
  store_id: string;
  zone_id: string;
}

/** How a store on another machine is logged in to. Its place stands in the store's URL as well; here it can be searched. */
export interface ImageStoreLoginsTable {
  store_id: string;
  hostname: string;
  port: number;
  path: string;
  username: string;
  /** The server asks for the password itself, so no digest of it would do. */
  password: string | null;
  /** By which the server has been known since it was first seen: `ssh-ed25519 AAAA…`. */
  host_key: string | null;
}

export type ImageStatus =
  | 'queued'
  | 'saving'
  /** Bytes are coming, or have come, that an import will judge. */
  | 'uploading'
  | 'importing'
  | 'active'
  | 'deactivated'
  | 'error'
  | 'deleted'
  | 'expunged';

export interface ImagesTable {
  id: string;
  project_id: string;
  user_id: string;
  name: string | null;
  description: string | null;
  /** `deleted` keeps the bytes until `expunge_at`; `expunged` is a row without bytes, so that the id is never used again. */
  status: ImageStatus;
  visibility: 'public' | 'community' | 'shared' | 'private';
  disk_format: string | null;
  container_format: string | null;
  size: number | null;
  virtual_size: number | null;
  /** md5, lower-case hex. */
  checksum: string | null;
  /** sha512, lower-case hex. */
  hash_value: string | null;
  min_disk_gb: number;
  min_memory_mb: number;
  protected: Flag;
  hidden: Flag;
  media_type: 'root' | 'data' | 'iso';
  platform: string | null;
  guest_os: string | null;
  is_system: Flag;
  source_url: string | null;
  /** Custom properties: name → text. */
  properties: Json;
  /** The first reason why the image is in error, or why its last upload was refused. */
  last_error: string | null;
  created_at: Micros;
  updated_at: Micros;
  deleted_at: Micros | null;
  expunge_at: Micros | null;
  /** The store that had the bytes first: its zone is where the image was made. */
  origin_store_id: string | null;
  /** Size and digests of bytes that are in the store and not judged yet: `{size, installPath, checksums}`. */
  staged: Json | null;
  /** The action that imports, or imported last. */
  import_task_id: string | null;
  /** Names of the stores that an import was for which failed, with commas between them. */
  failed_import: string | null;
}

export interface ImageTagsTable {
  image_id: string;
  tag: string;
}

/** A project that an image is shared with. */
export interface ImageMembersTable {
  image_id: string;
  project_id: string;
  status: 'pending' | 'accepted' | 'rejected';
  created_at: Micros;
  updated_at: Micros;
}

/** Glance's catalogue of properties: one namespace with all that is defined in it. */
export interface MetadefNamespacesTable {
  name: string;
  project_id: string;
  visibility: 'public' | 'private';
  protected: Flag;
  document: Json;
  created_at: Micros;
  updated_at: Micros;
}

export interface ImageReplicasTable {
  image_id: string;
  store_id: string;
  state: 'pending' | 'copying' | 'active' | 'error' | 'deleted';
  install_path: string | null;
  size: number | null;
  export_url: string | null;
  export_checksum: string | null;
  progress: number;
  attempts: number;
  last_error: string | null;
  created_at: Micros;
  updated_at: Micros;
}

/** Images that a host keeps for copy-on-write disks. */
export interface CachedImagesTable {
  host_id: string;
  image_id: string;
  size: number;
  last_used_at: Micros;
}

/** An image as it was exported, to be fetched by a signed link or written to a container of objects. */
export interface ImageExportsTable {
  id: string;
  image_id: string;
  store_id: string;
  project_id: string;
  user_id: string;
  /** Of the exported file. */
  format: string;
  /** Whether the file is one of its own in the store, named by the export's id, and not the image's. */
  converted: Flag;
  state: 'exporting' | 'ready' | 'failed';
  size: number | null;
  md5: string | null;
  sha512: string | null;
  /** Where it can be fetched until `expires_at`, for exports to a link. */
  url: string | null;
  /** `/<project>/<container>/<object>`, for exports into a container. */
  destination: string | null;
  last_error: string | null;
  created_at: Micros;
  updated_at: Micros;
  expires_at: Micros;
}

/** An upload that comes in parts, from when it begins until its image is active, or queued again. */
export interface ImageUploadsTable {
  image_id: string;
  /** The store that gets the bytes; until they are complete they lie where it has hosts stage files. */
  store_id: string;
  /** Who began it, and by which request. */
  user_id: string;
  request_id: string;
  /** Bytes in all; null until somebody has said. */
  size: number | null;
  /** Bytes from the beginning that are on stable storage. */
  received: number;
  /** `checking`: all bytes are there, and the action `image.assemble` makes an image of them. */
  state: 'receiving' | 'checking';
  /** How long it waits for its next bytes, microseconds. */
  idle_limit: number;
  /** Whether the image was made for this upload, and goes when it fails. */
  remove_on_failure: Flag;
  /** Who writes a part right now, and until when that holds unless it is renewed. */
  writer: string | null;
  writing_until: Micros;
  created_at: Micros;
  updated_at: Micros;
  expires_at: Micros;
}
