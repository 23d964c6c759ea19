import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AnyAction } from '../../src/actions/definition.ts';
import type { HostAgent } from '../../src/agent/contract.ts';
import { emptyQcow2 } from '../../src/agent/disks/qcow2-header.ts';
import { type MishapOf, serveOverUnsteadyLine, type UnsteadyHost } from '../../src/agent/far/unsteady-line.fixture.ts';
import {
  type AgentVerb,
  openSimulatedHost,
  type SimulatedHost,
} from '../../src/agent/hypervisor/simulated/simulated-host.ts';
import { auditCloud, type Finding } from '../../src/cloud/audit/audit.ts';
import type { Cloud } from '../../src/cloud/cloud.ts';
import { operator, type Subject } from '../../src/cloud/identity/subject.ts';
import { allActions, openCloud } from '../../src/cloud/open-cloud.ts';
import { removeStaleGuests } from '../../src/cloud/servers/stale-guests.ts';
import { type CloudSettings, defaultSettings } from '../../src/cloud/settings.ts';
import { reapDisks } from '../../src/cloud/volumes/disk-reaper.ts';
import type { Database } from '../../src/database/database.ts';

import type { Env } from '../../src/env/env.ts';
import { realEnv } from '../../src/env/real.ts';
import type { KillableProcess } from '../support/killable.ts';
import { openEmptySqlite } from '../support/postgres.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const gibibyte = 2 ** 30;

/** What the host answers instead, or nothing for it to do as it is told. */
export type HostFault = (verb: AgentVerb, args: readonly unknown[]) => Error | undefined;

/** Whether it is an action that asks this of the host, rather than a reconciler or the audit. */
export function isAsked(verb: AgentVerb): boolean {
  return verb !== 'inventory' && verb !== 'describe';
}

export interface WorldOptions {
  db?: Database;
  /** Of each host. */
  capacity?: { vcpus: number; memoryMb: number; diskGb: number };
  /** How many hosts there are. Default: 1. */
  hosts?: number;
  /** What happens on the lines to the hosts, which are on other machines then. */
  mishapOf?: MishapOf;
}

export interface EngineOptions {
  /** Instead of the real ones. */
  actions?: readonly AnyAction[];
  /** How long a hold on an action lasts. */
  leaseMs?: number;
  settings?: Partial<CloudSettings>;
  /** The process in which the engine runs, and with which it dies. */
  process?: KillableProcess;
}

/**
 * All that outlives a control plane: a database, a simulated host and an image store. Engines come and go over it.
 * Pauses between tries are cut short; all else is real.
 */
