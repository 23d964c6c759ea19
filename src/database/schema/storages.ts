import type { Micros } from './columns.ts';

/** A storage beside the disks of hosts: a folder in which each host of some clusters has its own part. */
export interface StoragesTable {
  id: string;
  zone_id: string;
  name: string;
  description: string | null;
  /** The folder, absolute; of what hosts mount themselves, below each one's own folder. */
  path: string;
  /** The folder of an NFS server, `host:/folder`, that hosts mount themselves, and with which options. */
  nfs_url: string | null;
  nfs_options: string | null;
  /** Where that folder was, until a host has found it where it is said to be now. */
  former_nfs_url: string | null;
  /** `local`: each host has another folder at this path; `shared`: all have the same one. */
  kind: StorageKind;
  /** What is written in a shared folder, so that each host can tell it from another one at its path. */
  marker: string | null;
  /** The host that may write it; null once it is written. */
  marking_host_id: string | null;
  /** Only an enabled one takes new disks. */
  state: 'enabled' | 'disabled' | 'maintenance';
  created_at: Micros;
  updated_at: Micros;
}

export type StorageKind = 'local' | 'shared';

/** Clusters whose hosts can use the storage. */
export interface StorageClustersTable {
  storage_id: string;
  cluster_id: string;
}

/** What a host said of its part of a storage when it was told of it last. */
export interface StorageHostsTable {
  storage_id: string;
  host_id: string;
  status: 'connected' | 'disconnected';
  /** Why it can't be used. */
  problem: string | null;
  /** The folder that it was told to mount. */
  nfs_url: string | null;
  /** Bytes of the folder that are the host's to use; what they were when it could be used last. */
  total_bytes: number;
  free_bytes: number;
  updated_at: Micros;
}

/** A view: the storages that were added, and the own disk of each host, which has its id. */
export interface PrimaryStoragesView {
  id: string;
  name: string;
  description: string | null;
  zone_id: string;
  url: string;
  /** Where hosts have it. */
  mount_path: string;
  /** What can be promised to disks, and what of it is not. */
  total_bytes: number;
  available_bytes: number;
  /** What there is, and what of it is free. */
  total_physical_bytes: number;
  available_physical_bytes: number;
  state: 'enabled' | 'disabled' | 'maintenance';
  status: 'connecting' | 'connected' | 'disconnected';
  created_at: Micros;
  updated_at: Micros;
  kind: StorageKind | 'nfs';
}

/** A view: clusters whose hosts have the storage. */
export interface PrimaryStorageClustersView {
  storage_id: string;
  cluster_id: string;
}
