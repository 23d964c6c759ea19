import { join } from 'node:path';
import type { Database } from '../../database/database.ts';
import type { Env } from '../../env/env.ts';
import type { SftpLogin } from '../../image-stores/sftp/sftp-link.ts';
import type { ImageStore } from '../../image-stores/store.ts';
import type { ImageStoreInfo } from './model.ts';

/** What is to be opened, and how it is logged in to where it has to be. */
export interface StoreToOpen extends Pick<ImageStoreInfo, 'kind' | 'name' | 'url'> {
  login: SftpLogin;
}

/**
 * Opens the driver of a store. What a cloud does not use is not loaded.
 *
 * @param localRoot a folder of this host, for what stores elsewhere need of it
 */
export async function openStore(
  { env, db }: { env: Pick<Env, 'now'>; db: Pick<Database, 'kind'> },
  { kind, name, url, login }: StoreToOpen,
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
    case 'sftp': {
      const { openSftpStore } = await import('../../image-stores/sftp/sftp-store.ts');
      const { sftpPlace } = await import('../../image-stores/sftp/sftp-url.ts');
      const localDirectory = join(localRoot, name);
      return await openSftpStore({ name, place: sftpPlace(url), login, localDirectory, env });
    }
  }
}
