import { type Kysely, type Migration, sql } from 'kysely';

interface Columns {
  text?: string;
  'text?'?: string;
  bigint?: string;
  'bigint?'?: string;
}

interface Table {
  columns: Columns;
  key: string[];
  unique?: string[];
  indexes?: string[][];
}

const tables: Record<string, Table> = {
  groups: {
    columns: { text: 'id domain_id name description' },
    key: ['id'],
    unique: ['domain_id', 'name'],
  },
  group_members: { columns: { text: 'group_id user_id' }, key: ['group_id', 'user_id'], indexes: [['user_id']] },
  implied_roles: { columns: { text: 'prior_id implied_id' }, key: ['prior_id', 'implied_id'] },
  application_credentials: {
    columns: {
      text: 'id user_id project_id name secret_hash roles',
      'text?': 'description access_rules',
      bigint: 'unrestricted created_at',
      'bigint?': 'expires_at',
    },
    key: ['id'],
    unique: ['user_id', 'name'],
  },
  access_rules: { columns: { text: 'id user_id service path method' }, key: ['id'], indexes: [['user_id']] },
  trusts: {
    columns: {
      text: 'id trustor_id trustee_id roles',
      'text?': 'project_id redelegated_from_id',
      bigint: 'impersonation allow_redelegation redelegation_count created_at',
      'bigint?': 'expires_at remaining_uses deleted_at',
    },
    key: ['id'],
    indexes: [['trustor_id'], ['trustee_id']],
  },
  credentials: {
    columns: { text: 'id user_id type blob', 'text?': 'project_id' },
    key: ['id'],
    indexes: [['user_id']],
  },
  catalog_regions: { columns: { text: 'id description', 'text?': 'parent_id' }, key: ['id'] },
  catalog_services: { columns: { text: 'id type name description', bigint: 'enabled' }, key: ['id'] },
  catalog_endpoints: {
    columns: { text: 'id service_id interface url', 'text?': 'region_id name', bigint: 'enabled' },
    key: ['id'],
    indexes: [['service_id']],
  },
  endpoint_groups: { columns: { text: 'id name filters', 'text?': 'description' }, key: ['id'] },
  project_endpoints: { columns: { text: 'project_id endpoint_id' }, key: ['project_id', 'endpoint_id'] },
  project_endpoint_groups: { columns: { text: 'project_id group_id' }, key: ['project_id', 'group_id'] },
};

const builtIn = {
  admin: '1f7d6f0a5a3c4f0e9d5b8c2e4a6b0001',
  manager: '1f7d6f0a5a3c4f0e9d5b8c2e4a6b0002',
  member: '1f7d6f0a5a3c4f0e9d5b8c2e4a6b0003',
  reader: '1f7d6f0a5a3c4f0e9d5b8c2e4a6b0004',
};

/**
 * Groups, roles of domains and what roles imply, inherited assignments; credentials of applications, trusts and other
 * credentials; services and endpoints that administrators add; tags, options, and what lockout needs.
 */
export const identity: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    for (const [name, table] of Object.entries(tables)) await create(db, name, table);
    await create(db, 'role_assignments_new', {
      columns: { text: 'actor_id actor_kind role_id target_kind target_id', bigint: 'inherited' },
      key: ['actor_id', 'role_id', 'target_kind', 'target_id', 'inherited'],
      indexes: [['target_id']],
    });
    await sql`insert into role_assignments_new (actor_id, actor_kind, role_id, target_kind, target_id, inherited)
      select user_id, 'user', role_id, target_kind, target_id, 0 from role_assignments`.execute(db);
    await db.schema.dropTable('role_assignments').execute();
    await db.schema.alterTable('role_assignments_new').renameTo('role_assignments').execute();
    await create(db, 'roles_new', {
      columns: { text: 'id name description domain_id options' },
      key: ['id'],
      unique: ['domain_id', 'name'],
    });
    await sql`insert into roles_new (id, name, description, domain_id, options)
      select id, name, description, '', '{}' from roles`.execute(db);
    await db.schema.dropTable('roles').execute();
    await db.schema.alterTable('roles_new').renameTo('roles').execute();
    await sql`insert into implied_roles (prior_id, implied_id) values
      (${builtIn.admin}, ${builtIn.manager}), (${builtIn.manager}, ${builtIn.member}),
      (${builtIn.member}, ${builtIn.reader})`.execute(db);
    for (const [table, column, type] of columns) {
      await db.schema
        .alterTable(table)
        .addColumn(column, type, (c) => (type === 'text' ? c.notNull().defaultTo(column === 'tags' ? '[]' : '{}') : c))
        .execute();
    }
  },
};

const columns = [
  ['projects', 'tags', 'text'],
  ['projects', 'options', 'text'],
  ['domains', 'tags', 'text'],
  ['domains', 'options', 'text'],
  ['users', 'options', 'text'],
  ['users', 'extra', 'text'],
  ['users', 'failed_logins', 'bigint'],
  ['users', 'last_failed_at', 'bigint'],
  ['users', 'password_changed_at', 'bigint'],
] as const;

async function create(db: Kysely<never>, name: string, { columns, key, unique, indexes = [] }: Table): Promise<void> {
  let table = db.schema.createTable(name);
  for (const [type, names] of Object.entries(columns) as Array<[keyof Columns, string]>) {
    for (const column of names.split(' ')) {
      const sqlType = type.startsWith('text') ? 'text' : 'bigint';
      table = table.addColumn(column, sqlType, (c) => (type.endsWith('?') ? c : c.notNull()));
    }
  }
  table = table.addPrimaryKeyConstraint(`${name}_key`, key as never[]);
  if (unique) table = table.addUniqueConstraint(`${name}_unique`, unique as never[]);
  await table.execute();
  for (const fields of indexes) {
    await db.schema
      .createIndex(`${name}_${fields[0]}_lookup`)
      .on(name)
      .columns(fields as never[])
      .execute();
  }
}
