import type { Kysely, Migration } from 'kysely';

/** A machine whose host is on its way out of the cloud, and may never answer again, can become a host anew. */
export const farHostsPlaces: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema.dropIndex('far_hosts_place').execute();
    await db.schema
      .createIndex('far_hosts_place')
      .unique()
      .on('far_hosts')
      .columns(['address', 'port'])
      .where('leaving' as never, '=', 0)
      .execute();
  },
};
