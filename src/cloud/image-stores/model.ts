import type { ImageStoresTable } from '../../database/schema.ts';

/** A place for image bytes, as the cloud knows it. */
export interface ImageStoreInfo {
  id: string;
  /** Unique, and part of install paths. */
  name: string;
  description: string | null;
  kind: ImageStoresTable['kind'];
  /**
   * Where it is, for administrators: the folder of a directory store, `s3://bucket/prefix?endpoint=…`, `ceph://pool`, or
   * `sftp://user@host:22/folder`.
   */
  url: string;
  /** Whether it may be used for new images; what it holds can be read in any case. */
  enabled: boolean;
  status: 'connecting' | 'connected' | 'disconnected';
  isDefault: boolean;
  /** How users may know the store's server; null where it has none of its own. */
  address: string | null;
  zoneIds: string[];
  createdAt: number;
  updatedAt: number;
}

export function storeFromRow(row: ImageStoresTable, zoneIds: string[]): ImageStoreInfo {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    kind: row.kind,
    url: row.url,
    enabled: row.enabled === 1,
    status: row.status,
    isDefault: row.is_default === 1,
    address: row.address,
    zoneIds,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

/** The store's address as it may be shown to users: that of its server, or else no more than its name. */
export function publicAddress({ name, kind, url, address }: Pick<ImageStoreInfo, 'url' | 'name' | 'kind' | 'address'>) {
  if (address !== null) return address;
  const endpoint = kind === 's3' ? new URL(url).searchParams.get('endpoint') : null;
  return endpoint ?? `${kind === 'directory' ? 'dir' : kind}://${name}`;
}
