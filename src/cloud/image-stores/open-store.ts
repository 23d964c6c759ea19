import { join } from 'node:path';
import type { Database } from '../../database/database.ts';
import type { Env } from '../../env/env.ts';
import type { ImageStore } from '../../image-stores/store.ts';
import type { ImageStoreInfo } from './model.ts';

/**
 * Opens the driver of a store. What a cloud does not use is not loaded.
 *
 * @param localRoot a folder of this host, for what stores elsewhere need of it
 */
export async function openStore(
  { env, db }: { env: Pick<Env, 'now'>; db: Pick<Database, 'kind'> },
  { kind, name, url }: Pick<ImageStoreInfo, 'kind' | 'name' | 'url'>,
  localRoot: string,
): Promise<ImageStore> {
  // Any number of processes share a PostgreSQL; the folder of an SQLite is one process's own.
  const isShared = db.kind === 'postgres';
  switch (kind) {
    case 'directory': {
      const { openDirectoryStore } = await import('../../image-stores/directory.ts');
      return await openDirectoryStore({ name, root: url, env });
    }
    case 's3': {
      const { openS3Store } = await import('../../image-stores/s3/s3-store.ts');
      const { s3Place } = await import('../../image-stores/s3/s3-url.ts');
      return await openS3Store({ name, place: s3Place(url), localDirectory: join(localRoot, name), isShared });
    }
    case 'ceph': {
      const { openCephStore } = await import('../../image-stores/ceph/ceph-store.ts');
      const { cephPlace } = await import('../../image-stores/ceph/ceph-url.ts');
      return await openCephStore({ name, place: cephPlace(url), localDirectory: join(localRoot, name), isShared });
    }
  }
}
