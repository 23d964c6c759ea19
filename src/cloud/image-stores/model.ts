import type { ImageStoresTable } from '../../database/schema.ts';

/** A place for image bytes, as the cloud knows it. */
export interface ImageStoreInfo {
  id: string;
  /** Unique, and part of install paths. */
  name: string;
  description: string | null;
  kind: ImageStoresTable['kind'];
  /** Where it is, for administrators: the folder of a directory store. */
  url: string;
  /** Whether it may be used for new images; what it holds can be read in any case. */
  enabled: boolean;
  status: 'connecting' | 'connected' | 'disconnected';
  isDefault: boolean;
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
    zoneIds,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

/** The store's address as it may be shown to users: that of a store in the network, or else no more than its name. */
export function publicAddress(store: Pick<ImageStoreInfo, 'url' | 'name'>): string {
  return /^https?:\/\//.test(store.url) ? store.url : `dir://${store.name}`;
}
