import type { CreateTableBuilder, Kysely, Migration } from 'kysely';

const columns: Record<string, Record<string, string>> = {
  routers: {
    text: 'id project_id name description status routes',
    'text?': 'gateway_port_id',
    bigint: 'admin_state_up enable_snat created_at updated_at revision',
  },
  floating_ips: {
    text: 'id project_id description network_id ip_address floating_port_id',
    'text?': 'port_id fixed_ip_address router_id',
    bigint: 'created_at updated_at revision',
  },
};

const references: Record<string, Record<string, string>> = {
  routers: { gateway_port_id: 'ports' },
  floating_ips: { network_id: 'networks', floating_port_id: 'ports', port_id: 'ports', router_id: 'routers' },
};

const indexes: Record<string, string[]> = {
  routers: ['project_id', 'gateway_port_id'],
  floating_ips: ['project_id', 'port_id', 'router_id', 'floating_port_id'],
};

/** Routers and floating IPs; what ports may claim to be; whether ports of a network are filtered. */
export const routers: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    for (const [name, ofKind] of Object.entries(columns)) await createTable(db, name, ofKind);
    for (const table of ['networks', 'ports']) {
      await db.schema
        .alterTable(table)
        .addColumn('port_security', 'bigint', (c) => c.notNull().defaultTo(1))
        .execute();
    }
    await db.schema
      .alterTable('ports')
      .addColumn('allowed_address_pairs', 'text', (c) => c.notNull().defaultTo('[]'))
      .execute();
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
  builder = builder.addPrimaryKeyConstraint(`${name}_pk`, ['id'] as never[]);
  for (const [column, table] of Object.entries(references[name] ?? {})) {
    builder = builder.addForeignKeyConstraint(`${name}_${column}_fk`, [column as never], table, ['id']);
  }
  await builder.execute();
  for (const column of indexes[name] ?? []) {
    await db.schema.createIndex(`${name}_${column}_index`).on(name).column(column).execute();
  }
}
