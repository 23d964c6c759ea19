import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { NetworkKind } from '../agent/network/open-network.ts';
import type { HostNetworksKind, HypervisorKind } from '../assembly/open-unkai.ts';
import type { InternalSources } from '../cloud/images/imports.ts';
import { isAlive, type ProcessIdentity } from './process-identity.ts';
import { UserError } from './user-error.ts';

/** What a data folder is used with: kept, because another choice at the next start would be another cloud. */
export interface FolderSettings {
  hypervisor: HypervisorKind;
  /** Into how many hosts the machine is divided; absent for 1. */
  hosts?: number;
  /** The availability zones of new hosts; absent for the default one. */
  zones?: string[];
  /** Absent for what the machine can. */
  network?: NetworkKind;
  /** Absent for `shared`. */
  hostNetworks?: HostNetworksKind;
  tunnelAddress?: string;
  /** A `postgres://` URL. */
  database?: string;
  /** How long deleted servers can be restored, seconds; absent for not at all. */
  reclaimInterval?: number;
  /** After how many seconds a resize counts as confirmed; absent for never. */
  resizeConfirmWindow?: number;
  /** How fast guests are sent to other hosts while they run, MiB per second; absent for as fast as it goes. */
  liveMigrationBandwidth?: number;
  /** How much of images a host keeps, GiB; absent for 100. */
  imageCache?: number;
  /** Whose imports may fetch from inner networks; absent for administrators'. */
  innerImageSources?: InternalSources;
  /** The region's name in the catalog; absent for RegionOne. */
  region?: string;
  /** The file with which tokens are signed; absent where the cloud has made up a key. */
  tokenKey?: string;
  /** The file with which secrets in the database are encrypted; absent for one in the folder, or none with PostgreSQL. */
  secretKeys?: string;
  /** Rules for passwords and sign-ins by Keystone's names, as they were written; absent for none. */
  securityCompliance?: Record<string, string>;
  /** Whether guests run again once their host is back from a power loss; absent for no. */
  resumeGuests?: 'yes' | 'no';
}

/** The control plane that serves the folder now. */
export interface RunRecord extends ProcessIdentity {
  /** Where this machine reaches it. */
  origin: string;
  listen: string;
  port: number;
  hypervisor: HypervisorKind;
  database: 'sqlite' | 'postgres';
  version: string;
  /** ISO 8601. */
  startedAt: string;
}

/** A cloud's data folder, as the command line uses it. */
export class DataFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = resolve(path);
  }

  get logFile(): string {
    return join(this.path, 'logs', 'unkai.log');
  }

  get cacheDir(): string {
    return join(this.path, 'cache');
  }

  get passwordFile(): string {
    return join(this.path, 'secrets', 'admin-password');
  }

  get secretKeysFile(): string {
    return join(this.path, 'secrets', 'database-keys');
  }

  get sqliteFile(): string {
    return join(this.path, 'unkai.sqlite');
  }

  /** Makes the folder, for its owner only, where there is none. */
  make(): void {
    if (!statSync(this.path, { throwIfNoEntry: false })?.isDirectory()) makeFolder(this.path);
  }

  /** Undefined before the folder's first start. */
  settings(): FolderSettings | undefined {
    return readJson<FolderSettings>(join(this.path, 'settings.json'));
  }

  keepSettings(settings: FolderSettings): void {
    writePrivately(join(this.path, 'settings.json'), `${JSON.stringify(settings, undefined, 2)}\n`);
  }

  /** The control plane that runs on this folder, if one does; what is left of one that died doesn't count. */
  running(): RunRecord | undefined {
    const record = readRunRecord(join(this.path, 'run.json'));
    return record && isAlive(record) ? record : undefined;
  }

  keepRunRecord(record: RunRecord): void {
    writePrivately(join(this.path, 'run.json'), `${JSON.stringify(record, undefined, 2)}\n`);
  }

  dropRunRecord(): void {
    rmSync(join(this.path, 'run.json'), { force: true });
  }

  adminPassword(): string | undefined {
    if (!existsSync(this.passwordFile)) return undefined;
    return readFileSync(this.passwordFile, 'utf8').trim();
  }

  /** The administrator's password; makes one, or takes the one given, where the folder has none. */
  ensureAdminPassword(given: string | undefined): string {
    const known = this.adminPassword();
    if (known) return known;
    const password = given || randomBytes(12).toString('hex');
    writePrivately(this.passwordFile, `${password}\n`);
    return password;
  }

  /** The folder's own file of keys for secrets in the database; made where there is none. */
  ensureSecretKeys(): string {
    if (!existsSync(this.secretKeysFile)) {
      writePrivately(this.secretKeysFile, `${randomBytes(32).toString('hex')}\n`);
    }
    return this.secretKeysFile;
  }

  forgetAdminPassword(): void {
    rmSync(this.passwordFile, { force: true });
  }
}

/** With those above it. Node's own way of that never ends where a folder is there but takes none, as /proc. */
function makeFolder(path: string): void {
  if (!existsSync(dirname(path))) makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (!(error instanceof SyntaxError)) throw error;
    const words = `${path} is damaged: ${error.message}. Bring it back from a backup, or delete it to choose again.`;
    throw new UserError(words, { cause: error });
  }
}

/** A record that is no JSON was cut by a power loss, which the control plane that it tells of has not outlived. */
function readRunRecord(path: string): RunRecord | undefined {
  try {
    return readJson<RunRecord>(path);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Whole or not at all, whatever happens to the machine, and for its owner only. */
function writePrivately(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.new`, content, { mode: 0o600, flush: true });
  renameSync(`${path}.new`, path);
}
