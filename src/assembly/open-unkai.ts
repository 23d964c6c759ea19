import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { HostAgent } from '../agent/contract.ts';
import type { NetworkKind } from '../agent/network/open-network.ts';
import type { Cloud } from '../cloud/cloud.ts';
import type { Log } from '../cloud/core.ts';
import type { ImagesOptions } from '../cloud/images/images.ts';
import { openCloud } from '../cloud/open-cloud.ts';
import { type CloudSettings, defaultSettings } from '../cloud/settings.ts';
import type { Database } from '../database/database.ts';
import { withDryRuns } from '../database/dry-run.ts';
import { openSqlite } from '../database/sqlite.ts';
import type { Env } from '../env/env.ts';
import { realEnv } from '../env/real.ts';
import { lockFolder } from './folder-lock.ts';
import { ensureImageStores, type StoreConfig } from './image-stores.ts';
import { openMachines } from './machines.ts';

export type HypervisorKind = 'qemu' | 'simulated';

/** Whether hosts share their networks, as those of one machine can, or join them by VXLAN, as those of several must. */
export type HostNetworksKind = 'shared' | 'vxlan';

export interface UnkaiOptions {
  /** Where everything is kept that is not in a database of its own. */
  dataDir: string;
  hypervisor: HypervisorKind;
  /** Into how many hosts this machine is divided. Default: 1. */
  hosts?: number;
  /** The availability zones of hosts, in their order and over again. One that the cloud knows stays where it is. */
  zones?: readonly string[];
  /** Hosts that come back though they were taken out of the cloud, by name. */
  readmittedHosts?: readonly string[];
  /** How guests of QEMU get their networks. Default: `bridge` where this machine can, else `user`. */
  network?: NetworkKind;
  hostNetworks?: HostNetworksKind;
  /** At which address hosts on other machines reach this one: then there can be such. */
  tunnelAddress?: string;
  /** Used when the cloud is new. */
  adminPassword: string;
  /** A `postgres://` URL; SQLite in the data folder when there is none. */
  database?: string;
  log: Log;
  settings?: Partial<CloudSettings>;
  images?: ImagesOptions;
  /** Image stores besides the first one, which is a folder of this machine. */
  imageStores?: readonly StoreConfig[];
  /** Lets administrators inject faults. */
  faults?: boolean;
  /** Stands between the engine and its hosts, for tests that let them fail. */
  wrapAgent?: (agent: HostAgent) => HostAgent;
  /** Stands between the engine and its database, likewise. */
  wrapDatabase?: (db: Database) => Database;
}

export interface OpenedUnkai {
  cloud: Cloud;
  env: Env;
  agents: ReadonlyArray<{ name: string; agent: HostAgent }>;
  /** Stops the control plane. Guests go on running. */
  close(): Promise<void>;
}

/** Opens a whole cloud on this machine: its database, its hypervisor hosts, its engine. The API is put on top of it. */
export async function openUnkai(options: UnkaiOptions): Promise<OpenedUnkai> {
  const { dataDir, log } = options;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const lock = lockFolder(dataDir);
  try {
    const env = realEnv();
    const db = await openDatabase(options);
    const hosts = await openHosts(options, env);
    const machines = await openMachines(env, options);
    const { zones = [] } = options;
    const agents = hosts.map(({ name, agent }, index) => ({
      name,
      agent: options.wrapAgent?.(machines.beside(agent)) ?? machines.beside(agent),
      ...(zones.length > 0 ? { zone: zones[index % zones.length] } : {}),
    }));
    const { cloud, close } = await openCloud({
      db: withDryRuns(options.wrapDatabase?.(db) ?? db),
      env,
      log,
      settings: { ...defaultSettings, ...options.settings },
      hosts: agents,
      readmitted: options.readmittedHosts,
      openFarAgent: machines.open,
      controlPlane: hostname(),
      imageDirectory: join(dataDir, 'images'),
      adminPassword: options.adminPassword,
      images: { objectFolder: join(dataDir, 'objects'), ...options.images },
      faults: options.faults,
    });
    await ensureImageStores(cloud, options.imageStores ?? []);
    return {
      cloud,
      env,
      agents,
      async close() {
        await close();
        for (const { agent } of hosts) await agent.close();
        await db.close();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

// What a cloud does not use is not loaded: a start costs less, and the idle process takes less memory.
async function openDatabase({ database, dataDir }: UnkaiOptions): Promise<Database> {
  if (!database) return await openSqlite(join(dataDir, 'unkai.sqlite'));
  const { openPostgres } = await import('../database/postgres.ts');
  return await openPostgres(database);
}

type OpenedHosts = Array<{ name: string; agent: HostAgent }>;

async function openHosts(options: UnkaiOptions, env: Env): Promise<OpenedHosts> {
  const numbers = Array.from({ length: options.hosts ?? 1 }, (_, index) => index + 1);
  return options.hypervisor === 'qemu'
    ? openQemuHosts(options, env, numbers)
    : openSimulatedHosts(options, env, numbers);
}

/** The first host is named, and kept, as the only one would be. */
const numbered = (name: string, number: number) => (number === 1 ? name : `${name}-${number}`);

/** Where hosts of one machine reach each other. */
const loopback = { address: '127.0.0.1' };

/** All hosts of a machine are on the same networks, those that the first one has, or reach each other by tunnels. */
async function openQemuHosts(options: UnkaiOptions, env: Env, numbers: readonly number[]): Promise<OpenedHosts> {
  const { dataDir, log, network: kind, hostNetworks, tunnelAddress } = options;
  const areApart = hostNetworks === 'vxlan';
  const ownEnd = tunnelAddress === undefined ? undefined : { address: tunnelAddress };
  const tunnel = ownEnd ?? (areApart ? loopback : undefined);
  const { openNetworkDriver } = await import('../agent/network/open-network.ts');
  const { openQemuHost } = await import('../agent/hypervisor/qemu/qemu-host.ts');
  const folder = (number: number) => join(dataDir, 'hosts', numbered('qemu', number));
  await mkdir(folder(1), { recursive: true });
  const open = (number: number) => openNetworkDriver(env, log, folder(number), kind, tunnel);
  const network = await open(1);
  const { driver, reason } = network.networking;
  log.info(
    { driver, reason },
    driver === 'user' ? 'user networking: guests have no common networks' : 'bridge networking',
  );
  const hosts: OpenedHosts = [];
  for (const number of numbers) {
    const agent = await openQemuHost({
      directory: folder(number),
      hostname: numbered(hostname(), number),
      env,
      log,
      network: number === 1 ? network : areApart ? await open(number) : (network.forSeat?.(number - 1) ?? network),
      sharers: numbers.length,
    });
    hosts.push({ name: (await agent.describe()).hostname, agent });
  }
  return hosts;
}

async function openSimulatedHosts({ dataDir, log }: UnkaiOptions, env: Env, numbers: readonly number[]) {
  const { openSimulatedHost } = await import('../agent/hypervisor/simulated/simulated-host.ts');
  log.warn({}, 'SIMULATED HYPERVISOR: servers are only records here, no virtual machine ever runs');
  const hosts: OpenedHosts = [];
  for (const number of numbers) {
    const name = numbered('simulated', number);
    const directory = join(dataDir, 'hosts', name);
    await mkdir(directory, { recursive: true });
    hosts.push({ name, agent: await openSimulatedHost({ directory, env, hostname: name }) });
  }
  return hosts;
}
