import type { ImageExportsTable } from '../../../database/schema.ts';
import type { ConvertibleFormat } from '../../../image-stores/conversion.ts';

/** An image as it was exported. Sizes are bytes, times microseconds since the epoch. */
export interface ImageExport {
  id: string;
  imageId: string;
  storeId: string;
  projectId: string;
  userId: string;
  /** Of the exported file. */
  format: string;
  state: ImageExportsTable['state'];
  size: number | null;
  /** Lower-case hex. */
  md5: string | null;
  sha512: string | null;
  /** The signed link, which needs no token; null for exports into a container, and until it is ready. */
  url: string | null;
  destination: string | null;
  lastError: string | null;
  createdAt: number;
  updatedAt: number;
  expiresAt: number;
}

export interface ExportRequest {
  /** The store that has the copy which is exported; any where left out. */
  storeId?: string;
  /** Default: the image's own, whose bytes are given as they are. */
  format?: ConvertibleFormat;
  /** How long the link is good, seconds: at most 30 days. Default: one day. */
  lifetime?: number;
  /** How clients reach the cloud, as `http://127.0.0.1:8774`: the link begins with it. */
  origin: string;
}

export function exportFromRow(row: ImageExportsTable): ImageExport {
  return {
    id: row.id,
    imageId: row.image_id,
    storeId: row.store_id,
    projectId: row.project_id,
    userId: row.user_id,
    format: row.format,
    state: row.state,
    size: row.size,
    md5: row.md5,
    sha512: row.sha512,
    url: row.state === 'ready' ? row.url : null,
    destination: row.destination,
    lastError: row.last_error,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    expiresAt: row.expires_at,
  };
}
