import { sql } from 'kysely';
import { column, computed } from '../../../cloud/query/fields.ts';
import { defineInventory } from '../../../cloud/query/inventory.ts';

/** Key pairs belong to users; an account's own user has those of the account. */
export const sshKeyPair = defineInventory<'keypairs'>({
  name: 'SshKeyPairInventory',
  className: 'org.zstack.header.sshkeypair.SshKeyPairInventory',
  table: 'keypairs',
  fields: {
    uuid: column('id', 'string', 'The uuid.'),
    name: column('name', 'string', 'The name.'),
    description: column('description', 'string', 'The description.'),
    publicKey: column('public_key', 'string', 'The public key.'),
    createDate: column('created_at', 'time', 'When it was created.'),
    lastOpDate: computed('time', 'When it was last changed.', (row) => {
      return sql`coalesce(${row.column('updated_at')}, ${row.column('created_at')})`;
    }),
  },
  scope: (row) => sql`${row.column('type')} = 'ssh'`,
  visible: (row, { userId = '' }) => sql`${row.column('user_id')} = ${userId}`,
});
