import { randomBytes } from 'node:crypto';
import { type Kysely, type Migration, sql } from 'kysely';

/** By what the machine of a host on another machine is known, and whether it was given up. */
export const farHostsWho: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .alterTable('far_hosts')
      .addColumn('machine_key', 'text', (c) => c.notNull().defaultTo(''))
      .execute();
    await db.schema
      .alterTable('far_hosts')
      .addColumn('gone', 'bigint', (c) => c.notNull().defaultTo(0))
      .execute();
    const { rows } = await sql<{ host_id: string }>`select host_id from far_hosts`.execute(db);
    for (const { host_id } of rows) {
      const key = randomBytes(24).toString('base64url');
      await sql`update far_hosts set machine_key = ${key} where host_id = ${host_id}`.execute(db);
    }
  },
};
