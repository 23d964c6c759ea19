import { type Kysely, type Migration, sql } from 'kysely';

/** Tables whose names are one's own, as long as it is there. */
const named = [
  { table: 'volume_types', condition: 'deleted_at is null' },
  { table: 'volume_group_types', condition: 'deleted_at is null' },
  { table: 'qos_specs', condition: undefined },
] as const;

/** Tables that have one default among the rows that are the same in `within`. */
const defaults = [
  { table: 'subnet_pools', within: 'ip_version' },
  { table: 'qos_policies', within: 'project_id' },
  { table: 'zones', within: 'is_default' },
] as const;

/**
 * The database keeps names of types, and what is the default, from being given twice: several who gave them at the same moment saw
 * nothing of each other. Of those that share one the oldest keeps it.
 */
export const namesAndDefaults: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    for (const { table, condition } of named) {
      const rows = sql.table(table);
      const there = condition === undefined ? sql`` : sql` where ${sql.raw(condition)}`;
      await sql`update ${rows} set name = name || '-' || id where id in (
        select id from (select id, row_number() over (partition by name order by created_at, id) as place
          from ${rows}${there}) as numbered where place > 1)`.execute(db);
      await sql`create unique index ${sql.raw(`${table}_name`)} on ${rows} (name)${there}`.execute(db);
    }
    for (const { table, within } of defaults) {
      const [rows, same] = [sql.table(table), sql.ref(within)];
      await sql`update ${rows} set is_default = 0 where id in (
        select id from (select id, row_number() over (partition by ${same} order by created_at, id) as place
          from ${rows} where is_default = 1) as numbered where place > 1)`.execute(db);
      await sql`create unique index ${sql.raw(`${table}_default`)} on ${rows} (${same}) where is_default = 1`.execute(
        db,
      );
    }
  },
};
