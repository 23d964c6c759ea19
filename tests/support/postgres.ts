import { randomBytes } from 'node:crypto';
import { describe, inject } from 'vitest';
import type { Database } from '../../src/database/database.ts';
import { contentsOf, openSqlite } from '../../src/database/sqlite.ts';
import { databaseUrl, onServer, postgresVariable } from './postgres-server.ts';

const serverUrl = process.env[postgresVariable];
/** Databases of this test file that are open or can be used again. */
const free: string[] = [];

/**
 * Defines the suite once for each kind of database. `open` gives an empty one, with its tables, that no other test sees;
 * closing it gives it back.
 */
export function eachDatabase(
  name: string,
  suite: (open: () => Promise<Database>, kind: Database['kind']) => void,
): void {
  describe(`${name} (SQLite)`, () => suite(openEmptySqlite, 'sqlite'));
  const title = serverUrl ? 'PostgreSQL' : `PostgreSQL: left out, ${postgresVariable} names no server; unkai test does`;
  describe.skipIf(!serverUrl)(`${name} (${title})`, () => suite(openEmptyPostgres, 'postgres'));
}

let emptySqlite: Promise<Uint8Array> | undefined;

/** A database in memory with its tables, which are made once a file of tests: that takes longer than most tests. */
export async function openEmptySqlite(): Promise<Database> {
  emptySqlite ??= openSqlite(':memory:').then(async (db) => {
    const contents = contentsOf(db);
    await db.close();
    return contents;
  });
  return await openSqlite(':memory:', { contents: await emptySqlite });
}

async function openEmptyPostgres(): Promise<Database> {
  const { openPostgres } = await import('../../src/database/postgres.ts');
  const url = free.pop() ?? (await createPostgresDatabase());
  const db = await openPostgres(url);
  const close = db.close.bind(db);
  return Object.assign(db, {
    async close() {
      await close();
      await emptyAllTables(url);
      free.push(url);
    },
  });
}

/** Makes a database with all tables, and gives its URL. It goes with the server, or after the last test file. */
export async function createPostgresDatabase(): Promise<string> {
  if (!serverUrl) throw new Error(`${postgresVariable} names no PostgreSQL server`);
  const template = inject('postgresTemplate');
  const name = `${template}_${randomBytes(6).toString('hex')}`;
  await onServer(serverUrl, `create database ${name} template ${template}`);
  return databaseUrl(serverUrl, name);
}

/** Far quicker than a new database where there is little in it. */
async function emptyAllTables(url: string): Promise<void> {
  const tables = `select tablename from pg_tables where schemaname = 'public' and tablename not like 'kysely%'`;
  await onServer(
    url,
    `set session_replication_role = replica;
     do $$ declare t text; begin for t in ${tables} loop execute 'delete from ' || quote_ident(t); end loop; end $$`,
  );
}
