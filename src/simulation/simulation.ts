import type { SimulatedHost } from '../agent/hypervisor/simulated/simulated-host.ts';
import { auditCloud, type Finding } from '../cloud/audit/audit.ts';
import type { Cloud } from '../cloud/cloud.ts';
import { operator } from '../cloud/identity/subject.ts';
import { openCloud } from '../cloud/open-cloud.ts';
import type { Database } from '../database/database.ts';
import { openSqlite } from '../database/sqlite.ts';
import { oneOf, pauseOf, seededRandom } from '../env/seeded-random.ts';
import { type SimulatedEnv, VirtualTime } from '../env/simulated.ts';
import { Adversity, type FaultCounts } from './adversity.ts';
import { type Beginning, beginning, cloudOptions, openHosts } from './beginning.ts';
import { linkTo } from './link.ts';
import { StoredFiles } from './memory-store.ts';
import { Model } from './model.ts';
import { type Load, SimulatedProcess } from './process.ts';
import { askForSomething } from './requests.ts';
import { Trace } from './trace.ts';

export interface SimulationOptions {
  seed: number;
  /** Of virtual time. */
  hours: number;
  /** Gets every line of the trace. */
  print?: (line: string) => void;
  /** Changes the hosts before anything begins, as a test does that wants to see whether faults are found. */
  prepareHost?: (host: SimulatedHost) => void;
}

export interface SimulationReport {
  seed: number;
  hours: number;
  /** Stands for all that happened: the same seed gives the same hash. */
  hash: string;
  /** What is not as it has to be; the run ended with the first of them. */
  violations: string[];
  requests: number;
  /** How often a control plane was killed. */
  kills: number;
  /** Actions in the journal, by how they ended. */
  actions: Record<string, number>;
  faults: FaultCounts;
  audits: number;
  commits: number;
}

const minute = 60_000;
/** Meanwhile things go wrong; then they have this long to come to rest. */
const stormLength = 25 * minute;
const calmLength = 10 * minute;

/** What is brought in line a little later by itself, when a guest or a host does something unasked. */
const takesTime: ReadonlySet<Finding['invariant']> = new Set(['guest-is-as-server', 'host-answers', 'no-stray-files']);

/** Runs a cloud through so many hours of virtual time in which all sorts of things go wrong. */
export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  const simulation = await Simulation.open(options);
  try {
    await simulation.run();
    return simulation.report();
  } finally {
    await simulation.close();
  }
}

class Violated extends Error {}

class Simulation {
  readonly #options: SimulationOptions;
  readonly #beginning: Beginning;
  readonly #load: Load;
  readonly #time: VirtualTime;
  readonly #env: SimulatedEnv;
  readonly #random: () => number;
  readonly #trace: Trace;
  readonly #stored: StoredFiles;
  readonly #hosts: SimulatedHost[];
  readonly #db: Database;
  readonly #adversity: Adversity;
  readonly #model = new Model();
  readonly #violations: string[] = [];
  readonly #actions: Record<string, number> = {};
  #process: SimulatedProcess | undefined;
  #engine: { cloud: Cloud; close(): Promise<void> } | undefined;
  #isStormy = false;
  #requests = 0;
  #kills = 0;
  #audits = 0;

  static async open(options: SimulationOptions): Promise<Simulation> {
    const start = await beginning();
    const load: Load = { commits: 0, total: 0 };
    const time = new VirtualTime({ seed: options.seed, isBusy: () => load.commits > 0 });
    const stored = new StoredFiles(() => time.now);
    for (const [path, bytes] of start.images) stored.write(path, bytes);
    const db = await openSqlite(':memory:', { contents: start.contents });
    return new Simulation(options, start, { load, time, stored, db, hosts: await openHosts(time.env(), stored) });
  }

