import { type Expression, sql } from 'kysely';
import { column } from '../../../cloud/query/fields.ts';
import { defineInventory, type Row } from '../../../cloud/query/inventory.ts';
import { commonFields } from './common.ts';

/** Tags that are defined once and worn by many resources. */
export const tagPattern = defineInventory<'tag_patterns'>({
  name: 'TagPatternInventory',
  className: 'org.zstack.header.tag.TagPatternInventory',
  table: 'tag_patterns',
  fields: {
    ...commonFields,
    value: column('value', 'string', 'The text of its tags, perhaps with tokens: performance::{level}.'),
    color: column('color', 'string', 'The color, as #aa5500.'),
    type: column('type', 'string', 'simple, or withToken.'),
  },
  relations: { userTag: { to: 'UserTagInventory', local: 'uuid', foreign: 'tagPatternUuid' } },
  visible: (row, { projectId = '' }) => sql`${row.column('project_id')} = ${projectId}`,
});

/** What a tag shows of its pattern; null where it has none. */
export function tagPatternMembers({ kind }: Row['db'], id: Expression<unknown>) {
  const object = kind === 'sqlite' ? sql`json_object` : sql`json_build_object`;
  return sql`(select cast(${object}('uuid', p.id, 'name', p.name, 'value', p.value, 'type', p.type,
    'color', coalesce(p.color, ''), 'description', coalesce(p.description, '')) as text)
    from tag_patterns as p where p.id = ${id})`;
}
