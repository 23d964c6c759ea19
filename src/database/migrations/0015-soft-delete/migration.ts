import type { Kysely, Migration } from 'kysely';

/** Servers that were deleted and can still be restored. */
export const softDelete: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    const servers = db.schema.alterTable('servers');
    await servers.addColumn('deleted_from', 'text').execute();
    await servers.addColumn('reclaim_at', 'bigint').execute();
    await db.schema
      .createIndex('servers_reclaim_index')
      .on('servers')
      .columns(['reclaim_at'] as never[])
      .execute();
  },
};
