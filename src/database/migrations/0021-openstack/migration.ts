import type { Kysely, Migration } from 'kysely';

/** By what guests know their disks and interfaces (`device_tag`); policies of services, as documents, and whom they are for. */
export const openstack: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    for (const table of ['volumes', 'ports'])
      await db.schema.alterTable(table).addColumn('device_tag', 'text').execute();
    await db.schema
      .createTable('policies')
      .addColumn('id', 'text', (c) => c.notNull())
      .addColumn('type', 'text', (c) => c.notNull())
      .addColumn('blob', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('policies_key', ['id'] as never[])
      .execute();
    await db.schema
      .createTable('policy_associations')
      .addColumn('target', 'text', (c) => c.notNull())
      .addColumn('policy_id', 'text', (c) => c.notNull())
      .addColumn('endpoint_id', 'text')
      .addColumn('service_id', 'text')
      .addColumn('region_id', 'text')
      .addPrimaryKeyConstraint('policy_associations_key', ['target'] as never[])
      .addForeignKeyConstraint(
        'policy_associations_policy',
        ['policy_id'] as never[],
        'policies',
        ['id'] as never[],
        (constraint) => constraint.onDelete('cascade'),
      )
      .execute();
    await db.schema
      .createIndex('policy_associations_policy_lookup')
      .on('policy_associations')
      .columns(['policy_id'] as never[])
      .execute();
  },
};