  private constructor(
    options: SimulationOptions,
    start: Beginning,
    parts: { load: Load; time: VirtualTime; stored: StoredFiles; db: Database; hosts: SimulatedHost[] },
  ) {
    this.#options = options;
    this.#beginning = start;
    this.#load = parts.load;
    this.#time = parts.time;
    this.#stored = parts.stored;
    this.#db = parts.db;
    this.#hosts = parts.hosts;
    for (const host of this.#hosts) options.prepareHost?.(host);
    this.#env = parts.time.env();
    this.#random = seededRandom(options.seed ^ 0x5eed);
    this.#trace = new Trace(() => this.#time.now, options.print);
    this.#adversity = new Adversity(this.#hosts.length, this.#random, this.#env, {
      kill: () => this.#kill(),
      endGuest: () => this.#endGuest(),
      powerOff: (index) => this.#powerOff(index),
      fillStore: (isFull) => {
        this.#stored.isFull = isFull;
      },
    });
  }

  async run(): Promise<void> {
    try {
      this.#boot();
      await this.#calmDown('at the beginning');
      const ends = this.#time.now + this.#options.hours * 60 * minute * 1000;
      while (this.#time.now < ends) {
        await this.#storm(Math.min(stormLength, (ends - this.#time.now) / 1000));
        await this.#calmDown('after a storm');
      }
      await this.#clear();
    } catch (error) {
      if (!(error instanceof Violated)) throw error;
    }
  }

  report(): SimulationReport {
    const { seed, hours } = this.#options;
    return {
      seed,
      hours,
      hash: this.#trace.hash,
      violations: this.#violations,
      requests: this.#requests,
      kills: this.#kills,
      actions: this.#actions,
      faults: this.#adversity.counts,
      audits: this.#audits,
      commits: this.#load.total,
    };
  }

  async close(): Promise<void> {
    this.#process?.kill();
    this.#env.cut();
    await this.#time.settle();
    await this.#db.close();
  }

  /** Starts a control plane over what there is. */
  #boot(): void {
    const process = new SimulatedProcess(this.#time.env(), this.#load, () => this.#died(process));
    this.#process = process;
    const parts = { process, adversity: this.#adversity, random: this.#random, trace: this.#trace };
    const hosts = this.#hosts.map((host, index) => ({
      name: `host-${index}`,
      agent: linkTo({ ...parts, host, index }),
    }));
    const options = cloudOptions({
      db: process.database(this.#db),
      env: process.env,
      log: this.#log(process),
      hosts,
      stored: this.#stored,
    });
    const { openStore } = options;
    this.#trace.note('a control plane starts');
    openCloud({ ...options, openStore: async (store) => process.wrap(await openStore!(store)) }).then(
      (engine) => {
        if (process.isDead) return;
        this.#engine = engine;
        this.#trace.note('a control plane is there');
      },
      (error) => this.#violated(`The control plane could not start: ${wordsOf(error)}`),
    );
  }

  /** What an engine logs as its own fault is one. */
  #log(process: SimulatedProcess) {
    return {
      debug() {},
      info() {},
      warn: () => {},
      error: ({ err }: { err?: unknown }, text: string) => {
        if (process.isDead) return;
        this.#trace.note(`error: ${text} ${err instanceof Error ? err.message : ''}`);
        if (err instanceof TypeError || err instanceof ReferenceError || isOfDatabase(err))
          this.#violated(`The control plane has an error of its own: ${text}: ${wordsOf(err)}`);
      },
    };
  }

  #kill(): void {
    const process = this.#process;
    if (!process || process.isDead) return;
    if (this.#random() < 0.4) process.kill();
    else process.killAtWrite(1 + Math.floor(this.#random() * 12), this.#random() < 0.5);
  }

  #died(process: SimulatedProcess): void {
    if (process !== this.#process) return;
    this.#kills += 1;
    this.#engine = undefined;
    this.#trace.note('the control plane was killed');
    void this.#env.sleep(pauseOf(this.#random, 20_000)).then(() => this.#boot());
  }

  #endGuest(): void {
    const host = oneOf(this.#random, this.#hosts);
    void host.inventory().then(({ guests }) => {
      const running = guests.filter(({ state }) => state === 'running' || state === 'paused');
      if (running.length === 0) return;
      this.#adversity.count('guests that ended by themselves');
      this.#end(host, oneOf(this.#random, running).serverId);
    });
  }

  #powerOff(index: number): void {
    const host = this.#hosts[index]!;
    void host.inventory().then(({ guests }) => {
      for (const { serverId, state } of guests) if (state !== 'suspended') this.#end(host, serverId);
    });
  }

  #end(host: SimulatedHost, serverId: string): void {
    this.#trace.note(`the guest ${serverId} ends`);
    this.#model.noteEnded(serverId);
    host.endGuest(serverId);
  }

  async #storm(length: number): Promise<void> {
    this.#isStormy = true;
    this.#adversity.begin();
    const pause = oneOf(this.#random, [10_000, 60_000, 300_000]);
    const users = [this.#keepAsking(pause), this.#keepAsking(pause)];
    void this.#keepAuditing();
    await this.#time.advance(length);
    this.#isStormy = false;
    this.#adversity.end();
    await this.#time.advance(minute);
    void users;
    this.#throwIfViolated();
  }

  async #keepAsking(pause: number): Promise<void> {
    for (;;) {
      await this.#env.sleep(pauseOf(this.#random, pause));
      if (!this.#isStormy) return;
      if (this.#engine) this.#ask(this.#engine.cloud);
    }
  }

  #ask(cloud: Cloud): void {
    this.#requests += 1;
    const scene = {
      cloud,
      random: this.#random,
      imageIds: this.#beginning.imageIds,
      maxServers: 16,
      isSimulated: true,
      promised: this.#model.note.bind(this.#model),
    };
    askForSomething(scene).then(
      (name) => this.#trace.note(`asked ${name}`),
      (error) => this.#violated(`A request failed: ${wordsOf(error)}`),
    );
  }

  async #keepAuditing(): Promise<void> {
    for (;;) {
      await this.#env.sleep(3 * minute);
      if (!this.#isStormy) return;
      if (this.#engine)
        void this.#audit(this.#engine.cloud, 'during a storm', ({ invariant }) => !takesTime.has(invariant));
    }
  }

  async #audit(cloud: Cloud, when: string, counts: (finding: Finding) => boolean): Promise<void> {
    this.#audits += 1;
    const findings = await auditCloud(cloud, await this.#hostsById());
    for (const { level, invariant, resource, id, text } of findings.filter(counts)) {
      if (level === 'violation') this.#violated(`${when}: ${resource} ${id}: ${text} (${invariant})`);
    }
  }

  /** The hosts themselves, not by way of their links. */
  async #hostsById(): Promise<Map<string, SimulatedHost>> {
    const rows = await this.#db.read.selectFrom('hosts').select(['id', 'name']).orderBy('name').execute();
    return new Map(rows.map(({ id, name }) => [id, this.#hosts[Number(name.split('-')[1])]!]));
  }

  /** Nothing goes wrong any more: all has to come to rest, and to be as it has to be. */
  async #calmDown(when: string): Promise<void> {
    this.#process?.spare();
    await this.#time.advance(calmLength);
    const cloud = await this.#running();
    await this.#time.until(this.#audit(cloud, when, () => true));
    for (const wrong of await this.#time.until(this.#model.check(cloud))) this.#violated(`${when}: ${wrong}`);
    this.#throwIfViolated();
    this.#trace.note(`all is well ${when}`);
  }

  async #running(): Promise<Cloud> {
    if (!this.#engine) this.#violated('There is no control plane though nothing keeps it from running.');
    this.#throwIfViolated();
    return this.#engine!.cloud;
  }

  /** Users delete all they have: nothing is left on any host. */
  async #clear(): Promise<void> {
    await this.#countActions();
    const cloud = await this.#running();
    const live = (table: 'servers' | 'volumes') =>
      this.#db.read.selectFrom(table).select('id').where('deleted_at', 'is', null).orderBy('id').execute();
    for (const { id } of await live('servers')) await this.#time.until(cloud.servers.delete(operator(), id));
    await this.#time.advance(calmLength);
    for (const { id } of await live('volumes'))
      await this.#time.until(cloud.blockStorage.delete(operator(), id, { cascade: true }));
    await this.#calmDown('after all was deleted');
    for (const [index, host] of this.#hosts.entries()) {
      const { guests, disks } = await host.inventory();
      if (guests.length > 0 || disks.length > 0)
        this.#violated(`All was deleted, and host ${index} keeps ${guests.length} guests and ${disks.length} disks.`);
    }
    const held = await this.#db.read.selectFrom('allocations').selectAll().execute();
    if (held.length > 0) this.#violated(`All was deleted, and ${held.length} servers hold room.`);
    this.#throwIfViolated();
  }

  async #countActions(): Promise<void> {
    const rows = await this.#db.read
      .selectFrom('actions')
      .select((e) => ['state', e.fn.countAll<number>().as('count')])
      .groupBy('state')
      .orderBy('state')
      .execute();
    for (const { state, count } of rows) this.#actions[state] = Number(count);
  }

  #violated(text: string): void {
    this.#violations.push(`${new Date(this.#time.now / 1000).toISOString()} ${text}`);
    this.#trace.note(`VIOLATION ${text}`);
  }

  #throwIfViolated(): void {
    if (this.#violations.length > 0) throw new Violated();
  }
}

function isOfDatabase(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR';
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
