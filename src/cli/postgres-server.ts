import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findProgram } from '../../guest/requirements.ts';
import { removeFolder } from './machine.ts';
import { findPostgresBinaries } from './prerequisites.ts';

export interface PostgresServer {
  /** Of its database `postgres`, as a superuser, over a socket that only this machine reaches. */
  url: string;
  stop(): Promise<void>;
}

/** The server never runs as root: then it is one of these users. */
const unprivilegedUsers = ['postgres', 'nobody'];
const startLimitMs = 60_000;

/** What speed costs nothing: the data goes with the server. */
const settings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '400',
  listen_addresses: '',
  autovacuum: 'off',
};

/** Starts a PostgreSQL of the machine's newest version on a folder of its own. Undefined when there is none. */
export async function startPostgres(): Promise<PostgresServer | undefined> {
  const binaries = findPostgresBinaries();
  if (!binaries) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'unkai-postgres-'));
  let server: ChildProcess | undefined;
  try {
    const as = await runAs(folder);
    const data = join(folder, 'data');
    await run([
      ...as,
      `${binaries}/initdb`,
      '-D',
      data,
      '-U',
      'postgres',
      '-A',
      'trust',
      '--no-sync',
      '-E',
      'UTF8',
      '--locale=C',
    ]);
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const [program, ...args] = [...as, `${binaries}/postgres`, '-D', data, '-k', folder, ...options];
    server = spawn(program!, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    await untilReady(server, join(data, 'postmaster.pid'));
  } catch (error) {
    await stop(server, folder);
    throw error;
  }
  const url = `postgres://postgres@localhost/postgres?host=${encodeURIComponent(folder)}`;
  return { url, stop: () => stop(server, folder) };
}

/** SIGINT is PostgreSQL's fast shutdown. */
async function stop(server: ChildProcess | undefined, folder: string): Promise<void> {
  if (server && server.exitCode === null && server.signalCode === null) {
    server.kill('SIGINT');
    await once(server, 'exit');
  }
  removeFolder(folder);
}

/** The command before the command: for root another user, and for all the server's end when this process dies. */
async function runAs(folder: string): Promise<string[]> {
  const setpriv = findProgram('setpriv');
  if (process.getuid?.() !== 0) return setpriv ? [setpriv, '--pdeathsig', 'INT'] : [];
  if (!setpriv) throw new Error('PostgreSQL does not run as root, and setpriv (package util-linux) is missing');
  const user = await firstUser(unprivilegedUsers);
  await chown(folder, user.uid, user.gid);
  const ids = ['--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups'];
  return [setpriv, ...ids, '--pdeathsig', 'INT'];
}

async function firstUser(names: readonly string[]): Promise<{ uid: number; gid: number }> {
  const accounts = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  for (const name of names) {
    const account = accounts.find(([known]) => known === name);
    if (account) return { uid: Number(account[2]), gid: Number(account[3]) };
  }
  throw new Error(`PostgreSQL does not run as root, and there is no user ${names.join(' or ')}`);
}

async function run([program, ...args]: string[]): Promise<void> {
  const child = spawn(program!, args, { cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (data) => {
    said += data;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${program} failed: ${said.slice(0, 1000)}`);
}

/** The last line of its lock file says what a PostgreSQL does. */
async function untilReady(server: ChildProcess, lockFile: string): Promise<void> {
  let said = '';
  server.stderr!.on('data', (data) => {
    said = (said + data).slice(-2000);
  });
  const deadline = performance.now() + startLimitMs;
  while (!(await readFile(lockFile, 'utf8').catch(() => '')).includes('\nready')) {
    if (server.exitCode !== null) throw new Error(`PostgreSQL ended at once: ${said}`);
    if (performance.now() > deadline) throw new Error(`PostgreSQL did not start: ${said}`);
    await sleep(20);
  }
}
