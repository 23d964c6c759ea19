import type { Kysely, Migration } from 'kysely';

/** Which processes of the control plane have a connection to which host on another machine. */
export const farHostLines: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable('far_host_lines')
      .addColumn('host_id', 'text', (c) => c.notNull())
      .addColumn('process', 'text', (c) => c.notNull())
      .addColumn('until', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('far_host_lines_key', ['host_id', 'process'])
      .execute();
  },
};
