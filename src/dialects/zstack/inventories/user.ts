import { sql } from 'kysely';
import { column } from '../../../cloud/query/fields.ts';
import { defineInventory } from '../../../cloud/query/inventory.ts';
import { commonFields } from './common.ts';

/** Users whom an account made for itself. */
export const user = defineInventory<'account_users'>({
  name: 'UserInventory',
  className: 'org.zstack.header.identity.UserInventory',
  table: 'account_users',
  fields: {
    uuid: column('user_id', 'string', 'The uuid; Keystone knows the user by it too.'),
    accountUuid: column('project_id', 'string', 'The account whose user it is.'),
    name: commonFields.name,
    description: commonFields.description,
    createDate: commonFields.createDate,
    lastOpDate: commonFields.lastOpDate,
  },
  relations: {
    account: { to: 'AccountInventory', local: 'accountUuid' },
    group: {
      to: 'UserGroupInventory',
      through: { table: 'account_group_members', near: 'user_id', far: 'group_id' },
    },
    policy: {
      to: 'PolicyInventory',
      through: { table: 'account_user_policies', near: 'user_id', far: 'policy_id' },
    },
  },
  visible: (row, { projectId = '' }) => sql`${row.column('project_id')} = ${projectId}`,
});

/** Users who have policies together. */
export const userGroup = defineInventory<'account_groups'>({
  name: 'UserGroupInventory',
  className: 'org.zstack.header.identity.UserGroupInventory',
  table: 'account_groups',
  fields: {
    uuid: commonFields.uuid,
    accountUuid: column('project_id', 'string', 'The account whose group it is.'),
    name: commonFields.name,
    description: commonFields.description,
    createDate: commonFields.createDate,
    lastOpDate: commonFields.lastOpDate,
  },
  relations: {
    account: { to: 'AccountInventory', local: 'accountUuid' },
    user: { to: 'UserInventory', through: { table: 'account_group_members', near: 'group_id', far: 'user_id' } },
    policy: {
      to: 'PolicyInventory',
      through: { table: 'account_group_policies', near: 'group_id', far: 'policy_id' },
    },
  },
  visible: (row, { projectId = '' }) => sql`${row.column('project_id')} = ${projectId}`,
});

/** What users and groups may do. */
export const policy = defineInventory<'account_policies'>({
  name: 'PolicyInventory',
  className: 'org.zstack.header.identity.PolicyInventory',
  table: 'account_policies',
  fields: {
    uuid: commonFields.uuid,
    accountUuid: column('project_id', 'string', 'The account whose policy it is.'),
    name: commonFields.name,
    description: commonFields.description,
    statements: column('statements', 'json', 'What it allows and denies: a list of effect and actions.'),
    createDate: commonFields.createDate,
    lastOpDate: commonFields.lastOpDate,
  },
  relations: {
    account: { to: 'AccountInventory', local: 'accountUuid' },
    user: { to: 'UserInventory', through: { table: 'account_user_policies', near: 'policy_id', far: 'user_id' } },
    userGroup: {
      to: 'UserGroupInventory',
      through: { table: 'account_group_policies', near: 'policy_id', far: 'group_id' },
    },
  },
  visible: (row, { projectId = '' }) => sql`${row.column('project_id')} = ${projectId}`,
});
