import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderInUse } from '../../src/assembly/folder-lock.ts';
import { type OpenedUnkai, openUnkai } from '../../src/assembly/open-unkai.ts';
import { ensureTinyLinux, tinyLinuxId } from '../../src/assembly/tinylinux.ts';
import { auditCloud } from '../../src/cloud/audit/audit.ts';
import type { Cloud } from '../../src/cloud/cloud.ts';
import { operator } from '../../src/cloud/identity/subject.ts';
import { reapDisks } from '../../src/cloud/volumes/disk-reaper.ts';

const subject = operator();
const cacheDir = resolve(import.meta.dirname, '../../var/cache');
const program = resolve(import.meta.dirname, 'control-plane.ts');

let dataDir: string;
let opened: OpenedUnkai | undefined;
const mounts: string[] = [];

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'unkai-faults-'));
});

afterEach(async () => {
  for (const { agent } of opened?.agents ?? []) {
    const { guests } = await agent.inventory();
    for (const { serverId } of guests) await agent.removeGuest(serverId);
  }
  await opened?.close();
  opened = undefined;
  for (const mount of mounts.splice(0)) execFileSync('umount', ['-l', mount]);
  await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
});

async function open(hypervisor: 'qemu' | 'simulated'): Promise<Cloud> {
  opened = await openUnkai({
    dataDir,
    hypervisor,
    network: 'user',
    adminPassword: 'secret',
    log: pino({ level: 'silent' }),
    settings: { shutdownGrace: 0, imageRetention: 0 },
  });
  return opened.cloud;
}

async function reopen(hypervisor: 'qemu' | 'simulated'): Promise<Cloud> {
  await opened?.close();
  opened = undefined;
  return await open(hypervisor);
}

/** A small file system of its own at the path, so that it can run full; false where this machine does not allow it. */
async function mountSmall(path: string, megabytes: number): Promise<boolean> {
  await mkdir(path, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path], { stdio: 'pipe' });
  } catch {
    return false;
  }
  mounts.push(path);
  return true;
}

async function newServer(cloud: Cloud, name: string): Promise<{ id: string; actionId: string }> {
  const wanted = { name, flavorId: '42', imageId: tinyLinuxId, networks: 'auto' as const, securityGroups: [] };
  const [made] = await cloud.servers.create(subject, wanted);
  return { id: made!.server.id, actionId: made!.actionId };
}

async function isSoundAtRest(cloud: Cloud): Promise<void> {
  await cloud.runner.idle();
  await reapDisks(cloud);
  expect((await auditCloud(cloud)).filter(({ level }) => level === 'violation')).toEqual([]);
}

describe('virtual machines of QEMU', () => {
  it('that are killed from outside are seen to be off, and start again', async () => {
    const cloud = await open('qemu');
    await ensureTinyLinux(cloud, { cacheDir });
    const { id, actionId } = await newServer(cloud, 'victim');
    expect(await cloud.runner.wait(actionId, { timeoutMs: 60_000 })).toMatchObject({ state: 'succeeded' });
    const { guests } = await opened!.agents[0]!.agent.inventory();
    process.kill(guests[0]!.pid!, 'SIGKILL');
    await expect.poll(async () => (await cloud.servers.byId(id)).vmState).toBe('stopped');
    const started = await cloud.servers.start(subject, id);
    expect(await cloud.runner.wait(started.actionId, { timeoutMs: 60_000 })).toMatchObject({ state: 'succeeded' });
    await isSoundAtRest(cloud);
  });

  it('that find no room for their disks fail, say so and leave nothing', async (test) => {
    if (!(await mountSmall(join(dataDir, 'hosts', 'qemu'), 24))) return test.skip('no tmpfs can be mounted here');
    const cloud = await open('qemu');
    await ensureTinyLinux(cloud, { cacheDir });
    execFileSync('sh', ['-c', `head -c 40M /dev/zero > ${join(dataDir, 'hosts', 'qemu', 'filler')} || true`], {
      stdio: 'pipe',
    });
    const { id, actionId } = await newServer(cloud, 'homeless');
    const outcome = await cloud.runner.wait(actionId, { timeoutMs: 60_000 });
    expect(outcome?.state).not.toBe('succeeded');
    const { vmState, fault } = await cloud.servers.byId(id);
    expect([vmState, fault?.message]).toEqual(['error', expect.stringMatching(/space|room|full|free/i)]);
    await rm(join(dataDir, 'hosts', 'qemu', 'filler'), { force: true });
    await cloud.servers.delete(subject, id);
    await isSoundAtRest(cloud);
  });
});

