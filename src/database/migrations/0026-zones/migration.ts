import type { Kysely, Migration } from 'kysely';

/** Where a host was before an aggregate brought it into another zone; what a project may have in one zone. */
export const zones: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema.alterTable('aggregate_hosts').addColumn('previous_zone_id', 'text').execute();
    await db.schema
      .createTable('zone_quotas')
      .addColumn('project_id', 'text', (c) => c.notNull())
      .addColumn('zone_id', 'text', (c) => c.notNull())
      .addColumn('resource', 'text', (c) => c.notNull())
      .addColumn('hard_limit', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('zone_quotas_key', ['project_id', 'zone_id', 'resource'] as never[])
      .addForeignKeyConstraint('zone_quotas_zone', ['zone_id'] as never[], 'zones', ['id'] as never[], (constraint) =>
        constraint.onDelete('cascade'),
      )
      .execute();
  },
};
