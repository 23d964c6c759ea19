import type { Flag, ImageReplicasTable, ImageStatus, ImageStoresTable, ImagesTable } from '../../database/schema.ts';
import { publicAddress } from '../image-stores/model.ts';

export type { ImageStatus } from '../../database/schema.ts';
export type Visibility = ImagesTable['visibility'];
export type MediaType = ImagesTable['media_type'];
export type ReplicaState = ImageReplicasTable['state'];

/** An image as the engine knows it. Sizes are bytes, times microseconds since the epoch. */
export interface Image {
  id: string;
  projectId: string;
  userId: string;
  name: string | null;
  description: string | null;
  status: ImageStatus;
  visibility: Visibility;
  /** In Glance's words, as `qcow2`. Held against the content at upload. */
  diskFormat: string | null;
  containerFormat: string | null;
  /** Of the file. Null until there are bytes. */
  size: number | null;
  /** Of the disk that a guest sees. */
  virtualSize: number | null;
  /** md5 and sha512, lower-case hex. */
  checksum: string | null;
  hashValue: string | null;
  minDiskGb: number;
  minMemoryMb: number;
  isProtected: boolean;
  isHidden: boolean;
  mediaType: MediaType;
  platform: string | null;
  guestOs: string | null;
  isSystem: boolean;
  /** Where the bytes came from, as `https://…` or `volume://<id>`; without credentials. */
  sourceUrl: string | null;
  /** Custom properties. */
  properties: Record<string, string>;
  /** In alphabetical order. */
  tags: string[];
  /** Why the image is in error, or its last upload was refused. */
  lastError: string | null;
  createdAt: number;
  updatedAt: number;
  deletedAt: number | null;
  /** When the bytes of the first deleted copy are removed. */
  expungeAt: number | null;
  /** The store that had the bytes first. Null until there are bytes. */
  originStoreId: string | null;
  /** The action that imports the image, or imported or copied it last; null for images that were never imported. */
  importTaskId: string | null;
  /** Names of the stores that the last import was for, if it failed before there was anything in any of them. */
  failedImport: readonly string[];
  /** Deleted while deactivated: it is deactivated again when it is recovered. */
  wasDeactivated: boolean;
}

/** One image's copy in one store. */
export interface ImageReplica {
  imageId: string;
  storeId: string;
  /** The store's name, and its address as it may be shown to users. */
  storeName: string;
  storeAddress: string;
  /** `pending`: an action will bring the bytes. `copying`: they are coming. */
  state: ReplicaState;
  installPath: string | null;
  size: number | null;
  exportUrl: string | null;
  exportChecksum: string | null;
  /** 0 to 100. */
  progress: number;
  attempts: number;
  lastError: string | null;
  createdAt: number;
  updatedAt: number;
}

/** What a new image is made with. What is left out has Glance's defaults. */
export interface NewImage extends ImageChanges {
  /** The client's own id, 32 hex digits. */
  id?: string;
  sourceUrl?: string | null;
}

/** What may be changed of an image. Lists and maps replace what there was. */
export interface ImageChanges {
  name?: string | null;
  description?: string | null;
  visibility?: Visibility;
  diskFormat?: string | null;
  containerFormat?: string | null;
  minDiskGb?: number;
  minMemoryMb?: number;
  isProtected?: boolean;
  isHidden?: boolean;
  mediaType?: MediaType;
  platform?: string | null;
  guestOs?: string | null;
  isSystem?: boolean;
  properties?: Record<string, string>;
  tags?: readonly string[];
  /** Gives the image to another project: administrators only. */
  projectId?: string;
}

/** Whether the image can no longer be used, except to be recovered. */
export function isGone(image: Pick<Image, 'status'>): boolean {
  return image.status === 'deleted' || image.status === 'expunged';
}

export function imageFromRow(row: ImagesTable, tags: string[]): Image {
  const { [wasDeactivatedKey]: wasDeactivated, ...properties } = JSON.parse(row.properties) as Record<string, string>;
  return {
    id: row.id,
    projectId: row.project_id,
    userId: row.user_id,
    name: row.name,
    description: row.description,
    status: row.status,
    visibility: row.visibility,
    diskFormat: row.disk_format,
    containerFormat: row.container_format,
    size: row.size,
    virtualSize: row.virtual_size,
    checksum: row.checksum,
    hashValue: row.hash_value,
    minDiskGb: row.min_disk_gb,
    minMemoryMb: row.min_memory_mb,
    isProtected: row.protected === 1,
    isHidden: row.hidden === 1,
    mediaType: row.media_type,
    platform: row.platform,
    guestOs: row.guest_os,
    isSystem: row.is_system === 1,
    sourceUrl: row.source_url,
    properties,
    tags,
    lastError: row.last_error,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    deletedAt: row.deleted_at,
    expungeAt: row.expunge_at,
    originStoreId: row.origin_store_id,
    importTaskId: row.import_task_id,
    failedImport: row.failed_import?.split(',') ?? [],
    wasDeactivated: wasDeactivated !== undefined,
  };
}

/** The columns that changes concern. `tags` are rows of their own. */
export function columnsOf(changes: ImageChanges): Partial<ImagesTable> {
  const columns: Partial<ImagesTable> = {};
  if (changes.name !== undefined) columns.name = changes.name;
  if (changes.description !== undefined) columns.description = changes.description;
  if (changes.visibility !== undefined) columns.visibility = changes.visibility;
  if (changes.diskFormat !== undefined) columns.disk_format = changes.diskFormat;
  if (changes.containerFormat !== undefined) columns.container_format = changes.containerFormat;
  if (changes.minDiskGb !== undefined) columns.min_disk_gb = changes.minDiskGb;
  if (changes.minMemoryMb !== undefined) columns.min_memory_mb = changes.minMemoryMb;
  if (changes.isProtected !== undefined) columns.protected = flag(changes.isProtected);
  if (changes.isHidden !== undefined) columns.hidden = flag(changes.isHidden);
  if (changes.mediaType !== undefined) columns.media_type = changes.mediaType;
  if (changes.platform !== undefined) columns.platform = changes.platform;
  if (changes.guestOs !== undefined) columns.guest_os = changes.guestOs;
  if (changes.isSystem !== undefined) columns.is_system = flag(changes.isSystem);
  if (changes.properties !== undefined) columns.properties = propertiesJson(changes.properties);
  if (changes.projectId !== undefined) columns.project_id = changes.projectId;
  return columns;
}

/** Users can't set names that begin like this, so one of them remembers what there is no column for. */
const wasDeactivatedKey = 'os_glance_deactivated';

export function propertiesJson(properties: Record<string, string>, wasDeactivated = false): string {
  return JSON.stringify(wasDeactivated ? { ...properties, [wasDeactivatedKey]: 'True' } : properties);
}

/** A replica's row with what is told of its store. */
export type ReplicaRow = ImageReplicasTable & {
  store_name: string;
  store_url: string;
  store_kind: ImageStoresTable['kind'];
  store_address: string | null;
};

export function replicaFromRow(row: ReplicaRow): ImageReplica {
  return {
    imageId: row.image_id,
    storeId: row.store_id,
    storeName: row.store_name,
    storeAddress: publicAddress({
      name: row.store_name,
      url: row.store_url,
      kind: row.store_kind,
      address: row.store_address,
    }),
    state: row.state,
    installPath: row.install_path,
    size: row.size,
    exportUrl: row.export_url,
    exportChecksum: row.export_checksum,
    progress: row.progress,
    attempts: row.attempts,
    lastError: row.last_error,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function flag(value: boolean): Flag {
  return value ? 1 : 0;
}
