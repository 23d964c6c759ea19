import type { Kysely, Migration } from 'kysely';

/** Addresses of networks that are given to nothing. */
export const reservedIpRanges: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable('reserved_ip_ranges')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('network_id', 'text', (c) => c.notNull().references('networks.id').onDelete('cascade'))
      .addColumn('ip_version', 'bigint', (c) => c.notNull())
      .addColumn('start_ip', 'text', (c) => c.notNull())
      .addColumn('end_ip', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .execute();
    await db.schema
      .createIndex('reserved_ip_ranges_network')
      .on('reserved_ip_ranges')
      .columns(['network_id'])
      .execute();
  },
};
