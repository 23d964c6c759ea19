import { sql } from 'kysely';
import type { Cloud } from '../../../cloud/cloud.ts';
import { computed } from '../../../cloud/query/fields.ts';
import { defineInventory, type Row } from '../../../cloud/query/inventory.ts';

/** The settings of this cloud that ZStack's users know by name, with what they are here. They are read-only. */
function configs(cloud: Cloud): Array<[category: string, name: string, value: string, description: string]> {
  const { settings } = cloud;
  return [
    ['identity', 'session.timeout', String(settings.sessionLifetime), 'How long a session is good, seconds.'],
    ['identity', 'session.maxConcurrent', '500', 'Sessions that a user may have at once.'],
    ['image', 'deletionPolicy', 'Delay', 'Deleted images can be recovered for a time.'],
    ['image', 'expungePeriod', String(settings.imageRetention), 'How long deleted images are kept, seconds.'],
    ['vm', 'deletionPolicy', 'Direct', 'Destroyed servers are gone at once.'],
    ['volume', 'deletionPolicy', 'Direct', 'Root volumes go with their server.'],
  ];
}

export const globalConfig = defineInventory<'settings'>({
  name: 'GlobalConfigInventory',
  className: 'org.zstack.core.config.GlobalConfigInventory',
  table: 'settings',
  rows(cloud) {
    const selects = configs(cloud).map(
      ([category, name, value, description]) => sql`select ${sql.lit(category)} as category, ${sql.lit(name)} as name,
        ${sql.lit(value)} as value, ${sql.lit(description)} as description`,
    );
    return sql`(${sql.join(selects, sql` union all `)})`;
  },
  fields: {
    category: computed('string', 'The part of the cloud.', (row) => member(row, 'category')),
    name: computed('string', 'The name.', (row) => member(row, 'name')),
    value: computed('string', 'What it is.', (row) => member(row, 'value')),
    defaultValue: computed('string', 'What it is.', (row) => member(row, 'value')),
    description: computed('string', 'What it means.', (row) => member(row, 'description')),
  },
});

function member(row: Row<'settings'>, name: string) {
  return row.column(name as never);
}
