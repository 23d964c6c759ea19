import { sql } from 'kysely';
import { computed, constant } from '../../../cloud/query/fields.ts';
import { defineInventory, type Row } from '../../../cloud/query/inventory.ts';
import type { QuotaName } from '../../../cloud/settings.ts';
import { gibibyte, mebibyte } from './common.ts';

/** The dialect's names for the engine's quotas, and by how much its units are smaller. */
export const quotaNames: ReadonlyArray<{ name: string; quota: QuotaName; factor: number }> = [
  { name: 'vm.totalNum', quota: 'instances', factor: 1 },
  { name: 'vm.cpuNum', quota: 'cores', factor: 1 },
  { name: 'vm.memorySize', quota: 'ram_mb', factor: mebibyte },
  { name: 'volume.data.num', quota: 'volumes', factor: 1 },
  { name: 'volume.capacity', quota: 'gigabytes', factor: gibibyte },
  { name: 'image.num', quota: 'images', factor: 1 },
  { name: 'image.size', quota: 'image_bytes', factor: 1 },
  { name: 'l3.num', quota: 'networks', factor: 1 },
  { name: 'securityGroup.num', quota: 'security_groups', factor: 1 },
  { name: 'loadBalancer.num', quota: 'load_balancers', factor: 1 },
  { name: 'listener.num', quota: 'load_balancer_listeners', factor: 1 },
];

/** What every account may have, whether it has limits of its own or the cloud's. -1 is no limit. */
export const quota = defineInventory<'projects'>({
  name: 'QuotaInventory',
  className: 'org.zstack.header.identity.QuotaInventory',
  table: 'projects',
  rows(cloud) {
    const limits = cloud.settings.defaultQuotas;
    const kinds = quotaNames.map(
      (one) => sql`select ${sql.lit(one.name)} as name, ${sql.lit(one.quota)} as resource,
        ${sql.lit(one.factor)} as factor, ${sql.lit(limits[one.quota])} as usual`,
    );
    const limit = sql`coalesce(q.hard_limit, k.usual)`;
    return sql`(select k.name as name, p.id as project_id, p.created_at as created_at, p.updated_at as updated_at,
        case when ${limit} < 0 then -1 else ${limit} * k.factor end as value
      from projects as p cross join (${sql.join(kinds, sql` union all `)}) as k
      left join quotas as q on q.project_id = p.id and q.resource = k.resource)`;
  },
  fields: {
    name: computed('string', 'What is limited.', (row) => member(row, 'name')),
    identityUuid: computed('string', 'The account.', (row) => member(row, 'project_id')),
    identityType: constant('AccountVO', 'string', 'Always AccountVO.'),
    value: computed('long', 'How much it may have; -1 for no limit.', (row) => member(row, 'value')),
    createDate: computed('time', 'When the account was created.', (row) => member(row, 'created_at')),
    lastOpDate: computed('time', 'When the account was last changed.', (row) => member(row, 'updated_at')),
  },
  visible: (row, { projectId = '' }) => sql`${member(row, 'project_id')} = ${projectId}`,
});

function member(row: Row<'projects'>, name: string) {
  return row.column(name as never);
}
