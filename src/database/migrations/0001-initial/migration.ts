import type { CreateTableBuilder, Kysely, Migration } from 'kysely';

/** Column names (parted by blanks) by their type; `?` where null is allowed. */
type Columns = Partial<Record<'text' | 'text?' | 'bigint' | 'bigint?' | 'double', string>>;

interface Table {
  columns: Columns;
  primaryKey: string[];
  unique?: string[][];
  /** Column → `table.column`. */
  references?: Record<string, string>;
  indexes?: string[][];
}

const identity: Record<string, Table> = {
  settings: { columns: { text: 'key value' }, primaryKey: ['key'] },
  domains: {
    columns: { text: 'id name description', bigint: 'enabled' },
    primaryKey: ['id'],
    unique: [['name']],
  },
  projects: {
    columns: { text: 'id domain_id name description', 'text?': 'parent_id', bigint: 'enabled created_at updated_at' },
    primaryKey: ['id'],
    unique: [['domain_id', 'name']],
    references: { domain_id: 'domains.id' },
  },
  users: {
    columns: {
      text: 'id domain_id name description',
      'text?': 'email default_project_id password_hash',
      bigint: 'enabled created_at updated_at',
    },
    primaryKey: ['id'],
    unique: [['domain_id', 'name']],
    references: { domain_id: 'domains.id' },
  },
  roles: { columns: { text: 'id name description' }, primaryKey: ['id'], unique: [['name']] },
  role_assignments: {
    columns: { text: 'user_id role_id target_kind target_id' },
    primaryKey: ['user_id', 'role_id', 'target_kind', 'target_id'],
    references: { user_id: 'users.id', role_id: 'roles.id' },
    indexes: [['target_id']],
  },
  token_revocations: {
    columns: { text: 'id kind target', bigint: 'issued_before expires_at' },
    primaryKey: ['id'],
  },
  sessions: {
    columns: { text: 'id user_id project_id', bigint: 'created_at expires_at' },
    primaryKey: ['id'],
    indexes: [['user_id']],
  },
  keypairs: {
    columns: { text: 'user_id name id type public_key fingerprint', bigint: 'created_at' },
    primaryKey: ['user_id', 'name'],
  },
  quotas: {
    columns: { text: 'project_id resource', bigint: 'hard_limit' },
    primaryKey: ['project_id', 'resource'],
  },
};

const hosts: Record<string, Table> = {
  zones: {
    columns: { text: 'id name', 'text?': 'description', bigint: 'is_default enabled created_at updated_at' },
    primaryKey: ['id'],
    unique: [['name']],
  },
  clusters: {
    columns: {
      text: 'id zone_id name hypervisor_type architecture',
      'text?': 'description',
      bigint: 'enabled created_at updated_at',
    },
    primaryKey: ['id'],
    references: { zone_id: 'zones.id' },
  },
  hosts: {
    columns: {
      text: 'id name zone_id cluster_id state status management_address hypervisor_type accelerator architecture',
      bigint: 'hypervisor_version vcpus memory_mb disk_gb reserved_memory_mb created_at updated_at',
      double: 'cpu_ratio memory_ratio disk_ratio',
    },
    primaryKey: ['id'],
    unique: [['name']],
    references: { zone_id: 'zones.id', cluster_id: 'clusters.id' },
  },
  allocations: {
    columns: { text: 'server_id purpose host_id', bigint: 'vcpus memory_mb disk_gb' },
    primaryKey: ['server_id', 'purpose'],
    references: { host_id: 'hosts.id' },
    indexes: [['host_id']],
  },
  flavors: {
    columns: {
      text: 'id uuid name extra_specs',
      'text?': 'description',
      bigint: 'vcpus memory_mb disk_gb ephemeral_gb swap_mb is_public enabled created_at updated_at',
      double: 'rxtx_factor',
    },
    primaryKey: ['id'],
    unique: [['uuid'], ['name']],
  },
};

