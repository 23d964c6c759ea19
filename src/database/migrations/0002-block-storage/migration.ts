import type { Kysely, Migration } from 'kysely';

/** Snapshots of volumes; where a volume came from, and the id of its attachment. */
export const blockStorage: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    for (const column of ['source_volume_id', 'snapshot_id', 'attachment_id']) {
      await db.schema.alterTable('volumes').addColumn(column, 'text').execute();
    }
    await db.schema
      .createTable('volume_snapshots')
      .addColumn('id', 'text', (c) => c.notNull())
      .addColumn('project_id', 'text', (c) => c.notNull())
      .addColumn('user_id', 'text', (c) => c.notNull())
      .addColumn('volume_id', 'text', (c) => c.notNull())
      .addColumn('name', 'text')
      .addColumn('description', 'text')
      .addColumn('status', 'text', (c) => c.notNull())
      .addColumn('size', 'bigint', (c) => c.notNull())
      .addColumn('actual_size', 'bigint')
      .addColumn('host_id', 'text')
      .addColumn('disk_id', 'text')
      .addColumn('metadata', 'text', (c) => c.notNull())
      .addColumn('last_error', 'text')
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .addColumn('deleted_at', 'bigint')
      .addPrimaryKeyConstraint('volume_snapshots_pk', ['id'] as never[])
      .execute();
    const indexes = { project: ['project_id', 'deleted_at', 'created_at', 'id'], volume: ['volume_id', 'deleted_at'] };
    for (const [name, columns] of Object.entries(indexes)) {
      await db.schema
        .createIndex(`volume_snapshots_${name}_index`)
        .on('volume_snapshots')
        .columns(columns as never[])
        .execute();
    }
  },
};
