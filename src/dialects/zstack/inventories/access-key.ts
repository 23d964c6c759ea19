import { sql } from 'kysely';
import { column } from '../../../cloud/query/fields.ts';
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
    userUuid: column('user_id', 'string', 'The user that it signs for.'),
    AccessKeyID: column('access_key_id', 'string', 'Its id in signatures.'),
    state: stateField,
    createDate: commonFields.createDate,
    lastOpDate: commonFields.lastOpDate,
  },
  visible: (row, { projectId = '' }) => sql`${row.column('project_id')} = ${projectId}`,
});
