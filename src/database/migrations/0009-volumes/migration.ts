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
  indexes?: string[][];
}

const tables: Record<string, Table> = {
  volume_types: {
    columns: {
      text: 'id name extra_specs',
      'text?': 'description qos_specs_id encryption',
      bigint: 'is_public created_at updated_at',
      'bigint?': 'deleted_at',
    },
    key: ['id'],
  },
  volume_type_projects: { columns: { text: 'type_id project_id' }, key: ['type_id', 'project_id'] },
  default_volume_types: { columns: { text: 'project_id type_id' }, key: ['project_id'] },
  qos_specs: {
    columns: { text: 'id name consumer specs', bigint: 'created_at updated_at' },
    key: ['id'],
  },
  volume_backups: {
    columns: {
      text: 'id project_id user_id volume_id status container zone_id metadata volume_metadata',
      'text?': 'name description snapshot_id parent_id data_id last_error',
      bigint: 'size object_count created_at updated_at',
      'bigint?': 'data_timestamp deleted_at',
    },
    key: ['id'],
    indexes: [['project_id', 'deleted_at', 'created_at', 'id'], ['volume_id', 'deleted_at'], ['parent_id']],
  },
  volume_transfers: {
    columns: {
      text: 'id volume_id project_id salt key_hash',
      'text?': 'name destination_project_id',
      bigint: 'accepted no_snapshots created_at',
      'bigint?': 'deleted_at',
    },
    key: ['id'],
    indexes: [
      ['project_id', 'deleted_at'],
      ['volume_id', 'deleted_at'],
    ],
  },
  volume_attachments: {
    columns: {
      text: 'id project_id volume_id status mode',
      'text?': 'server_id connector device',
      bigint: 'created_at',
      'bigint?': 'attached_at',
    },
    key: ['id'],
    indexes: [['volume_id'], ['project_id']],
  },
  volume_messages: {
    columns: {
      text: 'id project_id request_id event_id resource_type level text',
      'text?': 'resource_id',
      bigint: 'created_at expires_at',
    },
    key: ['id'],
    indexes: [['project_id', 'created_at'], ['expires_at']],
  },
};

/** The type of every volume up to here: `local`. */
const localTypeId = '6c6f63616c0040008000766f6c756d65';

/** Volume types, QoS specs, backups, transfers, attachments of others than servers, and messages. */
export const volumes: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    for (const [name, table] of Object.entries(tables)) await create(db, name, table);
    const now = Date.now() * 1000;
    await sql`insert into volume_types (id, name, description, is_public, extra_specs, created_at, updated_at)
      values (${localTypeId}, 'local', ${"On the host's own disks. Servers that use such a volume run on its host."}, 1,
        '{}', ${now}, ${now})`.execute(db);
    await sql`update volumes set volume_type = ${localTypeId}`.execute(db);
    await db.schema.alterTable('volume_snapshots').addColumn('progress', 'text').execute();
  },
};

async function create(db: Kysely<never>, name: string, { columns, key, indexes = [] }: Table): Promise<void> {
  let table = db.schema.createTable(name);
  for (const [type, names] of Object.entries(columns) as Array<[keyof Columns, string]>) {
    for (const column of names.split(' ')) {
      const sqlType = type.startsWith('text') ? 'text' : 'bigint';
      table = table.addColumn(column, sqlType, (c) => (type.endsWith('?') ? c : c.notNull()));
    }
  }
  await table.addPrimaryKeyConstraint(`${name}_pk`, key as never[]).execute();
  for (const fields of indexes) {
    await db.schema
      .createIndex(`${name}_${fields[0]}_index`)
      .on(name)
      .columns(fields as never[])
      .execute();
  }
}
