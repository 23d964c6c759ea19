import type { Kysely, Migration } from 'kysely';

/** Tokens that let somebody in to the console of a server, once. */
export const consoles: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable('console_tokens')
      .addColumn('hash', 'text', (c) => c.notNull())
      .addColumn('server_id', 'text', (c) => c.notNull())
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('user_id', 'text', (c) => c.notNull())
      .addColumn('expires_at', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('console_tokens_pk', ['hash'] as never[])
      .execute();
    for (const column of ['server_id', 'expires_at']) {
      await db.schema
        .createIndex(`console_tokens_${column}_index`)
        .on('console_tokens')
        .columns([column] as never[])
        .execute();
    }
  },
};
