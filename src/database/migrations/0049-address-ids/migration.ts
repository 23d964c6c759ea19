import { type Kysely, type Migration, SqliteAdapter, sql } from 'kysely';

/** Every address that something has gets an id and a time: ZStack's clients know it by these. */
export const addressIds: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema.alterTable('port_addresses').addColumn('id', 'text').execute();
    await db.schema.alterTable('port_addresses').addColumn('created_at', 'bigint').execute();
    const isSqlite = db.getExecutor().adapter instanceof SqliteAdapter;
    // A random uuid of version 4, without its dashes.
    const id = isSqlite
      ? sql`lower(hex(randomblob(6))) || '4' || substr(lower(hex(randomblob(2))), 2) || 'a' || substr(lower(hex(randomblob(8))), 2)`
      : sql`replace(cast(gen_random_uuid() as text), '-', '')`;
    await sql`update port_addresses set id = ${id},
      created_at = (select ports.created_at from ports where ports.id = port_addresses.port_id)`.execute(db);
    await db.schema.createIndex('port_addresses_id').on('port_addresses').columns(['id']).unique().execute();
  },
};
