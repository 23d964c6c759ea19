import type { Kysely, Migration } from 'kysely';

/** Passwords that guests made themselves, encrypted for those who may have them, and told their metadata service. */
export const guestPasswords: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable('guest_passwords')
      .addColumn('server_id', 'text', (c) => c.notNull())
      .addColumn('password', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('guest_passwords_pk', ['server_id'] as never[])
      .addForeignKeyConstraint(
        'guest_passwords_server',
        ['server_id'] as never[],
        'servers',
        ['id'] as never[],
        (constraint) => constraint.onDelete('cascade'),
      )
      .execute();
  },
};
