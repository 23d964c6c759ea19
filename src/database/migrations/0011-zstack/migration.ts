import { type CreateTableBuilder, type Kysely, type Migration, sql } from 'kysely';

/** Columns by type; those whose type ends in `?` may be null. */
type Columns = Record<string, string>;

const tables: Record<string, Columns> = {
  disk_offerings: {
    text: 'id name',
    'text?': 'description',
    bigint: 'disk_size sort_key enabled created_at updated_at',
  },
  l2_networks: {
    text: 'id zone_id name type physical_interface v_switch_type',
    'text?': 'description',
    'bigint?': 'vlan',
    bigint: 'created_at updated_at',
  },
  access_keys: {
    text: 'id project_id user_id access_key_id secret',
    'text?': 'description',
    bigint: 'enabled created_at updated_at',
  },
  long_jobs: {
    text: 'id project_id user_id name job_name job_data job_id state',
    'text?': 'description target_resource_id job_result',
    'bigint?': 'finished_at',
    bigint: 'created_at updated_at',
  },
};

const indexes: ReadonlyArray<[table: string, columns: string[], unique?: true]> = [
  ['l2_networks', ['zone_id']],
  ['access_keys', ['access_key_id'], true],
  ['access_keys', ['project_id']],
  ['long_jobs', ['project_id', 'created_at']],
  ['long_jobs', ['job_id'], true],
];

/** What only the words of ZStack need: disk offerings, L2 networks, EIPs and VIPs by name, access keys, long jobs. */
export const zstack: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    for (const [name, types] of Object.entries(tables)) {
      await withColumns(db.schema.createTable(name), types)
        .addPrimaryKeyConstraint(`${name}_pk`, ['id'] as never[])
        .execute();
    }
    for (const [table, on, unique] of indexes) {
      const index = db.schema
        .createIndex(`${table}_${on[0]}_index`)
        .on(table)
        .columns(on as never[]);
      await (unique ? index.unique() : index).execute();
    }
    // What everybody looks for by name, in the order in which lists come.
    for (const table of ['servers', 'images', 'volumes', 'networks']) {
      const columns = ['name', ...(table === 'networks' ? [] : ['deleted_at']), 'created_at', 'id'];
      await db.schema
        .createIndex(`${table}_by_name_index`)
        .on(table)
        .columns(columns as never[])
        .execute();
    }
    await sql`create table l2_network_clusters (
      l2_network_id text not null references l2_networks (id) on delete cascade,
      cluster_id text not null references clusters (id) on delete cascade,
      primary key (l2_network_id, cluster_id))`.execute(db);
    await sql`create table l3_network_facts (
      network_id text not null primary key references networks (id) on delete cascade,
      l2_network_id text references l2_networks (id),
      category text, dns_domain text, system bigint not null, services text not null)`.execute(db);
    await sql`create index l3_network_facts_l2_index on l3_network_facts (l2_network_id)`.execute(db);
    await sql`create table vip_names (
      floating_ip_id text not null primary key references floating_ips (id) on delete cascade,
      name text not null)`.execute(db);
    await sql`create table eips (
      floating_ip_id text not null primary key references floating_ips (id) on delete cascade,
      id text not null unique, name text not null, description text,
      created_at bigint not null, updated_at bigint not null)`.execute(db);
    await sql`create table security_group_rule_sets (
      rule_id text not null primary key references security_group_rules (id) on delete cascade,
      set_id text not null, priority bigint not null, members bigint not null,
      ports text, addresses text)`.execute(db);
    await sql`create index security_group_rule_sets_set_index on security_group_rule_sets (set_id)`.execute(db);
    await sql`create table security_group_networks (
      security_group_id text not null references security_groups (id) on delete cascade,
      network_id text not null references networks (id) on delete cascade,
      primary key (security_group_id, network_id))`.execute(db);
  },
};

function withColumns<Table extends CreateTableBuilder<string, never>>(table: Table, types: Columns): Table {
  let built = table as CreateTableBuilder<string, never>;
  for (const [type, names] of Object.entries(types)) {
    for (const name of names.split(' ')) {
      built = built.addColumn(name, type.startsWith('text') ? 'text' : 'bigint', (c) =>
        type.endsWith('?') ? c : c.notNull(),
      ) as never;
    }
  }
  return built as Table;
}
