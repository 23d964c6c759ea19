import type { Kysely, Migration } from 'kysely';

/** Limits of single volumes and ports, beside what their type, flavor or policy says. */
export const ownLimits: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema.alterTable('volumes').addColumn('own_limits', 'text').execute();
    await db.schema.alterTable('ports').addColumn('egress_limit', 'bigint').execute();
    await db.schema.alterTable('ports').addColumn('ingress_limit', 'bigint').execute();
  },
};
