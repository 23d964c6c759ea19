import { existsSync, readdirSync } from 'node:fs';
import { cp, mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { backup, DatabaseSync } from 'node:sqlite';
import { runCommand } from '../../agent/programs/run-command.ts';
import { lockFolder } from '../../assembly/folder-lock.ts';
import { realEnv } from '../../env/real.ts';
import { DataFolder, type FolderSettings } from '../data-folder.ts';
import { unmountBelow } from '../mounts-below.ts';
import { UserError } from '../user-error.ts';

export interface StateOptions {
  dataDir: string;
}

/** What a cloud is, beside its database: image stores and backups in the folder, and the hosts' disks. */
const parts = ['images', 'backups', 'hosts'] as const;
const database = 'unkai.sqlite';
const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$/;
const tries = 3;

/**
 * `unkai state save NAME`: the database (online) and copies of all disks and images, which share their blocks where the
 * file system can. The control plane may run, as long as nothing is under way; machines of QEMU may not.
 */
export async function saveState(name: string, options: StateOptions): Promise<void> {
  const folder = new DataFolder(options.dataDir);
  requireCloud(folder);
  const place = placeOf(folder, name);
  const draft = `${place}.new`;
  for (let attempt = 1; ; attempt += 1) {
    const before = await requireRest(folder);
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft, { recursive: true, mode: 0o700 });
    for (const part of parts) await copyTree(join(folder.path, part), join(draft, part));
    await copyDatabase(folder, join(draft, database));
    if ((await requireRest(folder)) === before) break;
    if (attempt === tries)
      throw new UserError('The cloud is too busy to be saved; try again when nothing is asked of it.');
  }
  await rm(place, { recursive: true, force: true });
  await rename(draft, place);
  console.log(`Saved as ${name}.`);
}

/** `unkai state load NAME`: the cloud is as it was when it was saved; what it is now is lost. */
export async function loadState(name: string, options: StateOptions): Promise<void> {
  const folder = new DataFolder(options.dataDir);
  const place = placeOf(folder, name);
  if (!existsSync(join(place, database))) throw new UserError(`There is no saved state ${name} (unkai state list).`);
  await replace(folder, async (draft) => {
    for (const part of parts) await copyTree(join(place, part), join(draft, part));
    await cp(join(place, database), join(draft, database));
  });
  console.log(`Loaded ${name}. Start it with: unkai up`);
}

/** `unkai state reset`: the cloud is new again. Its settings, the administrator's password and saved states stay. */
export async function resetState(options: StateOptions): Promise<void> {
  await replace(new DataFolder(options.dataDir), async () => {});
  console.log('The cloud is empty. Start it with: unkai up');
}

/** `unkai state list` */
export async function listStates(options: StateOptions): Promise<void> {
  const folder = statesOf(new DataFolder(options.dataDir));
  const names = existsSync(folder)
    ? readdirSync(folder).filter((name) => namePattern.test(name) && !name.endsWith('.new'))
    : [];
  if (names.length === 0) return console.log('No states are saved.');
  for (const name of names.sort()) console.log(`${(await stat(join(folder, name))).mtime.toISOString()}  ${name}`);
}

/** Puts what `fill` makes in the place of the cloud that is there, at once: the old one goes only when it is complete. */
async function replace(folder: DataFolder, fill: (draft: string) => Promise<void>): Promise<void> {
  requireCloud(folder);
  if (folder.running()) throw new UserError('The cloud runs. Stop it first: unkai down --guests');
  const lock = lockFolder(folder.path);
  try {
    await requireRest(folder);
    await unmountBelow(folder.path);
    const draft = join(folder.path, 'replacement');
    const old = join(folder.path, 'replaced');
    for (const path of [draft, old]) await rm(path, { recursive: true, force: true });
    await mkdir(draft, { mode: 0o700 });
    await mkdir(old, { mode: 0o700 });
    await fill(draft);
    for (const part of [...parts, database, `${database}-wal`, `${database}-shm`]) {
      const now = join(folder.path, part);
      if (existsSync(now)) await rename(now, join(old, part));
      if (existsSync(join(draft, part))) await rename(join(draft, part), now);
    }
    for (const path of [draft, old]) await rm(path, { recursive: true, force: true });
  } finally {
    lock.release();
  }
}

function requireCloud(folder: DataFolder): FolderSettings {
  const settings = folder.settings();
  if (!settings || !existsSync(folder.sqliteFile) || settings.database)
    throw new UserError(
      settings?.database
        ? 'The state of this cloud is in PostgreSQL: use its own tools to save it.'
        : `There is no cloud in ${folder.path} yet.`,
    );
  return settings;
}

/** Nothing is under way and no machine runs. Gives how far the cloud's history goes, to see whether it went on. */
async function requireRest(folder: DataFolder): Promise<string> {
  const { hypervisor } = requireCloud(folder);
  const db = new DatabaseSync(folder.sqliteFile, { readOnly: true, timeout: 5000 });
  try {
    const one = (sql: string) => (db.prepare(sql).get() as { n: number | null }).n ?? 0;
    const busy = one("select count(*) n from actions where finished_at is null and state <> 'parked'");
    if (busy > 0) throw new UserError(`${busy} actions are under way; try again when they have ended.`);
    const live = "deleted_at is null and vm_state in ('active', 'paused', 'rescued', 'resized')";
    const running =
      hypervisor === 'qemu' ? one(`select count(*) n from servers where ${live} and power_state <> 4`) : 0;
    if (running > 0)
      throw new UserError(
        `${running} virtual machines run, and their disks change meanwhile. First: unkai down --guests`,
      );
    return `${one('select count(*) n from actions')} ${one('select max(updated_at) n from images')}`;
  } finally {
    db.close();
  }
}

async function copyDatabase(folder: DataFolder, target: string): Promise<void> {
  const db = new DatabaseSync(folder.sqliteFile, { readOnly: true, timeout: 5000 });
  try {
    await backup(db, target);
  } finally {
    db.close();
  }
}

async function copyTree(from: string, to: string): Promise<void> {
  if (!existsSync(from)) return;
  // What hosts have mounted is not theirs alone.
  const args = ['--archive', '--one-file-system', '--reflink=auto', '--sparse=auto', '--', from, to];
  const { exitCode, stderr } = await runCommand(realEnv(), 'cp', args, { limits: { wallMs: 6 * 3600_000 } });
  if (exitCode !== 0) throw new UserError(`${from} could not be copied: ${stderr.trim()}`);
}

function placeOf(folder: DataFolder, name: string): string {
  if (!namePattern.test(name))
    throw new UserError(`${name} is no name for a state: letters, digits, ".", "_" and "-".`);
  return join(statesOf(folder), name);
}

function statesOf(folder: DataFolder): string {
  return join(folder.path, 'states');
}
