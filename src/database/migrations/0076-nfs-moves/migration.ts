import type { Kysely, Migration } from 'kysely';

/** A storage whose NFS server is said to be elsewhere remembers where it was, until a host has found it there. */
export const nfsMoves: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema.alterTable('storages').addColumn('former_nfs_url', 'text').execute();
    await db.schema.alterTable('storage_hosts').addColumn('nfs_url', 'text').execute();
  },
};
