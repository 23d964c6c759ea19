import type { Kysely, Migration } from 'kysely';

/** Volumes know the disk offering that said their size. */
export const volumeOfferings: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema.alterTable('volumes').addColumn('disk_offering_id', 'text').execute();
  },
};
