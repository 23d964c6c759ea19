import type { Kysely, Migration } from 'kysely';

/** What ports write into the packets that they send, by their QoS policy. */
export const dscpRules: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable('qos_dscp_rules')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('policy_id', 'text', (c) => c.notNull().unique().references('qos_policies.id'))
      .addColumn('mark', 'bigint', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .execute();
  },
};
