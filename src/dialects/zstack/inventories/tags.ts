import { sql } from 'kysely';
import { column, computed, constant, words } from '../../../cloud/query/fields.ts';
import { defineInventory } from '../../../cloud/query/inventory.ts';
import { resourceClassNames } from '../protocol/resource-types.ts';
import { commonFields } from './common.ts';
import { tagPatternMembers } from './tag-pattern.ts';

const tagFields = {
  uuid: commonFields.uuid,
  resourceUuid: column<'resource_tags'>('resource_id', 'string', 'The resource that has the tag.'),
  resourceType: words<'resource_tags'>('resource_type', resourceClassNames, 'Unknown', 'Its type, as ImageVO.'),
  tag: column<'resource_tags'>('tag', 'string', 'The tag.'),
  createDate: commonFields.createDate,
  lastOpDate: commonFields.lastOpDate,
};

export const userTag = defineInventory<'resource_tags'>({
  name: 'UserTagInventory',
  className: 'org.zstack.header.tag.UserTagInventory',
  table: 'resource_tags',
  fields: {
    ...tagFields,
    type: constant('User', 'string', 'Always User.'),
    tagPatternUuid: column('pattern_id', 'string', 'The tag pattern that it was made of.'),
    tagPattern: computed('json', 'That pattern.', (row) => tagPatternMembers(row.db, row.column('pattern_id'))),
  },
  relations: { tagPattern: { to: 'TagPatternInventory', local: 'tagPatternUuid' } },
  scope: (row) => sql`${row.column('kind')} = 'user'`,
  visible: (row, { projectId = '' }) => sql`${row.column('project_id')} = ${projectId}`,
});

export const systemTag = defineInventory<'resource_tags'>({
  name: 'SystemTagInventory',
  className: 'org.zstack.header.tag.SystemTagInventory',
  table: 'resource_tags',
  fields: {
    ...tagFields,
    type: constant('System', 'string', 'Always System.'),
    inherent: column('inherent', 'bool', 'Whether only the cloud itself may change it.'),
  },
  scope: (row) => sql`${row.column('kind')} = 'system'`,
  visible: (row, { projectId = '' }) => sql`${row.column('project_id')} = ${projectId}`,
});
