import type { Kysely, Migration } from 'kysely';

/** The zone that a key pair, or a server group, is for; what is for none holds in all of them. */
export const zonedKeys: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    for (const table of ['keypairs', 'server_groups'] as const) {
      await db.schema
        .alterTable(table)
        .addColumn('zone_id', 'text', (c) => c.references('zones.id').onDelete('set null'))
        .execute();
    }
  },
};