const images: Record<string, Table> = {
  image_stores: {
    columns: {
      text: 'id name kind url status',
      'text?': 'description',
      bigint: 'enabled is_default created_at updated_at',
    },
    primaryKey: ['id'],
    unique: [['name']],
  },
  image_store_zones: {
    columns: { text: 'store_id zone_id' },
    primaryKey: ['store_id', 'zone_id'],
    references: { store_id: 'image_stores.id', zone_id: 'zones.id' },
  },
  images: {
    columns: {
      text: 'id project_id user_id status visibility media_type properties',
      'text?':
        'name description disk_format container_format checksum hash_value platform guest_os source_url last_error',
      'bigint?': 'size virtual_size deleted_at expunge_at',
      bigint: 'min_disk_gb min_memory_mb protected hidden is_system created_at updated_at',
    },
    primaryKey: ['id'],
    indexes: [['project_id', 'created_at'], ['visibility', 'created_at'], ['created_at', 'id'], ['expunge_at']],
  },
  image_tags: {
    columns: { text: 'image_id tag' },
    primaryKey: ['image_id', 'tag'],
    references: { image_id: 'images.id' },
  },
  image_replicas: {
    columns: {
      text: 'image_id store_id state',
      'text?': 'install_path export_url export_checksum last_error',
      'bigint?': 'size',
      bigint: 'progress attempts created_at updated_at',
    },
    primaryKey: ['image_id', 'store_id'],
    references: { image_id: 'images.id', store_id: 'image_stores.id' },
    indexes: [['store_id']],
  },
  cached_images: {
    columns: { text: 'host_id image_id', bigint: 'size last_used_at' },
    primaryKey: ['host_id', 'image_id'],
  },
};

const servers: Record<string, Table> = {
  servers: {
    columns: {
      text: 'id project_id user_id name hostname vm_state zone_id flavor_id flavor metadata hardware disk_config access_ipv4 access_ipv6 reservation_id',
      bigint: 'number power_state progress has_config_drive locked launch_index created_at updated_at',
      'text?': 'description task_state host_id image_id previous root_volume_id key_name public_key user_data fault',
      'bigint?': 'launched_at terminated_at deleted_at',
    },
    primaryKey: ['id'],
    unique: [['number']],
    indexes: [
      ['project_id', 'deleted_at', 'created_at', 'id'],
      ['deleted_at', 'created_at', 'id'],
      ['host_id'],
      ['image_id'],
    ],
  },
  server_tags: {
    columns: { text: 'server_id tag' },
    primaryKey: ['server_id', 'tag'],
    references: { server_id: 'servers.id' },
  },
  volumes: {
    columns: {
      text: 'id project_id user_id kind origin status zone_id volume_type metadata image_metadata',
      'text?': 'name description host_id disk_id install_path image_id server_id last_server_id device last_error',
      bigint: 'size bootable delete_on_termination enabled created_at updated_at',
      'bigint?': 'actual_size device_index attached_at detached_at deleted_at',
    },
    primaryKey: ['id'],
    indexes: [['project_id', 'deleted_at', 'created_at', 'id'], ['server_id'], ['deleted_at', 'created_at', 'id']],
  },
  disks: {
    columns: { text: 'id host_id volume_id', 'text?': 'image_id', bigint: 'size created_at', 'bigint?': 'released_at' },
    primaryKey: ['id'],
    indexes: [['volume_id'], ['host_id'], ['image_id'], ['released_at']],
  },
};

