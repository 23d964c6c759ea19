import { type Kysely, type Migration, sql } from 'kysely';

/** Keystone's unified limits: what is registered for services, and what single projects and domains have; configuration of domains. */
export const identityLimits: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable('registered_limits')
      .addColumn('id', 'text', (c) => c.notNull())
      .addColumn('service_id', 'text', (c) => c.notNull())
      .addColumn('region_id', 'text')
      .addColumn('resource_name', 'text', (c) => c.notNull())
      .addColumn('default_limit', 'bigint', (c) => c.notNull())
      .addColumn('description', 'text')
      .addPrimaryKeyConstraint('registered_limits_key', ['id'] as never[])
      .execute();
    // Two nulls are never the same to a unique index, but two limits without a region are.
    await sql`create unique index registered_limits_unique
      on registered_limits (service_id, resource_name, coalesce(region_id, ''))`.execute(db);
    await db.schema
      .createTable('limits')
      .addColumn('id', 'text', (c) => c.notNull())
      .addColumn('registered_limit_id', 'text', (c) => c.notNull())
      .addColumn('project_id', 'text')
      .addColumn('domain_id', 'text')
      .addColumn('resource_limit', 'bigint', (c) => c.notNull())
      .addColumn('description', 'text')
      .addPrimaryKeyConstraint('limits_key', ['id'] as never[])
      .addForeignKeyConstraint('limits_registered', ['registered_limit_id'] as never[], 'registered_limits', [
        'id',
      ] as never[])
      .addForeignKeyConstraint(
        'limits_project',
        ['project_id'] as never[],
        'projects',
        ['id'] as never[],
        (constraint) => constraint.onDelete('cascade'),
      )
      .addForeignKeyConstraint('limits_domain', ['domain_id'] as never[], 'domains', ['id'] as never[], (constraint) =>
        constraint.onDelete('cascade'),
      )
      .execute();
    await sql`create unique index limits_unique
      on limits (registered_limit_id, coalesce(project_id, ''), coalesce(domain_id, ''))`.execute(db);
    for (const column of ['project_id', 'domain_id'])
      await db.schema
        .createIndex(`limits_${column}_lookup`)
        .on('limits')
        .columns([column] as never[])
        .execute();
    await db.schema
      .createTable('domain_options')
      .addColumn('domain_id', 'text', (c) => c.notNull())
      .addColumn('option_group', 'text', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('value', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('domain_options_key', ['domain_id', 'option_group', 'name'] as never[])
      .addForeignKeyConstraint(
        'domain_options_domain',
        ['domain_id'] as never[],
        'domains',
        ['id'] as never[],
        (constraint) => constraint.onDelete('cascade'),
      )
      .execute();
  },
};
