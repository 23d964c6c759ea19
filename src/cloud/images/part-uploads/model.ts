import type { ImageUploadsTable } from '../../../database/schema.ts';

/** An upload that comes in parts. Sizes are bytes, times microseconds since the epoch. */
export interface PartUpload {
  imageId: string;
  storeId: string;
  /** Bytes in all; null until somebody has said. */
  size: number | null;
  /** Where it goes on: all bytes before are on stable storage. */
  offset: number;
  /** `checking`: all bytes are there. `done` and `failed` are how it ended, as far as that is still known. */
  state: ImageUploadsTable['state'] | 'done' | 'failed';
  /** Why it failed. */
  error: string | null;
  /** When it is given up unless more comes; null once it has ended. */
  expiresAt: number | null;
}

export function uploadFromRow(row: ImageUploadsTable): PartUpload {
  return {
    imageId: row.image_id,
    storeId: row.store_id,
    size: row.size,
    offset: row.received,
    state: row.state,
    error: null,
    expiresAt: row.expires_at,
  };
}

export interface NewPartUpload {
  /** Bytes in all; may be said with the first part. */
  size?: number;
  /** The first one takes the bytes, the others copies. The default store where nothing is said. */
  storeIds?: readonly string[];
  /** How many seconds it waits for its next bytes. Default: a day. */
  idleSeconds?: number;
  /** Whether the image was made for this upload, and goes when it fails. Its format may then be found out. */
  removeOnFailure?: boolean;
  /** The scheme and authority of a link by which anybody may upload; it is the place of the copy until it has bytes. */
  origin?: string;
}

/** A piece of an upload. */
export interface Part {
  /** Where it begins. What lies before the upload's own offset is there already, and is skipped. */
  offset: number;
  /** Bytes of the whole upload, where nobody has said them yet. */
  size?: number;
  /** Of this part alone, lower-case hex: nothing of it counts until it was found right. */
  md5?: string;
}
