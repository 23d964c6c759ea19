import type { Kysely, Migration } from 'kysely';

/** CD-ROM drives, what is in them, and boot orders. */
export const cdroms: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable('cdroms')
      .addColumn('id', 'text', (c) => c.notNull())
      .addColumn('server_id', 'text', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('description', 'text')
      .addColumn('device_index', 'bigint', (c) => c.notNull())
      .addColumn('image_id', 'text')
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('cdroms_pk', ['id'] as never[])
      .addForeignKeyConstraint('cdroms_server', ['server_id'] as never[], 'servers', ['id'] as never[])
      .execute();
    for (const column of ['server_id', 'image_id']) {
      await db.schema
        .createIndex(`cdroms_${column}_index`)
        .on('cdroms')
        .columns([column] as never[])
        .execute();
    }
    await db.schema
      .createTable('boot_orders')
      .addColumn('server_id', 'text', (c) => c.notNull())
      .addColumn('devices', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('boot_orders_pk', ['server_id'] as never[])
      .addForeignKeyConstraint('boot_orders_server', ['server_id'] as never[], 'servers', ['id'] as never[])
      .execute();
  },
};
