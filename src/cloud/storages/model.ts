import type { StorageKind, StoragesTable } from '../../database/schema.ts';

/** A storage beside the disks of hosts: a folder, perhaps a mounted one, of which each host of its clusters has a part. */
export interface Storage {
  /** Whether the hosts share it: then a disk in it can change hosts without being copied. */
  kind: StorageKind;
  id: string;
  zoneId: string;
  name: string;
  description: string | null;
  path: string;
  /** The folder of an NFS server, `host:/folder`, that each host mounts itself: such a one is shared. */
  nfsUrl: string | null;
  state: StoragesTable['state'];
  createdAt: number;
  updatedAt: number;
}

export function storageFromRow(row: StoragesTable): Storage {
  return {
    id: row.id,
    kind: row.kind,
    zoneId: row.zone_id,
    name: row.name,
    description: row.description,
    path: row.path,
    nfsUrl: row.nfs_url,
    state: row.state,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