const networks: Record<string, Table> = {
  networks: {
    columns: {
      text: 'id project_id name description status',
      bigint: 'shared external is_default admin_state_up mtu created_at updated_at revision',
    },
    primaryKey: ['id'],
    indexes: [['project_id']],
  },
  subnets: {
    columns: {
      text: 'id network_id project_id name description cidr allocation_pools dns_nameservers host_routes',
      bigint: 'ip_version enable_dhcp created_at updated_at revision',
      'text?': 'gateway_ip',
    },
    primaryKey: ['id'],
    references: { network_id: 'networks.id' },
    indexes: [['network_id']],
  },
  ports: {
    columns: {
      text: 'id network_id project_id name description mac_address status device_id device_owner',
      bigint: 'admin_state_up made_for_server created_at updated_at revision',
      'text?': 'host_id',
    },
    primaryKey: ['id'],
    unique: [['mac_address']],
    references: { network_id: 'networks.id' },
    indexes: [['device_id'], ['network_id'], ['project_id']],
  },
  port_addresses: {
    columns: { text: 'port_id subnet_id network_id ip_address' },
    primaryKey: ['subnet_id', 'ip_address'],
    references: { port_id: 'ports.id', subnet_id: 'subnets.id' },
    indexes: [['port_id']],
  },
  security_groups: {
    columns: { text: 'id project_id name description', bigint: 'stateful created_at updated_at revision' },
    primaryKey: ['id'],
    indexes: [['project_id', 'name']],
  },
  security_group_rules: {
    columns: {
      text: 'id security_group_id project_id description direction ethertype',
      'text?': 'protocol remote_ip_prefix remote_group_id',
      'bigint?': 'port_range_min port_range_max',
      bigint: 'created_at updated_at revision',
    },
    primaryKey: ['id'],
    references: { security_group_id: 'security_groups.id' },
    indexes: [['security_group_id']],
  },
  port_security_groups: {
    columns: { text: 'port_id security_group_id' },
    primaryKey: ['port_id', 'security_group_id'],
    references: { port_id: 'ports.id', security_group_id: 'security_groups.id' },
    indexes: [['security_group_id']],
  },
};

const journal: Record<string, Table> = {
  actions: {
    columns: {
      text: 'id kind name resource_type resource_id project_id user_id request_id state input',
      bigint: 'progress cancel_requested lease_expires_at created_at updated_at',
      'text?': 'error lease_owner',
      'bigint?': 'finished_at',
    },
    primaryKey: ['id'],
    indexes: [['resource_id', 'created_at'], ['request_id'], ['finished_at', 'created_at']],
  },
  action_steps: {
    columns: { text: 'action_id path name outcome', bigint: 'seq ended_at', 'text?': 'state undo error' },
    primaryKey: ['action_id', 'seq'],
    references: { action_id: 'actions.id' },
  },
  action_events: {
    columns: {
      text: 'action_id path name',
      bigint: 'seq started_at',
      'text?': 'host result traceback',
      'bigint?': 'finished_at',
    },
    primaryKey: ['action_id', 'seq'],
    references: { action_id: 'actions.id' },
  },
  jobs: {
    columns: {
      text: 'id operation user_id project_id',
      'text?': 'action_id result web_hook',
      bigint: 'created_at',
      'bigint?': 'finished_at',
    },
    primaryKey: ['id'],
    indexes: [['finished_at']],
  },
  resource_tags: {
    columns: { text: 'id kind resource_type resource_id project_id tag', bigint: 'inherent created_at updated_at' },
    primaryKey: ['id'],
    unique: [['resource_id', 'kind', 'tag']],
  },
};

/** Every table of the first release. */
export const initial: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    for (const tables of [identity, hosts, images, servers, networks, journal]) {
      for (const [name, table] of Object.entries(tables)) await createTable(db, name, table);
    }
  },
};

async function createTable(db: Kysely<never>, name: string, table: Table): Promise<void> {
  // Columns are text here, so the builder's own bookkeeping of names is of no use.
  let builder = db.schema.createTable(name) as CreateTableBuilder<string, string>;
  for (const [kind, columns] of Object.entries(table.columns)) {
    const type = kind.startsWith('text') ? 'text' : kind.startsWith('bigint') ? 'bigint' : 'double precision';
    for (const column of columns.split(' ')) {
      builder = builder.addColumn(column, type, (c) => (kind.endsWith('?') ? c : c.notNull()));
    }
  }
  builder = builder.addPrimaryKeyConstraint(`${name}_pk`, table.primaryKey as never[]);
  table.unique?.forEach((columns) => {
    builder = builder.addUniqueConstraint(`${name}_${columns.join('_')}_unique`, columns as never[]);
  });
  for (const [column, target] of Object.entries(table.references ?? {})) {
    const [otherTable, otherColumn] = target.split('.') as [string, string];
    builder = builder.addForeignKeyConstraint(`${name}_${column}_fk`, [column as never], otherTable, [otherColumn]);
  }
  await builder.execute();
  for (const columns of table.indexes ?? []) {
    await db.schema
      .createIndex(`${name}_${columns.join('_')}_index`)
      .on(name)
      .columns(columns as never[])
      .execute();
  }
}
