import { type RawBuilder, sql } from 'kysely';
import { column, computed, words } from '../../../cloud/query/fields.ts';
import { defineInventory, type Row, seenWith } from '../../../cloud/query/inventory.ts';
import { resourceClassNames } from '../protocol/resource-types.ts';
import { commonFields } from './common.ts';
import { bindableConfigs, type GlobalConfig } from './global-config.ts';

type Bound = (typeof bindableConfigs)[number];

/** What a server, host, cluster or zone has instead of a configuration of the whole cloud. */
export const resourceConfig = defineInventory<'resource_settings'>({
  name: 'ResourceConfigInventory',
  className: 'org.zstack.resourceconfig.ResourceConfigInventory',
  table: 'resource_settings',
  fields: {
    uuid: commonFields.uuid,
    resourceUuid: column('resource_id', 'string', 'The resource.'),
    resourceType: words('resource_type', resourceClassNames, 'ResourceVO', 'What it is, as VmInstanceVO.'),
    category: computed('string', 'The part of the cloud.', (row) => ofConfig(row, ({ category }) => text(category))),
    name: computed('string', 'The name of the configuration.', (row) => ofConfig(row, ({ name }) => text(name))),
    value: computed('string', 'What the resource has.', (row) => {
      const value = row.column('value');
      return ofConfig(row, ({ words: all }) =>
        all ? wordOf(value, all) : sql`cast(cast(${value} as bigint) as text)`,
      );
    }),
    description: computed('string', 'What it means.', (row) => ofConfig(row, ({ description }) => text(description))),
    createDate: commonFields.createDate,
    lastOpDate: commonFields.lastOpDate,
  },
  visible: seenWith('VmInstanceInventory', 'resource_id'),
});

/** What is said of the configuration that the row is about. */
function ofConfig(row: Row<'resource_settings'>, say: (config: Bound & GlobalConfig) => RawBuilder<unknown>) {
  const branches = bindableConfigs.map((config) => sql`when ${text(config.bound)} then ${say(config)}`);
  return sql`(case ${row.column('setting')} ${sql.join(branches, sql` `)} end)`;
}

function wordOf(value: RawBuilder<unknown>, all: readonly string[]): RawBuilder<string> {
  const branches = all.map((word, number) => sql`when ${sql.lit(number)} then ${text(word)}`);
  return sql<string>`(case ${value} ${sql.join(branches, sql` `)} end)`;
}

function text(value: string): RawBuilder<string> {
  return sql.lit(value);
}