export class World implements AsyncDisposable {
  readonly db: Database;
  readonly hosts: readonly SimulatedHost[];
  readonly env: Env = worldEnv(() => this.#skipped);
  /** Asked before and after the host does something. */
  readonly faults: { before?: HostFault; after?: HostFault };
  /** Two images of a gigabyte, made once; a third is in a folder, to be fetched. */
  readonly imageIds: string[] = [];
  readonly folder: string;
  readonly #lines: readonly UnsteadyHost[];
  #engine: Awaited<ReturnType<typeof openCloud>> | undefined;
  #requests = 0;
  #isSpecial = false;
  #skipped = 0;

  private constructor(
    db: Database,
    hosts: readonly SimulatedHost[],
    lines: readonly UnsteadyHost[],
    faults: World['faults'],
    folder: string,
  ) {
    this.#lines = lines;
    this.db = db;
    this.hosts = hosts;
    this.faults = faults;
    this.folder = folder;
  }

  static async open(options: WorldOptions = {}): Promise<World> {
    const db = options.db ?? (await openEmptySqlite());
    const faults: World['faults'] = {};
    const openHost = () =>
      openSimulatedHost({
        env: realEnv(),
        capacity: options.capacity,
        faults: (verb, args) => faults.before?.(verb, args),
        lostAnswers: (verb, args) => faults.after?.(verb, args),
      });
    const hosts = await Promise.all(Array.from({ length: options.hosts ?? 1 }, openHost));
    const lines = options.mishapOf ? await connectTo(hosts, options.mishapOf) : [];
    const world = new World(db, hosts, lines, faults, await mkdtemp(join(tmpdir(), 'unkai-world-')));
    await world.start();
    for (const name of ['first', 'second']) {
      const image = { name, diskFormat: 'qcow2', containerFormat: 'bare', visibility: 'public' } as const;
      const { id } = await world.cloud.images.create(world.subject, image);
      await world.cloud.images.upload(world.subject, id, pieces(emptyQcow2(gibibyte)));
      world.imageIds.push(id);
    }
    return world;
  }

  /** The only host, or the first of several. */
  get host(): SimulatedHost {
    return this.hosts[0]!;
  }

  get cloud(): Cloud {
    if (!this.#engine) throw new Error('no engine is running');
    return this.#engine.cloud;
  }

  /** The administrator, with a request of its own each time. */
  get subject(): Subject {
    this.#requests += 1;
    return operator(`req-00000000-0000-4000-8000-${String(this.#requests).padStart(12, '0')}`);
  }

  /** A control plane begins to work over what there is. */
  async start({ actions, process, leaseMs, settings }: EngineOptions = {}): Promise<void> {
    this.#isSpecial = process !== undefined || (actions !== undefined && actions !== allActions);
    this.#engine = await openCloud({
      db: process?.database(this.db) ?? this.db,
      env: this.env,
      log: silent,
      settings: { ...defaultSettings, imageRetention: 3600, shutdownGrace: 0, ...settings },
      hosts: this.hosts.map((host, index) => {
        const agent: HostAgent = this.#lines[index]?.agent ?? host;
        return { name: index === 0 ? 'host' : `host-${index + 1}`, agent: process?.wrap(agent) ?? agent };
      }),
      imageDirectory: join(this.folder, 'images'),
      adminPassword: 'secret',
      images: { internalSources: 'everyone' },
      actions,
      leaseMs,
    });
  }

  /** The control plane ends, in order or (where its process is dead) not. */
  async stop(): Promise<void> {
    await this.#engine?.close();
    this.#engine = undefined;
  }

  async restart(options?: EngineOptions): Promise<void> {
    await this.stop();
    await this.start(options);
  }

  /** An engine runs in which nothing was made to fail. */
  async restartIfSpecial(): Promise<void> {
    if (this.#isSpecial) await this.restart();
  }

  /** Lets time pass at once. What other processes hold lapses meanwhile. */
  skip(seconds: number): void {
    this.#skipped += seconds * 1_000_000;
  }

  async wait(actionId: string) {
    const outcome = await this.cloud.runner.wait(actionId, { timeoutMs: 120_000 });
    if (!outcome) throw new Error(`the action ${actionId} did not end`);
    return outcome;
  }

  /** As `wait`, for what has to succeed. */
  async done(begun: Promise<{ actionId?: string }> | { actionId?: string }): Promise<void> {
    const { actionId } = await begun;
    const { state, failure } = await this.wait(actionId!);
    if (state !== 'succeeded') throw new Error(`it ended ${state}: ${failure?.message}\n${failure?.traceback}`);
  }

  /** Nothing is under way any more, and the reconcilers had their turn. */
  async settled(): Promise<void> {
    await this.cloud.runner.idle();
    await removeStaleGuests(this.cloud);
    await reapDisks(this.cloud);
  }

  audit(): Promise<Finding[]> {
    return auditCloud(this.cloud);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    for (const line of this.#lines) await line.close();
    await this.db.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The hosts, on another machine: together, as what simulated hosts have is no files that could be carried. */
async function connectTo(hosts: readonly HostAgent[], mishapOf: MishapOf): Promise<UnsteadyHost[]> {
  const env = worldEnv(() => 0);
  return await Promise.all(hosts.map((host) => serveOverUnsteadyLine(env, host, mishapOf)));
}

/** Pauses between tries are shorter than this, milliseconds; what takes longer waits for something. */
const longestPause = 5000;

/** The machine's clock and chance, but time can be skipped, and nobody waits for a pause. */
function worldEnv(skipped: () => number): Env {
  const real = realEnv();
  return {
    ...real,
    now: () => real.now() + skipped(),
    sleep: (ms, signal) => real.sleep(ms > longestPause ? ms : Math.min(ms, 1), signal),
  };
}

async function* pieces(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
