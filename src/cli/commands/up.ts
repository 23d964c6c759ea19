import { once } from 'node:events';
import { flushCompileCache } from 'node:module';
import { isIPv4 } from 'node:net';
import { resolve } from 'node:path';
import { AgentError } from '../../agent/contract.ts';
import type { NetworkKind } from '../../agent/network/open-network.ts';
import { FolderInUse } from '../../assembly/folder-lock.ts';
import type { StoreConfig } from '../../assembly/image-stores.ts';
import type { HostNetworksKind, HypervisorKind } from '../../assembly/open-unkai.ts';
import type { ServedUnkai } from '../../assembly/serve.ts';
import { parseCompliance } from '../../cloud/identity/security-compliance.ts';
import type { InternalSources } from '../../cloud/images/imports.ts';
import { SecretsLocked } from '../../cloud/secrets/sealing.ts';
import { goFirst } from '../../env/precedence.ts';
import { startInBackground } from '../background.ts';
import { DataFolder, type FolderSettings, type RunRecord } from '../data-folder.ts';
import { version } from '../defaults.ts';
import { openLog } from '../log.ts';
import { preparation } from '../machine.ts';
import { requireFreePort } from '../ports.ts';
import { thisProcess } from '../process-identity.ts';
import { ProgramBuild } from '../program-build.ts';
import { secretKeysOf } from '../secret-keys.ts';
import { readTokenKey } from '../token-key.ts';
import { UserError } from '../user-error.ts';
import { welcome } from '../welcome.ts';

export interface UpOptions {
  dataDir: string;
  port: number;
  listen: string;
  hypervisor?: HypervisorKind;
  /** Into how many hosts the machine is divided. */
  hosts?: number;
  /** The availability zones of new hosts. */
  zones?: string[];
  network?: NetworkKind;
  hostNetworks?: HostNetworksKind;
  /** At which address hosts on other machines reach this one. */
  tunnelAddress?: string;
  database?: string;
  /** Seconds. */
  reclaimInterval?: number;
  resizeConfirmWindow?: number;
  /** MiB per second. */
  liveMigrationBandwidth?: number;
  /** GiB. */
  imageCache?: number;
  resumeGuests?: 'yes' | 'no';
  /** Image stores, as `parseStore` reads them. */
  store: string[];
  /** Hosts that come back though they were taken out of the cloud. */
  readmitHost: string[];
  innerImageSources?: InternalSources;
  region?: string;
  /** A file. */
  tokenKey?: string;
  /** A file. */
  secretKeys?: string;
  /** Rules for passwords and sign-ins, `name=value` each. */
  securityCompliance: string[];
  /** Lets administrators inject faults, until the cloud is stopped. */
  enableFaults?: boolean;
  detach: boolean;
  /** This is the process that `--detach` started: it has no terminal, and what it needs is there. */
  background: boolean;
}

/** `unkai up` */
export async function up(options: UpOptions): Promise<void> {
  const folder = new DataFolder(options.dataDir);
  const running = folder.running();
  if (running) {
    console.log(`The cloud runs already (process ${running.pid}) at ${running.origin}`);
    return;
  }
  const stores = await readStores(options.store);
  const known = folder.settings();
  const settings: FolderSettings = {
    hypervisor: options.hypervisor ?? known?.hypervisor ?? 'qemu',
    hosts: hostsOf(options.hosts, known?.hosts),
    zones: options.zones ?? known?.zones,
    network: options.network ?? known?.network,
    hostNetworks: hostNetworksOf(options.hostNetworks, known),
    tunnelAddress: tunnelAddressOf(options.tunnelAddress, known),
    database: options.database ?? known?.database,
    reclaimInterval: options.reclaimInterval ?? known?.reclaimInterval,
    resizeConfirmWindow: options.resizeConfirmWindow ?? known?.resizeConfirmWindow,
    liveMigrationBandwidth: options.liveMigrationBandwidth ?? known?.liveMigrationBandwidth,
    imageCache: options.imageCache ?? known?.imageCache,
    resumeGuests: options.resumeGuests ?? known?.resumeGuests,
    innerImageSources: options.innerImageSources ?? known?.innerImageSources,
    region: regionOf(options.region) ?? known?.region,
    tokenKey: options.tokenKey === undefined ? known?.tokenKey : resolve(options.tokenKey),
    secretKeys: options.secretKeys === undefined ? known?.secretKeys : resolve(options.secretKeys),
    securityCompliance: complianceOf(options.securityCompliance, known?.securityCompliance),
  };
  if (!options.background) {
    if (options.port !== 0) await requireFreePort(options.listen, options.port);
    folder.make();
    const steps = preparation(folder, settings.hypervisor, known === undefined);
    if (steps.length > 0) await (await import('../steps.ts')).runSteps(steps);
  }
  const password = folder.ensureAdminPassword(process.env['UNKAI_ADMIN_PASSWORD']);
  const isNew = known === undefined;
  if (options.detach) {
    const record = await startInBackground(folder, options, settings);
    welcome({ folder, record, newPassword: await newPassword(folder, record, isNew), isDetached: true });
    return;
  }
  await runInForeground(folder, options, settings, { password, isNew, stores });
}