describe('an image store that runs full', () => {
  it('refuses the upload, leaves nothing of it, and takes the next one', async (test) => {
    if (!(await mountSmall(join(dataDir, 'images'), 4))) return test.skip('no tmpfs can be mounted here');
    const cloud = await open('simulated');
    const image = { diskFormat: 'raw', containerFormat: 'bare' } as const;
    const large = await cloud.images.create(subject, { name: 'large', ...image });
    await expect(cloud.images.upload(subject, large.id, randoms(16))).rejects.toMatchObject({ code: 'too_large' });
    expect((await cloud.images.get(subject, large.id)).status).toBe('queued');
    const small = await cloud.images.create(subject, { name: 'small', ...image });
    await cloud.images.upload(subject, small.id, randoms(1));
    expect((await cloud.images.get(subject, small.id)).status).toBe('active');
    await isSoundAtRest(cloud);
  });
});

/** Zeros would take no room. */
async function* randoms(megabytes: number): AsyncGenerator<Buffer> {
  for (let index = 0; index < megabytes; index += 1) yield randomBytes(2 ** 20);
}

describe('a control plane', () => {
  it('refuses a data folder that another one has', async () => {
    await open('simulated');
    const second = openUnkai({
      dataDir,
      hypervisor: 'simulated',
      adminPassword: 'secret',
      log: pino({ level: 'silent' }),
    });
    await expect(second).rejects.toBeInstanceOf(FolderInUse);
  });

  it('finds all that was acknowledged behind a torn end of its database log', async () => {
    const child = start('ask', 11);
    const asked = await lines(child, (line) => line.startsWith('asked'), 12);
    expect(asked).toBe(12);
    await killed(child);
    const wal = join(dataDir, 'unkai.sqlite-wal');
    expect(existsSync(wal)).toBe(true);
    // What a power loss in the middle of a write leaves: half a frame of a commit that nobody was told of.
    appendFileSync(wal, (await readFile(wal)).subarray(32, 32 + 2000));
    const cloud = await open('simulated');
    await isSoundAtRest(cloud);
    const rows = await cloud.db.read.selectFrom('servers').select('id').execute();
    expect(rows.length).toBeGreaterThan(0);
    await reopen('simulated');
  });

  it('that is stopped for a while and goes on finishes what it had begun', async () => {
    const child = start('ask', 5);
    await lines(child, (line) => line.startsWith('asked'), 5);
    child.kill('SIGSTOP');
    // Longer than a beat of everything that the process does by itself.
    await new Promise((done) => setTimeout(done, 3000));
    const goesOn = lines(child, (line) => line.startsWith('asked'), 5);
    child.kill('SIGCONT');
    expect(await goesOn).toBe(5);
    await killed(child);
    await isSoundAtRest(await open('simulated'));
  });
});

function start(task: 'ask', seed: number): ChildProcess {
  return spawn(process.execPath, [program, dataDir, 'simulated', String(seed), task], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Waits for so many lines of the kind; gives how many came. */
async function lines(child: ChildProcess, isWanted: (line: string) => boolean, count: number): Promise<number> {
  let seen = 0;
  const reader = createInterface({ input: child.stdout! });
  return await new Promise((done) => {
    reader.on('line', (line) => {
      if (!isWanted(line)) return;
      seen += 1;
      if (seen < count) return;
      reader.removeAllListeners('line');
      done(seen);
    });
    reader.once('close', () => done(seen));
  });
}

async function killed(child: ChildProcess): Promise<void> {
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  child.stdout?.resume();
  child.kill('SIGKILL');
  await ended;
}
