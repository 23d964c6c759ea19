import { sql } from 'kysely';
import { column, computed, constant, words } from '../../../cloud/query/fields.ts';
import { defineInventory } from '../../../cloud/query/inventory.ts';
import { resourceClassNames } from '../protocol/resource-types.ts';

/** Where what accounts own is, by the engine's name of its type. */
const owned: ReadonlyArray<readonly [type: string, table: string, condition: string]> = [
  ['server', 'servers', 'deleted_at is null'],
  ['volume', 'volumes', "deleted_at is null and kind in ('root', 'data')"],
  ['volume_snapshot', 'volume_snapshots', 'deleted_at is null'],
  ['image', 'images', "status not in ('deleted', 'expunged')"],
  ['network', 'networks', '1 = 1'],
  ['port', 'ports', "device_owner like 'compute:%'"],
  ['security_group', 'security_groups', 'open = 0'],
  ['floating_ip', 'floating_ips', '1 = 1'],
  ['server_group', 'server_groups', '1 = 1'],
];

/** Which account has which resource. */
export const accountResourceRef = defineInventory<'resource_tags'>({
  name: 'AccountResourceRefInventory',
  className: 'org.zstack.header.identity.AccountResourceRefInventory',
  table: 'resource_tags',
  rows() {
    const selects = owned.map(
      ([type, table, condition]) => sql`select project_id, id as resource_id, ${sql.lit(type)} as resource_type,
        created_at, updated_at from ${sql.table(table)} where ${sql.raw(condition)}`,
    );
    return sql`(${sql.join(selects, sql` union all `)})`;
  },
  fields: {
    accountUuid: column('project_id', 'string', 'The account.'),
    resourceUuid: column('resource_id', 'string', 'The resource.'),
    resourceType: words('resource_type', resourceClassNames, 'Unknown', 'Its type, as ImageVO.'),
    type: constant('Own', 'string', 'Always Own: what others share is told by QuerySharedResource.'),
    createDate: column('created_at', 'time', 'When it was created.'),
    lastOpDate: column('updated_at', 'time', 'When it was last changed.'),
  },
  relations: { account: { to: 'AccountInventory', local: 'accountUuid' } },
  visible: (row, { projectId = '' }) => sql`${row.column('project_id')} = ${projectId}`,
});

/** What accounts show to others: networks and images. */
export const sharedResource = defineInventory<'rbac_policies'>({
  name: 'SharedResourceInventory',
  className: 'org.zstack.header.identity.SharedResourceInventory',
  table: 'rbac_policies',
  rows() {
    return sql`(
      select n.project_id, p.object_type, p.object_id, p.target_project, p.created_at, p.updated_at
        from rbac_policies as p join networks as n on n.id = p.object_id
        where p.object_type = 'network' and p.action = 'access_as_shared' and p.target_project <> '*'
      union all select project_id, 'network' as object_type, id as object_id, '*' as target_project, created_at, updated_at
        from networks where shared = 1
      union all select project_id, 'image' as object_type, id as object_id, '*' as target_project, created_at, updated_at
        from images where visibility = 'public' and status not in ('deleted', 'expunged')
      union all select i.project_id, 'image' as object_type, i.id as object_id, m.project_id as target_project,
          m.created_at, m.updated_at
        from image_members as m join images as i on i.id = m.image_id
        where i.visibility = 'shared' and i.status not in ('deleted', 'expunged'))`;
  },
  fields: {
    ownerAccountUuid: column('project_id', 'string', 'Whose it is.'),
    receiverAccountUuid: computed('string', 'Who may use it; none where everybody may.', (row) => {
      return sql`nullif(${row.column('target_project')}, '*')`;
    }),
    toPublic: computed('bool', 'Whether everybody may use it.', (row) => {
      return sql`(case ${row.column('target_project')} when '*' then 1 else 0 end)`;
    }),
    resourceType: words('object_type', resourceClassNames, 'Unknown', 'Its type, as ImageVO.'),
    resourceUuid: column('object_id', 'string', 'The resource.'),
    createDate: column('created_at', 'time', 'When it was shared, or made where everybody may use it.'),
    lastOpDate: column('updated_at', 'time', 'When that was last changed.'),
  },
  visible: (row, { projectId = '' }) =>
    sql`(${row.column('project_id')} = ${projectId} or ${row.column('target_project')} in ('*', ${projectId}))`,
});
