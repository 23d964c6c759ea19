import type { Kysely, Migration } from 'kysely';

/** Those who watch what is being done ask for what changed since they last looked. */
export const console: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createIndex('actions_updated_index')
      .on('actions')
      .columns(['updated_at'] as never[])
      .execute();
  },
};
