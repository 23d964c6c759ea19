import type { Kysely, Migration } from 'kysely';

/** Load balancers: addresses whose ports are listened on, and the members of pools that get the connections. */
export const loadBalancers: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable('certificates')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('project_id', 'text', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('description', 'text')
      .addColumn('chain', 'text', (c) => c.notNull())
      .addColumn('private_key', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .execute();
    await db.schema.createIndex('certificates_project').on('certificates').columns(['project_id']).execute();
    await db.schema
      .createTable('load_balancers')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('project_id', 'text', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('description', 'text')
      // An address that is used can't be given back.
      .addColumn('floating_ip_id', 'text', (c) => c.notNull().references('floating_ips.id'))
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .addUniqueConstraint('load_balancers_floating_ip', ['floating_ip_id'])
      .execute();
    await db.schema.createIndex('load_balancers_project').on('load_balancers').columns(['project_id']).execute();
    await db.schema
      .createTable('load_balancer_pools')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('project_id', 'text', (c) => c.notNull())
      .addColumn('load_balancer_id', 'text', (c) => c.notNull().references('load_balancers.id').onDelete('cascade'))
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('description', 'text')
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .execute();
    await db.schema
      .createIndex('load_balancer_pools_balancer')
      .on('load_balancer_pools')
      .columns(['load_balancer_id'])
      .execute();
    await db.schema
      .createTable('load_balancer_listeners')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('project_id', 'text', (c) => c.notNull())
      .addColumn('load_balancer_id', 'text', (c) => c.notNull().references('load_balancers.id').onDelete('cascade'))
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('description', 'text')
      .addColumn('protocol', 'text', (c) => c.notNull())
      .addColumn('port', 'bigint', (c) => c.notNull())
      .addColumn('member_port', 'bigint', (c) => c.notNull())
      .addColumn('settings', 'text', (c) => c.notNull())
      .addColumn('own_pool_id', 'text', (c) => c.references('load_balancer_pools.id').onDelete('set null'))
      .addColumn('certificate_id', 'text', (c) => c.references('certificates.id'))
      .addColumn('certified_at', 'bigint')
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .addUniqueConstraint('load_balancer_listeners_port', ['load_balancer_id', 'port'])
      .execute();
    for (const column of ['project_id', 'own_pool_id', 'certificate_id'] as const) {
      await db.schema
        .createIndex(`load_balancer_listeners_${column}`)
        .on('load_balancer_listeners')
        .columns([column])
        .execute();
    }
    await db.schema
      .createTable('load_balancer_listener_pools')
      .addColumn('listener_id', 'text', (c) => c.notNull().references('load_balancer_listeners.id').onDelete('cascade'))
      .addColumn('pool_id', 'text', (c) => c.notNull().references('load_balancer_pools.id').onDelete('cascade'))
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('load_balancer_listener_pools_once', ['listener_id', 'pool_id'])
      .execute();
    await db.schema
      .createIndex('load_balancer_listener_pools_pool')
      .on('load_balancer_listener_pools')
      .columns(['pool_id'])
      .execute();
    await db.schema
      .createTable('load_balancer_members')
      .addColumn('id', 'text', (c) => c.primaryKey())
      .addColumn('project_id', 'text', (c) => c.notNull())
      .addColumn('pool_id', 'text', (c) => c.notNull().references('load_balancer_pools.id').onDelete('cascade'))
      .addColumn('port_id', 'text', (c) => c.references('ports.id').onDelete('cascade'))
      .addColumn('ip_address', 'text')
      .addColumn('weight', 'bigint', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .addUniqueConstraint('load_balancer_members_port_once', ['pool_id', 'port_id'])
      .addUniqueConstraint('load_balancer_members_address_once', ['pool_id', 'ip_address'])
      .execute();
    await db.schema
      .createIndex('load_balancer_members_port')
      .on('load_balancer_members')
      .columns(['port_id'])
      .execute();
  },
};