/** A cloud may get more hosts, but not fewer: servers are on them. */
function hostsOf(wanted: number | undefined, known: number | undefined): number | undefined {
  if (wanted !== undefined && wanted < (known ?? 1))
    throw new UserError(`This cloud has ${known} hosts, and servers may be on any of them: it can't have ${wanted}.`);
  return wanted ?? known;
}

/** Names in catalogs stand in URLs and in clients' environments. */
function regionOf(name: string | undefined): string | undefined {
  if (name === undefined || /^[\w.-]{1,255}$/.test(name)) return name;
  throw new UserError(`A region's name has letters, digits and ._- only: ${name}`);
}

/** Devices of guests that run are named after it. */
function hostNetworksOf(wanted: HostNetworksKind | undefined, known: FolderSettings | undefined) {
  const before = known?.hostNetworks ?? 'shared';
  if (wanted !== undefined && wanted !== before && (known?.hosts ?? 1) > 1)
    throw new UserError(`The hosts of this cloud have ${before} networks: that can't be changed any more.`);
  return wanted ?? known?.hostNetworks;
}

/** `none` takes back what was said before. */
function tunnelAddressOf(wanted: string | undefined, known: FolderSettings | undefined): string | undefined {
  if (wanted === undefined) return known?.tunnelAddress;
  if (wanted === 'none') return undefined;
  if (isIPv4(wanted) && wanted !== '0.0.0.0' && !wanted.startsWith('127.')) return wanted;
  throw new UserError(
    `--tunnel-address ${wanted}: say the IPv4 address of this machine at which other machines reach it, or none.`,
  );
}

/** The rules that there were, with the changes. */
function complianceOf(
  texts: readonly string[],
  known: Record<string, string> = {},
): Record<string, string> | undefined {
  const rules = { ...known };
  for (const text of texts) {
    const [, name = '', value = ''] = /^(\w+)=(.*)$/.exec(text) ?? [];
    if (name === '') throw new UserError(`--security-compliance ${text}: it must be a rule's name, = and its value.`);
    rules[name] = value;
  }
  const wanted = Object.fromEntries(Object.entries(rules).filter(([, value]) => value !== ''));
  try {
    parseCompliance(wanted);
  } catch (error) {
    throw new UserError(`--security-compliance: ${(error as Error).message}`);
  }
  return Object.keys(wanted).length === 0 ? undefined : wanted;
}

/** What is written wrongly is said before anything is begun. */
async function readStores(texts: readonly string[]): Promise<StoreConfig[]> {
  if (texts.length === 0) return [];
  const { parseStore } = await import('../../assembly/image-stores.ts');
  try {
    return texts.map(parseStore);
  } catch (error) {
    throw new UserError((error as Error).message);
  }
}

async function runInForeground(
  folder: DataFolder,
  options: UpOptions,
  settings: FolderSettings,
  admin: { password: string; isNew: boolean; stores: StoreConfig[] },
): Promise<void> {
  const stopSignal = waitForStop();
  const watcher = options.background ? undefined : process.stdout;
  const server = await open(folder, options, settings, admin, watcher);
  goFirst();
  const record = {
    ...thisProcess(),
    origin: server.origin,
    listen: options.listen,
    port: server.port,
    hypervisor: settings.hypervisor,
    database: settings.database ? ('postgres' as const) : ('sqlite' as const),
    version,
    startedAt: new Date().toISOString(),
  };
  folder.keepSettings(settings);
  folder.keepRunRecord(record);
  if (!options.background) {
    welcome({ folder, record, newPassword: await newPassword(folder, record, admin.isNew), isDetached: false });
  }
  const build = new ProgramBuild();
  build.start();
  // Also for a process that is killed later on: its successor finds the compiled code.
  flushCompileCache();
  const signal = await stopSignal;
  build.stop();
  server.cloud.log.info({ signal }, 'stopping; virtual machines go on running');
  await server.close();
  folder.dropRunRecord();
  server.cloud.log.info({}, 'stopped');
  process.exit(0);
}

