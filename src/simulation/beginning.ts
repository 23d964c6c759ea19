import { openSimulatedHost, type SimulatedHost } from '../agent/hypervisor/simulated/simulated-host.ts';
import type { CloudCore } from '../cloud/core.ts';
import { operator } from '../cloud/identity/subject.ts';
import { type CloudOptions, openCloud } from '../cloud/open-cloud.ts';
import { defaultSettings } from '../cloud/settings.ts';
import { contentsOf, openSqlite } from '../database/sqlite.ts';
import type { Env } from '../env/env.ts';
import { VirtualTime } from '../env/simulated.ts';
import { MemoryStore, NoBackups, StoredFiles } from './memory-store.ts';

const gibibyte = 2 ** 30;
const hostCount = 3;

/** What every run begins with. */
export interface Beginning {
  contents: Uint8Array;
  images: ReadonlyMap<string, Buffer>;
  imageIds: readonly string[];
}

let made: Promise<Beginning> | undefined;

/**
 * A cloud with three hosts and two images, made once: its password hash takes a thread, which nothing of a run may. The
 * same in each process, as its ids come from a seed.
 */
export function beginning(): Promise<Beginning> {
  made ??= make();
  return made;
}

async function make(): Promise<Beginning> {
  const time = new VirtualTime({ seed: 0 });
  const env = time.env();
  const db = await openSqlite(':memory:');
  const stored = new StoredFiles(() => time.now);
  const hosts = await openHosts(env, stored);
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const agents = hosts.map((agent, index) => ({ name: `host-${index}`, agent }));
  const { cloud, close } = await openCloud(cloudOptions({ db, env, log, hosts: agents, stored }));
  const imageIds: string[] = [];
  for (const name of ['first', 'second']) {
    const wanted = { name, diskFormat: 'qcow2', containerFormat: 'bare', visibility: 'public' } as const;
    const { id } = await cloud.images.create(operator(), wanted);
    await cloud.images.upload(operator(), id, [stored.emptyDisk(gibibyte)] as never);
    imageIds.push(id);
  }
  await close();
  const contents = contentsOf(db);
  await db.close();
  return { contents, imageIds, images: new Map([...stored.files].map(([path, { bytes }]) => [path, bytes])) };
}

/** Small ones, so that they run full now and then. */
export async function openHosts(env: Env, files: StoredFiles): Promise<SimulatedHost[]> {
  const capacity = { vcpus: 2, memoryMb: 2048, diskGb: 40 };
  return await Promise.all(
    Array.from({ length: hostCount }, (_, index) =>
      openSimulatedHost({ env, capacity, files, hostname: `host-${index}` }),
    ),
  );
}

/** How the engine is opened in a simulation. */
export function cloudOptions(
  options: Pick<CloudOptions, 'db' | 'env' | 'hosts'> & { log: CloudCore['log']; stored: StoredFiles },
): CloudOptions {
  const { stored, ...rest } = options;
  return {
    ...rest,
    settings: { ...defaultSettings, imageRetention: 600, shutdownGrace: 0 },
    imageDirectory: '/simulated-store',
    adminPassword: 'secret',
    // Fewer looks at the clock in each hour; one process has all actions anyway.
    leaseMs: 60_000,
    backups: new NoBackups('/simulated-backups'),
    openStore: async ({ name }) => new MemoryStore(name, stored),
  };
}
