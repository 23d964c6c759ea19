import type { Database, Queryable, Tx } from '../../database/database.ts';
import { takeTurn } from '../../database/turns.ts';
import { overlaps } from '../../image-stores/claim-folder.ts';
import { sftpPlace } from '../../image-stores/sftp/sftp-url.ts';
import { CloudError } from '../errors.ts';
import type { ImageStoreInfo } from './model.ts';

type Place = Pick<ImageStoreInfo, 'name' | 'kind' | 'url'>;

/** Whether each of two stores would take the other's images for nobody's. */
function isSamePlace(one: Place, other: Place): boolean {
  if (one.kind !== other.kind || one.url === other.url) return one.url === other.url;
  if (one.kind === 'directory') return overlaps(one.url, other.url);
  if (one.kind !== 'sftp') return false;
  const [a, b] = [sftpPlace(one.url), sftpPlace(other.url)];
  return a.host === b.host && a.port === b.port && overlaps(a.path, b.path);
}

/** Throws `invalid` (`no_store_place`) where another store is at the place of this one. */
export async function refuseTakenPlace(db: Queryable, store: Place): Promise<void> {
  const others = await db.selectFrom('image_stores').select(['name', 'kind', 'url']).execute();
  const other = others.find((one) => one.name !== store.name && isSamePlace(one, store));
  if (!other) return;
  const words = `${store.url} is the place of the image store ${other.name}`;
  throw new CloudError('invalid', words, { reason: 'no_store_place' });
}

/** Until this transaction's end no other one gives a store a place. */
export async function holdPlaces(db: Pick<Database, 'kind'>, tx: Tx): Promise<void> {
  await takeTurn(db, tx, 'places of image stores');
}
