import { sql } from 'kysely';
import { computed } from '../../../cloud/query/fields.ts';
import { defineInventory } from '../../../cloud/query/inventory.ts';
import { commonFields } from './common.ts';

/** An account is a project; the user of the same name signs in to it, also after one of them was renamed. */
export const account = defineInventory<'projects'>({
  name: 'AccountInventory',
  className: 'org.zstack.header.identity.AccountInventory',
  table: 'projects',
  fields: {
    ...commonFields,
    type: computed('string', 'SystemAdmin for accounts of administrators, else Normal.', (row) => {
      return sql`(case when exists (select 1 from role_assignments as a join roles as r on r.id = a.role_id
        where a.target_kind = 'project' and a.target_id = ${row.column('id')} and r.name = 'admin'
          and a.actor_id = coalesce(
            (select o.user_id from account_owners as o where o.project_id = ${row.column('id')}),
            (select u.id from users as u where u.name = ${row.column('name')} and u.domain_id = ${row.column('domain_id')})
          )) then 'SystemAdmin' else 'Normal' end)`;
    }),
  },
  visible: (row, { projectId = '' }) => sql`${row.column('id')} = ${projectId}`,
});
