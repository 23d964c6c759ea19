import { type Kysely, type Migration, sql } from 'kysely';

/** What conditions of queries look for in what belongs to other resources. */
const indexes: Record<string, string> = {
  port_addresses_ip_address_index: 'port_addresses (ip_address)',
  resource_tags_tag_index: 'resource_tags (tag, kind)',
  volumes_image_id_index: 'volumes (image_id)',
  volumes_host_id_index: 'volumes (host_id)',
};

/**
 * ZStack's port forwarding rules, which stay when no interface has them; and indexes for conditions on what servers and
 * volumes have.
 */
export const zstackRules: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable('port_forwarding_rules')
      .addColumn('id', 'text', (c) => c.notNull())
      .addColumn('project_id', 'text', (c) => c.notNull())
      .addColumn('floating_ip_id', 'text', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('description', 'text')
      .addColumn('protocol', 'text', (c) => c.notNull())
      .addColumn('external_port', 'bigint', (c) => c.notNull())
      .addColumn('external_port_end', 'bigint', (c) => c.notNull())
      .addColumn('internal_port', 'bigint', (c) => c.notNull())
      .addColumn('internal_port_end', 'bigint', (c) => c.notNull())
      .addColumn('forwarding_id', 'text')
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('port_forwarding_rules_pk', ['id'] as never[])
      .addForeignKeyConstraint(
        'port_forwarding_rules_floating_ip',
        ['floating_ip_id'] as never[],
        'floating_ips',
        ['id'] as never[],
        (constraint) => constraint.onDelete('cascade'),
      )
      .addForeignKeyConstraint(
        'port_forwarding_rules_forwarding',
        ['forwarding_id'] as never[],
        'port_forwardings',
        ['id'] as never[],
        (constraint) => constraint.onDelete('set null'),
      )
      .execute();
    await sql`create index port_forwarding_rules_vip_index on port_forwarding_rules (floating_ip_id)`.execute(db);
    await sql`create index port_forwarding_rules_forwarding_index on port_forwarding_rules (forwarding_id)`.execute(db);
    for (const [name, on] of Object.entries(indexes)) await sql.raw(`create index ${name} on ${on}`).execute(db);
  },
};