async function open(
  folder: DataFolder,
  options: UpOptions,
  settings: FolderSettings,
  { password: adminPassword, stores }: { password: string; stores: StoreConfig[] },
  watcher: NodeJS.WritableStream | undefined,
): Promise<ServedUnkai> {
  const { serveUnkai } = await import('../../assembly/serve.ts');
  const { ensureTinyLinux } = await import('../../assembly/tinylinux.ts');
  const log = openLog(folder.logFile, watcher);
  try {
    return await serveUnkai({
      ...settings,
      settings: {
        reclaimInterval: settings.reclaimInterval ?? 0,
        resizeConfirmWindow: settings.resizeConfirmWindow ?? 0,
        liveMigrationBandwidth: (settings.liveMigrationBandwidth ?? 0) * 2 ** 20,
        resumeGuests: settings.resumeGuests === 'yes',
        securityCompliance: parseCompliance(settings.securityCompliance ?? {}),
        ...(settings.region === undefined ? {} : { region: settings.region }),
        ...(settings.tokenKey === undefined ? {} : { tokenKey: readTokenKey(settings.tokenKey) }),
        secretKeys: secretKeysOf(folder, settings),
        ...(settings.imageCache === undefined ? {} : { imageCacheBytes: settings.imageCache * 2 ** 30 }),
      },
      dataDir: folder.path,
      adminPassword,
      images: { internalSources: settings.innerImageSources },
      imageStores: stores,
      readmittedHosts: options.readmitHost,
      listen: options.listen,
      port: options.port,
      log,
      console: true,
      faults: options.enableFaults,
      async beforeListening(cloud) {
        await ensureTinyLinux(cloud, { cacheDir: folder.cacheDir }).catch((err) =>
          log.warn({ err }, 'TinyLinux could not be put into the cloud'),
        );
      },
    });
  } catch (error) {
    log.error({ err: error }, 'the cloud could not be started');
    throw explained(error, settings);
  }
}

/** The password to show once. A cloud that was in the database before has another one, which only its owner knows. */
async function newPassword(folder: DataFolder, record: RunRecord, isNew: boolean): Promise<string | undefined> {
  const password = folder.adminPassword();
  if (!isNew || !password) return undefined;
  if (record.database === 'sqlite') return password;
  const { OpenStackClient } = await import('../clients/openstack-client.ts');
  try {
    await OpenStackClient.signIn(record.origin, { user: 'admin', password });
    return password;
  } catch {
    folder.forgetAdminPassword();
    console.log(
      `The database holds a cloud already. Put its administrator's password into ${folder.passwordFile}, for unkai openrc.`,
    );
    return undefined;
  }
}

/** Failures that the user can put right, in words that say how. */
function explained(error: unknown, settings: FolderSettings): unknown {
  const { code, message, cause } = error as NodeJS.ErrnoException & { cause?: unknown };
  const say = (words: string) => new UserError(words, { cause: error });
  if (error instanceof FolderInUse || error instanceof SecretsLocked) return say(message);
  if (error instanceof AgentError && code === 'unsupported') {
    const advice = settings.tunnelAddress ? ' Choose another one with --tunnel-address ADDRESS, or none.' : '';
    return say(`${message}.${advice}`);
  }
  if (code === 'EADDRINUSE') return say(`${message}. Choose another port with --port N.`);
  if (settings.database && code && isDatabaseFailure.test(code)) {
    const { host, pathname } = new URL(settings.database);
    return say(`The database ${pathname.slice(1)} on ${host || 'this machine'} can't be used: ${message || code}`);
  }
  const further = cause instanceof Error ? explained(cause, settings) : undefined;
  return further instanceof UserError ? further : error;
}

/** Of the network, and PostgreSQL's classes for connections, authorisation, unknown databases and shutdowns. */
const isDatabaseFailure = /^(ECONN|ENOTFOUND|EAI_|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOENT|08|28|3D|57P)/;

/** Resolves with the first signal that asks to stop. A second one ends the process at once, which loses nothing. */
async function waitForStop(): Promise<string> {
  const signals = ['SIGINT', 'SIGTERM'] as const;
  const given = new AbortController();
  const signal = await Promise.race(
    signals.map(async (name) => {
      await once(process, name, { signal: given.signal }).catch(() => {});
      return name;
    }),
  );
  given.abort();
  for (const name of signals) process.once(name, () => process.exit(1));
  return signal;
}
