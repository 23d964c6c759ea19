import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { HypervisorKind } from '../../src/assembly/open-unkai.ts';
import { buildProgram } from '../../src/cli/build-program.ts';
import { realEnv } from '../../src/env/real.ts';
import { seededRandom } from '../../src/env/seeded-random.ts';
import type { Report } from './control-plane.ts';

/** Set it to the seed that a run has printed, to have the same requests and kills again. */
const seedVariable = 'UNKAI_FAULTS_SEED';
const seed = Number(process.env[seedVariable] ?? randomInt(2 ** 31));
/** How many control planes are killed; few by default. `UNKAI_FAULTS_KILLS=1000 UNKAI_FAULTS_QEMU_KILLS=50` takes an hour. */
const kills = Number(process.env['UNKAI_FAULTS_KILLS'] ?? 12);
const qemuKills = Number(process.env['UNKAI_FAULTS_QEMU_KILLS'] ?? 4);
const cache = resolve(import.meta.dirname, '../../node_modules/.cache');

let builds: string;
let program: string;
let dataDir: string;

/** Most of a short life is its start: in one piece it takes half as long. */
beforeAll(async () => {
  await mkdir(cache, { recursive: true });
  builds = await mkdtemp(join(cache, 'unkai-faults-'));
  program = join(await buildProgram(builds, resolve(import.meta.dirname, 'control-plane.ts')), 'main.mjs');
});

afterAll(() => rm(builds, { recursive: true, force: true }));

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'unkai-faults-'));
});

afterEach(async () => {
  await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
});

interface Plan {
  /** Where its cloud is. A test that ran out of time must not go on in the folder of the next one. */
  folder: string;
  hypervisor: HypervisorKind;
  /** How many control planes are killed. */
  kills: number;
  /** A process is killed after at most so many of them, and so long after the last, milliseconds. */
  mostAtOnce: number;
  longestPause: number;
}

/** Starts control planes and kills them, one after the other, and lets the last one say what came of it. */
async function killAgainAndAgain(plan: Plan): Promise<Report> {
  console.log(`${seedVariable}=${seed}`);
  const random = seededRandom(seed);
  let asked = 0;
  for (let life = 0; life < plan.kills; life += 1) {
    const many = 1 + Math.floor(random() * plan.mostAtOnce);
    asked += await liveAndDie(start(plan, seed + life, 'ask'), many, random() * plan.longestPause);
  }
  console.log(`${plan.kills} kills, ${asked} requests`);
  return await lastWords(start(plan, seed, 'end'));
}

function start({ folder, hypervisor }: Plan, itsSeed: number, task: 'ask' | 'end'): ChildProcess {
  return spawn(process.execPath, [program, folder, hypervisor, String(itsSeed), task], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Lets the process ask for so many things and then, a little later, kills it. Gives how many it did ask for. */
async function liveAndDie(child: ChildProcess, requests: number, pause: number): Promise<number> {
  let asked = 0;
  let timer: NodeJS.Timeout | undefined;
  const died = new Promise<void>((done, failed) => {
    child.once('exit', (code, signal) => (signal === 'SIGKILL' ? done() : failed(new Error(`it ended with ${code}`))));
  });
  for await (const line of createInterface({ input: child.stdout! })) {
    if (line.startsWith('asked')) asked += 1;
    if (asked === requests) timer ??= setTimeout(() => child.kill('SIGKILL'), pause);
  }
  clearTimeout(timer);
  await died;
  return asked;
}

async function lastWords(child: ChildProcess): Promise<Report> {
  const died = new Promise<number | null>((done) => child.once('exit', done));
  let last = '';
  for await (const line of createInterface({ input: child.stdout! })) last = line;
  if ((await died) !== 0) throw new Error('the last control plane could not be closed');
  return JSON.parse(last) as Report;
}

async function check({ ended, cleared }: Report): Promise<void> {
  const errors = await readFile(join(dataDir, 'errors.log'), 'utf8').catch(() => '');
  const wrong = ended.findings.filter(({ level }) => level === 'violation');
  expect(wrong, errors.slice(-4000)).toEqual([]);
  expect(cleared.findings.filter(({ level }) => level === 'violation')).toEqual([]);
  expect({ guests: cleared.guests, disks: cleared.disks, strayFiles: cleared.strayFiles }).toEqual({
    guests: [],
    disks: [],
    strayFiles: [],
  });
}

describe('a control plane that is killed again and again', () => {
  it(`leaves nothing stuck and nothing behind after ${kills} kills`, {
    timeout: 300_000 + kills * 60_000,
  }, async () => {
    const plan = { folder: dataDir, hypervisor: 'simulated', kills, mostAtOnce: 12, longestPause: 60 } as const;
    const report = await killAgainAndAgain(plan);
    console.log(JSON.stringify(report.ended.states));
    await check(report);
  });

  it(`leaves no virtual machine behind after ${qemuKills} kills`, {
    timeout: 300_000 + qemuKills * 120_000,
  }, async () => {
    try {
      const plan = {
        folder: dataDir,
        hypervisor: 'qemu',
        kills: qemuKills,
        mostAtOnce: 5,
        longestPause: 3000,
      } as const;
      const report = await killAgainAndAgain(plan);
      console.log(JSON.stringify(report.ended.states));
      await check(report);
    } finally {
      await endGuests();
    }
  });
});

/** Guests outlive every control plane, so those that a failed test has left are ended here. */
async function endGuests(): Promise<void> {
  const { openQemuHost } = await import('../../src/agent/hypervisor/qemu/qemu-host.ts');
  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  const agent = await openQemuHost({ directory: join(dataDir, 'hosts', 'qemu'), env: realEnv(), log: silent });
  const { guests } = await agent.inventory();
  for (const { serverId } of guests) await agent.removeGuest(serverId);
  await agent.close();
}
