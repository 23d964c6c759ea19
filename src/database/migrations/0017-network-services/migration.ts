import { type Kysely, type Migration, sql } from 'kysely';

/**
 * The order of a server's interfaces, ranges of forwarded ports, and the rules that new security groups begin with.
 */
export const networkServices: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema.alterTable('ports').addColumn('device_index', 'bigint').execute();
    await sql`update ports set device_index =
      (select count(*) from ports as others where others.device_id = ports.device_id
        and (others.created_at < ports.created_at or (others.created_at = ports.created_at and others.id < ports.id)))
      where device_owner = 'compute:nova' and device_id <> ''`.execute(db);
    for (const column of ['external_port_end', 'internal_port_end']) {
      await db.schema
        .alterTable('port_forwardings')
        .addColumn(column, 'bigint', (c) => c.notNull().defaultTo(0))
        .execute();
    }
    await db.schema
      .createTable('default_security_group_rules')
      .addColumn('id', 'text', (c) => c.notNull())
      .addColumn('description', 'text', (c) => c.notNull())
      .addColumn('direction', 'text', (c) => c.notNull())
      .addColumn('ethertype', 'text', (c) => c.notNull())
      .addColumn('protocol', 'text')
      .addColumn('port_range_min', 'bigint')
      .addColumn('port_range_max', 'bigint')
      .addColumn('remote_ip_prefix', 'text')
      .addColumn('remote_group_id', 'text')
      .addColumn('remote_address_group_id', 'text')
      .addColumn('used_in_default_sg', 'bigint', (c) => c.notNull())
      .addColumn('used_in_non_default_sg', 'bigint', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('updated_at', 'bigint', (c) => c.notNull())
      .addColumn('revision', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('default_security_group_rules_pk', ['id'] as never[])
      .execute();
    await sql`insert into default_security_group_rules
      (id, description, direction, ethertype, remote_group_id, used_in_default_sg, used_in_non_default_sg,
       created_at, updated_at, revision)
      values ${sql.join(firstRules.map((rule) => sql`(${sql.join(rule.map((value) => sql.lit(value)))})`))}`.execute(
      db,
    );
  },
};

const firstRules = [
  ['d5a17ba0f1e94d0b8a3d6c0c5b3a1e01', '', 'egress', 'IPv4', null, 1, 1, 0, 0, 0],
  ['d5a17ba0f1e94d0b8a3d6c0c5b3a1e02', '', 'egress', 'IPv6', null, 1, 1, 0, 0, 0],
  ['d5a17ba0f1e94d0b8a3d6c0c5b3a1e03', '', 'ingress', 'IPv4', 'PARENT', 1, 0, 0, 0, 0],
  ['d5a17ba0f1e94d0b8a3d6c0c5b3a1e04', '', 'ingress', 'IPv6', 'PARENT', 1, 0, 0, 0, 0],
];
