import { mkdir } from 'node:fs/promises';
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

export type HypervisorKind = 'qemu' | 'simulated';

export interface UnkaiOptions {
  /** Where everything is kept that is not in a database of its own. */
  dataDir: string;
  hypervisor: HypervisorKind;
  /** How guests of QEMU get their networks. Default: `bridge` where this machine can, else `user`. */
  network?: NetworkKind;
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

/** Opens a whole cloud on this machine: its database, its hypervisor host, its engine. The API is put on top of it. */
export async function openUnkai(options: UnkaiOptions): Promise<OpenedUnkai> {
  const { dataDir, log } = options;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const lock = lockFolder(dataDir);
  try {
    const env = realEnv();
    const db = await openDatabase(options);
    const host = await openHost(options, env);
    const agents = [{ name: host.name, agent: options.wrapAgent?.(host.agent) ?? host.agent }];
    const { cloud, close } = await openCloud({
      db: withDryRuns(options.wrapDatabase?.(db) ?? db),
      env,
      log,
      settings: { ...defaultSettings, ...options.settings },
      hosts: agents,
      imageDirectory: join(dataDir, 'images'),
      adminPassword: options.adminPassword,
      images: options.images,
      faults: options.faults,
    });
    await ensureImageStores(cloud, options.imageStores ?? []);
    return {
      cloud,
      env,
      agents,
      async close() {
        await close();
        await host.agent.close();
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

async function openHost(
  { hypervisor, dataDir, log, network: kind }: UnkaiOptions,
  env: Env,
): Promise<{ name: string; agent: HostAgent }> {
  const directory = join(dataDir, 'hosts', hypervisor);
  await mkdir(directory, { recursive: true });
  if (hypervisor === 'qemu') {
    const { openNetworkDriver } = await import('../agent/network/open-network.ts');
    const { openQemuHost } = await import('../agent/hypervisor/qemu/qemu-host.ts');
    const network = await openNetworkDriver(env, log, directory, kind);
    const { driver, reason } = network.networking;
    log.info(
      { driver, reason },
      driver === 'user' ? 'user networking: guests have no common networks' : 'bridge networking',
    );
    const agent = await openQemuHost({ directory, env, log, network });
    return { name: (await agent.describe()).hostname, agent };
  }
  const { openSimulatedHost } = await import('../agent/hypervisor/simulated/simulated-host.ts');
  log.warn({}, 'SIMULATED HYPERVISOR: servers are only records here, no virtual machine ever runs');
  return { name: 'simulated', agent: await openSimulatedHost({ directory, env, hostname: 'simulated' }) };
}
