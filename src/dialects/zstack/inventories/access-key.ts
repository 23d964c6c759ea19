import { sql } from 'kysely';
import { column, computed } from '../../../cloud/query/fields.ts';
import { defineInventory } from '../../../cloud/query/inventory.ts';
import { commonFields, stateField } from './common.ts';

/** The secret is shown once, to whoever makes the key. */
export const accessKey = defineInventory<'access_keys'>({
  name: 'AccessKeyInventory',
  className: 'org.zstack.accessKey.AccessKeyInventory',
  table: 'access_keys',
  fields: {
    uuid: commonFields.uuid,
    description: commonFields.description,
    accountUuid: column('project_id', 'string', 'The account that it signs for.'),
    userUuid: computed('string', 'The user that it signs for; of an account, the account itself.', (row) => {
      return sql`(case when exists (select 1 from users as u join projects as p on p.name = u.name
        where u.id = ${row.column('user_id')} and p.id = ${row.column('project_id')}) then ${row.column('project_id')}
        else ${row.column('user_id')} end)`;
    }),
    AccessKeyID: column('access_key_id', 'string', 'Its id in signatures.'),
    state: stateField,
    createDate: commonFields.createDate,
    lastOpDate: commonFields.lastOpDate,
  },
  visible: (row, { projectId = '' }) => sql`${row.column('project_id')} = ${projectId}`,
});
