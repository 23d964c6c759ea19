import { type CreateTableBuilder, type Kysely, type Migration, sql } from 'kysely';

const common = 'id project_id name description';
const times = 'created_at updated_at revision';

const columns: Record<string, Record<string, string>> = {
  network_resource_tags: { text: 'resource_id tag' },
  address_scopes: { text: common, bigint: `ip_version shared ${times}` },
  subnet_pools: {
    text: `${common} prefixes`,
    'text?': 'address_scope_id',
    bigint: `ip_version min_prefixlen max_prefixlen default_prefixlen shared is_default ${times}`,
    'bigint?': 'default_quota',
  },
  rbac_policies: { text: 'id project_id object_type object_id action target_project', bigint: times },
  qos_policies: { text: common, bigint: `shared is_default ${times}` },
  qos_bandwidth_rules: { text: 'id policy_id direction', bigint: 'max_kbps max_burst_kbps created_at' },
  address_groups: { text: `${common} addresses`, bigint: times },
  port_forwardings: {
    text: 'id project_id description floating_ip_id internal_port_id internal_address protocol',
    bigint: `external_port internal_port ${times}`,
  },
};

const primaryKeys: Record<string, string[]> = { network_resource_tags: ['resource_id', 'tag'] };

const references: Record<string, Record<string, string>> = {
  qos_bandwidth_rules: { policy_id: 'qos_policies' },
  port_forwardings: { floating_ip_id: 'floating_ips', internal_port_id: 'ports' },
};

const indexes: Record<string, string[]> = {
  network_resource_tags: ['tag'],
  address_scopes: ['project_id'],
  subnet_pools: ['project_id'],
  rbac_policies: ['project_id', 'object_id'],
  qos_policies: ['project_id'],
  qos_bandwidth_rules: ['policy_id'],
  address_groups: ['project_id'],
  port_forwardings: ['floating_ip_id', 'internal_port_id'],
};

const added: Record<string, Record<string, string>> = {
  networks: { text: 'dns_domain', 'text?': 'qos_policy_id', 'bigint?': 'segmentation_id' },
  subnets: { list: 'service_types', 'text?': 'ipv6_address_mode ipv6_ra_mode subnet_pool_id' },
  ports: { text: 'dns_name dns_domain binding_host', list: 'extra_dhcp_opts', 'text?': 'qos_policy_id' },
  security_group_rules: { 'text?': 'remote_address_group_id' },
  floating_ips: { text: 'dns_name dns_domain' },
};

/**
 * IPv6, subnet pools, sharing, bandwidth limits, address groups, port forwarding, names and tags of networks; and the
 * numbers by which hosts tell networks apart on the wire.
 */
export const networks: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    for (const [name, ofKind] of Object.entries(columns)) await createTable(db, name, ofKind);
    for (const [table, ofKind] of Object.entries(added)) await addColumns(db, table, ofKind);
    await sql`update networks set segmentation_id =
      (select count(*) from networks as others where others.id <= networks.id)`.execute(db);
    await db.schema
      .createIndex('networks_segmentation_index')
      .unique()
      .on('networks')
      .columns(['segmentation_id'] as never[])
      .execute();
    // Networks that are shared were shared by a flag alone.
    await sql`insert into rbac_policies
      (id, project_id, object_type, object_id, action, target_project, created_at, updated_at, revision)
      select id, project_id, 'network', id, 'access_as_shared', '*', created_at, created_at, 0
      from networks where shared = 1`.execute(db);
  },
};

async function createTable(db: Kysely<never>, name: string, ofKind: Record<string, string>): Promise<void> {
  let builder = db.schema.createTable(name) as CreateTableBuilder<string, string>;
  for (const [kind, names] of Object.entries(ofKind)) {
    const type = kind.startsWith('text') ? 'text' : 'bigint';
    for (const column of names.split(' ')) {
      builder = builder.addColumn(column, type, (c) => (kind.endsWith('?') ? c : c.notNull()));
    }
  }
  builder = builder.addPrimaryKeyConstraint(`${name}_pk`, (primaryKeys[name] ?? ['id']) as never[]);
  for (const [column, table] of Object.entries(references[name] ?? {})) {
    builder = builder.addForeignKeyConstraint(`${name}_${column}_fk`, [column as never], table, ['id']);
  }
  await builder.execute();
  for (const column of indexes[name] ?? []) {
    await db.schema.createIndex(`${name}_${column}_index`).on(name).column(column).execute();
  }
}

async function addColumns(db: Kysely<never>, table: string, ofKind: Record<string, string>): Promise<void> {
  for (const [kind, names] of Object.entries(ofKind)) {
    for (const column of names.split(' ')) {
      const type = kind.startsWith('bigint') ? 'bigint' : 'text';
      await db.schema
        .alterTable(table)
        .addColumn(column, type, (c) => (kind.endsWith('?') ? c : c.notNull().defaultTo(kind === 'list' ? '[]' : '')))
        .execute();
    }
  }
}
