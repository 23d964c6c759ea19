import { existsSync, statSync } from 'node:fs';
import type { Check } from './check.ts';
import type { DataFolder } from './data-folder.ts';

const name = 'database';

/** Whether the database can be reached and read. Changes nothing. */
export async function examineDatabase(url: string | undefined, folder: DataFolder, isRunning: boolean): Promise<Check> {
  return url ? await examinePostgres(url) : await examineSqlite(folder, isRunning);
}

async function examinePostgres(url: string): Promise<Check> {
  const { default: pg } = await import('pg');
  const where = `${new URL(url).pathname.slice(1)} on ${new URL(url).host || 'this machine'}`;
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  try {
    await client.connect();
    const { rows } = await client.query<{ version: string }>('show server_version');
    await client.end();
    return { name, state: 'ok', detail: `PostgreSQL ${Object.values(rows[0]!)[0]}: ${where}` };
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    return {
      name,
      state: 'problem',
      detail: `PostgreSQL can't be used (${where}): ${message || code}`,
      advice: 'Check the URL, and that the server runs and lets this machine in (pg_hba.conf).',
    };
  }
}

async function examineSqlite({ sqliteFile }: DataFolder, isRunning: boolean): Promise<Check> {
  if (!existsSync(sqliteFile)) return { name, state: 'ok', detail: 'SQLite; made at the first start' };
  // What is committed waits in the log beside it until it is written over.
  const sizes = [sqliteFile, `${sqliteFile}-wal`].map((path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0);
  const mebibytes = (sizes.reduce((sum, size) => sum + size, 0) / 2 ** 20).toFixed(1);
  const detail = `SQLite, ${mebibytes} MiB`;
  // A look into the file of a running cloud would hold up its checkpoints.
  if (isRunning) return { name, state: 'ok', detail };
  const damage = await damageOf(sqliteFile);
  if (damage === undefined) return { name, state: 'ok', detail: `${detail}, sound` };
  const advice = 'Bring the data folder back from a backup.';
  return { name, state: 'problem', detail: `${sqliteFile} is damaged: ${damage}`, advice };
}

/** The first thing that SQLite finds wrong with the file, if any; it may be no database at all. */
async function damageOf(file: string): Promise<string | undefined> {
  const { DatabaseSync } = await import('node:sqlite');
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const [found] = db.prepare('PRAGMA quick_check(1)').all() as Array<{ quick_check: string }>;
    return found?.quick_check === 'ok' ? undefined : String(found?.quick_check);
  } catch (error) {
    return (error as Error).message;
  } finally {
    db.close();
  }
}
