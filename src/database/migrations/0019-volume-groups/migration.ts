import type { Kysely, Migration } from 'kysely';

interface Table {
  texts: string;
  optionalTexts?: string;
  numbers?: string;
  optionalNumbers?: string;
  key: string;
  index?: string[];
}

const tables: Record<string, Table> = {
  volume_group_types: {
    texts: 'id name group_specs',
    optionalTexts: 'description',
    numbers: 'is_public created_at updated_at',
    optionalNumbers: 'deleted_at',
    key: 'id',
  },
  volume_groups: {
    texts: 'id project_id user_id group_type_id zone_id volume_types',
    optionalTexts: 'name description group_snapshot_id source_group_id status',
    numbers: 'created_at',
    optionalNumbers: 'deleted_at',
    key: 'id',
    index: ['project_id', 'deleted_at'],
  },
  volume_group_members: { texts: 'volume_id group_id', key: 'volume_id', index: ['group_id'] },
  volume_group_snapshots: {
    texts: 'id project_id user_id group_id group_type_id',
    optionalTexts: 'name description status',
    numbers: 'created_at',
    optionalNumbers: 'deleted_at',
    key: 'id',
    index: ['project_id', 'deleted_at'],
  },
  volume_group_snapshot_members: {
    texts: 'snapshot_id group_snapshot_id',
    key: 'snapshot_id',
    index: ['group_snapshot_id'],
  },
};

/** Groups of volumes, their types, and snapshots of all that is in one. */
export const volumeGroups: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    for (const [name, table] of Object.entries(tables)) await create(db, name, table);
  },
};

async function create(db: Kysely<never>, name: string, table: Table): Promise<void> {
  let made = db.schema.createTable(name);
  for (const column of names(table.texts)) made = made.addColumn(column, 'text', (c) => c.notNull());
  for (const column of names(table.optionalTexts)) made = made.addColumn(column, 'text');
  for (const column of names(table.numbers)) made = made.addColumn(column, 'bigint', (c) => c.notNull());
  for (const column of names(table.optionalNumbers)) made = made.addColumn(column, 'bigint');
  await made.addPrimaryKeyConstraint(`${name}_pk`, [table.key] as never[]).execute();
  if (!table.index) return;
  const index = db.schema.createIndex(`${name}_${table.index[0]}_index`).on(name);
  await index.columns(table.index as never[]).execute();
}

function names(words = ''): string[] {
  return words === '' ? [] : words.split(' ');
}
