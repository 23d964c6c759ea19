import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { newId } from '../../../env/env.ts';
import { realEnv } from '../../../env/real.ts';
import type { GuestSpec } from '../../contract.ts';
import { hostAgentContract } from '../../contract-suite.ts';
import { BoundFolders } from '../../disks/bound-folders.fixture.ts';
import { userNetworkDriver } from '../../network/user/user-driver.ts';
import { bootGreeting, bootProgram, twinWriterLbas, twinWriterProgram } from './boot-program.ts';
import { writeBootSector } from './boot-sector.ts';
import { diskNode, qemuArguments } from './command-line.ts';
import { findGuestProcess } from './guest-process.ts';
import { openQemuHost, type QemuHost } from './qemu-host.ts';
import { QmpConnection } from './qmp.ts';
import { vncResponse } from './vnc-password.fixture.ts';

const env = realEnv();
const mebibyte = 1024 ** 2;
const nfsClient = new BoundFolders();
const open = (directory: string) => openQemuHost({ directory, env, accelerator: 'tcg', nfsClient });

hostAgentContract('the QEMU host', {
  open,
  async crashGuest(host, serverId) {
    process.kill(await pidOf(host, serverId), 'SIGKILL');
  },
});

let root: string;
let directory: string;
let host: QemuHost;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'unkai-qemu-'));
  // Deeper than the address of a unix socket may be long.
  directory = join(root, 'deep'.repeat(40));
  host = await open(directory);
});
afterEach(async () => {
  for (const { serverId } of (await host.inventory()).guests) await host.removeGuest(serverId);
  await host.close();
  await rm(root, { recursive: true, force: true });
});

async function pidOf(from: QemuHost, serverId: string): Promise<number> {
  const guest = (await from.inventory()).guests.find((one) => one.serverId === serverId);
  if (guest?.pid === undefined) throw new Error(`server ${serverId} has no process`);
  return guest.pid;
}

/** A guest on a disk that boots the program; not started. */
async function prepareGuest(program = bootProgram(), size = 8 * mebibyte): Promise<GuestSpec> {
  const serverId = newId(env);
  const path = join(root, `${serverId}.img`);
  await writeBootSector(path, program);
  const source = { kind: 'file' as const, path };
  await host.ensureImageCached({ imageId: serverId, format: 'raw', size: mebibyte, source });
  await host.ensureDisk({ diskId: serverId, size, base: { kind: 'image', imageId: serverId } });
  return {
    serverId,
    instanceName: 'instance-00000001',
    vcpus: 1,
    memoryMb: 64,
    bootMode: 'bios',
    disks: [{ diskId: serverId, volumeId: serverId, bus: 'virtio' }],
    hasConfigDrive: false,
    nics: [],
  };
}

async function startedGuest(program?: number[], size?: number): Promise<GuestSpec> {
  const guest = await prepareGuest(program, size);
  await host.ensureGuestRunning(guest);
  return guest;
}

const greeted = (serverId: string, times = 1) =>
  expect
    .poll(async () => (await host.consoleLog(serverId)).split(bootGreeting).length - 1, {
      timeout: 30_000,
      interval: 5,
    })
    .toBe(times);

const deafProgram = [0xf4, 0xeb, 0xfd]; // hlt; jmp: never looks at the power button

test('a guest that heeds the power button is stopped in its own time', async () => {
  const guest = await startedGuest();
  const { serverId } = guest;
  await greeted(serverId);
  const begun = env.now();
  await host.stopGuest(serverId, { graceSeconds: 60 });
  expect(env.now() - begun).toBeLessThan(30_000_000);
  expect(await host.guestState(serverId)).toBe('stopped');
  await host.ensureGuestRunning(guest);
  await greeted(serverId, 2);
});

test('a paused guest that is stopped gets its chance to shut down', async () => {
  const { serverId } = await startedGuest();
  await greeted(serverId);
  await host.pauseGuest(serverId);
  const begun = env.now();
  await host.stopGuest(serverId, { graceSeconds: 60 });
  expect(env.now() - begun).toBeLessThan(30_000_000);
});

test('a guest that is deaf is ended after its grace', async () => {
  const { serverId } = await startedGuest(deafProgram);
  const begun = env.now();
  await host.stopGuest(serverId, { graceSeconds: 0.3 });
  expect(env.now() - begun).toBeGreaterThan(300_000);
  expect(await host.guestState(serverId)).toBe('stopped');
});

test('a removal does not wait for the grace of a stop', async () => {
  const { serverId } = await startedGuest(deafProgram);
  const stopping = host.stopGuest(serverId, { graceSeconds: 3600 });
  await host.removeGuest(serverId);
  await stopping;
  expect(await host.guestState(serverId)).toBe('absent');
});

test('a reboot is a new start, after the guest went or after its grace', async () => {
  const heeding = await startedGuest();
  await greeted(heeding.serverId);
  const begun = env.now();
  await host.rebootGuest(heeding.serverId, { type: 'soft', graceSeconds: 60 });
  expect(env.now() - begun).toBeLessThan(30_000_000);
  await greeted(heeding.serverId, 2);
  await host.rebootGuest(heeding.serverId, { type: 'hard', graceSeconds: 0 });
  await greeted(heeding.serverId, 3);

  const deaf = await startedGuest(deafProgram);
  const deafPid = await pidOf(host, deaf.serverId);
  await host.rebootGuest(deaf.serverId, { type: 'soft', graceSeconds: 0.1 });
  expect(await pidOf(host, deaf.serverId)).not.toBe(deafPid);
});

test('hard reboots in a row, each while the firmware of the one before runs, leave a guest that boots', async () => {
  const { serverId } = await startedGuest();
  for (let round = 0; round < 5; round++) await host.rebootGuest(serverId, { type: 'hard', graceSeconds: 0 });
  await expect.poll(() => host.consoleLog(serverId)).toContain(bootGreeting);
});

test('the bytes of an export are those of the disk, whether its guest runs or not', async () => {
  const { serverId } = await startedGuest();
  const boot = await readFile(join(root, `${serverId}.img`));
  const path = join(root, 'export.raw');
  const request = { diskId: serverId, format: 'raw' as const, target: { kind: 'file' as const, path } };
  await host.exportDisk(request);
  const live = await readFile(path);
  expect(live.subarray(0, mebibyte).equals(boot)).toBe(true);
  expect(live.length).toBe(8 * mebibyte);
  await host.stopGuest(serverId, { graceSeconds: 0 });
  await host.exportDisk(request);
  expect((await readFile(path)).equals(live)).toBe(true);
});

test('an export of a running guest shows one moment of its disk', async () => {
  const size = 64 * mebibyte;
  const { serverId } = await prepareGuest(twinWriterProgram(), size);
  // A disk with bytes all over, so that the copying takes a while.
  const filled = join(root, 'filled.img');
  const image = Buffer.alloc(size, 0x5a);
  Buffer.from(await readFile(join(root, `${serverId}.img`))).copy(image, 0, 0, 512);
  for (const lba of twinWriterLbas) image.fill(0, lba * 512, (lba + 1) * 512);
  await writeFile(filled, image);
  const source = { kind: 'file' as const, path: filled };
  await host.ensureImageCached({ imageId: 'filled', format: 'raw', size, source });
  await host.ensureDisk({ diskId: 'filled', size, base: { kind: 'image', imageId: 'filled' } });
  const disks = [{ diskId: 'filled', volumeId: 'filled', bus: 'virtio' as const }];
  await host.ensureGuestRunning({ ...(await prepareGuest()), serverId, disks });

  const path = join(root, 'export.raw');
  const counters: number[] = [];
  const exportOnce = async () => {
    await host.exportDisk({ diskId: 'filled', serverId, format: 'raw', target: { kind: 'file', path } });
    const bytes = await readFile(path);
    const [first, second] = twinWriterLbas.map((lba) => bytes.readUInt32LE(lba * 512));
    expect([0, 1]).toContain(first! - second!);
    counters.push(first!);
    return first;
  };
  await expect.poll(exportOnce, { timeout: 30_000, interval: 1 }).toBeGreaterThan(50);
  for (let round = 0; round < 5; round++) await exportOnce();
  expect(counters.at(-1)).toBeGreaterThan(counters.at(-6)!);
});

test('what an interrupted export left in QEMU is cleared away', async () => {
  const { serverId } = await startedGuest(bootProgram(), 64 * mebibyte);
  await host.close();
  const qmp = await QmpConnection.connect(join(directory, 'guests', serverId), 'qmp.sock', env);
  const filename = join(root, 'abandoned.raw');
  await writeFile(filename, Buffer.alloc(64 * mebibyte));
  const device = diskNode(serverId);
  const target = `export-${device}`;
  const node = { driver: 'raw', 'node-name': target, file: { driver: 'file', filename } };
  await qmp.execute('blockdev-add', node);
  const job = { 'job-id': target, device, target, sync: 'full' };
  await qmp.execute('blockdev-backup', { ...job, speed: 1, 'auto-dismiss': false });
  expect(await qmp.execute('query-jobs')).toHaveLength(1);
  qmp.close();
  host = await open(directory);
  const path = join(root, 'export.raw');
  await host.exportDisk({ diskId: serverId, serverId, format: 'raw', target: { kind: 'file', path } });
  expect((await readFile(path)).subarray(510, 512)).toEqual(Buffer.of(0x55, 0xaa));
});

test('a disk is grown under a guest that runs', async () => {
  const { serverId } = await startedGuest();
  const grown = await host.ensureDisk({ diskId: serverId, size: 32 * mebibyte, base: { kind: 'blank' } });
  expect(grown.virtualSize).toBe(32 * mebibyte);
  await host.close();
  const qmp = await QmpConnection.connect(join(directory, 'guests', serverId), 'qmp.sock', env);
  const [block] = await qmp.execute<Array<{ inserted: { image: { 'virtual-size': number } } }>>('query-block');
  expect(block?.inserted.image['virtual-size']).toBe(32 * mebibyte);
  qmp.close();
  host = await open(directory);
});

/** Runs a control plane of its own that starts the guest, and kills it when it has said the word. */
async function startAndKill(guest: GuestSpec, word: string): Promise<void> {
  const specPath = join(root, 'spec.json');
  await writeFile(specPath, JSON.stringify(guest));
  const fixture = join(import.meta.dirname, 'start-guest.fixture.ts');
  const child: ChildProcess = spawn(process.execPath, [fixture, directory, specPath], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  while (!said.includes(word)) said += String((await once(child.stdout!, 'data'))[0]);
  child.kill('SIGKILL');
  await once(child, 'exit');
}

test('a guest outlives the kill of the control plane that started it, and is found again', async () => {
  const guest = await prepareGuest();
  await host.close();
  await startAndKill(guest, 'started\n');
  host = await open(directory);
  expect(await host.guestState(guest.serverId)).toBe('running');
  await greeted(guest.serverId);
  await host.stopGuest(guest.serverId, { graceSeconds: 60 });
  expect(await host.guestState(guest.serverId)).toBe('stopped');
});

test('a control plane that was killed in the middle of a start leaves one guest, after the start is repeated', async () => {
  const guest = await prepareGuest();
  await host.close();
  await startAndKill(guest, 'starting\n');
  host = await open(directory);
  await host.ensureGuestRunning(guest);
  expect(await host.guestState(guest.serverId)).toBe('running');
  await greeted(guest.serverId);
  expect((await host.inventory()).strayFiles).toEqual([]);
});

test('a second QEMU for the same guest ends at once and does the first no harm', async () => {
  const guest = await startedGuest();
  const folder = join(directory, 'guests', guest.serverId);
  const diskPath = ({ diskId }: { diskId: string }) => join(directory, 'disks', `${diskId}.qcow2`);
  const args = qemuArguments(guest, { accelerator: 'tcg', folder, diskPath, network: userNetworkDriver() });
  const first = await findGuestProcess(folder);
  const second = spawn('qemu-system-x86_64', args, { cwd: folder, stdio: 'ignore' });
  const [exitCode] = await once(second, 'exit');
  expect(exitCode).toBe(1);
  expect(await findGuestProcess(folder)).toBe(first);
  await host.close();
  host = await open(directory);
  await host.pauseGuest(guest.serverId);
  expect(await host.guestState(guest.serverId)).toBe('paused');
});

test('a process id that somebody else has by now is not taken for the guest', async () => {
  const guest = await prepareGuest();
  await host.ensureGuestRunning(guest);
  await host.stopGuest(guest.serverId, { graceSeconds: 0 });
  await writeFile(join(directory, 'guests', guest.serverId, 'pid'), `${process.pid}\n`);
  expect(await host.guestState(guest.serverId)).toBe('stopped');
  await host.ensureGuestRunning(guest);
  expect(await pidOf(host, guest.serverId)).not.toBe(process.pid);
});

test('a QEMU that refuses its arguments says why', async () => {
  const guest = { ...(await prepareGuest()), memoryMb: 0 };
  await expect(host.ensureGuestRunning({ ...guest, vcpus: 5000 })).rejects.toMatchObject({
    code: 'hypervisor_failed',
    message: expect.stringContaining('Invalid SMP CPUs 5000'),
  });
  expect(await host.guestState(guest.serverId)).toBe('stopped');
});

test('a guest asks for the password of its screen, from its start on or from a reboot on', async () => {
  const { serverId, ...guest } = await prepareGuest();
  await host.ensureGuestRunning({ ...guest, serverId, screenPassword: 'sEcret' });
  /** What RFB lets in by: 1 is nothing, 2 is VNC's password. */
  const securityTypes = async () => {
    const screen = await host.connectConsole(serverId, 'vnc');
    expect(String((await once(screen, 'data'))[0])).toBe('RFB 003.008\n');
    screen.write('RFB 003.008\n');
    const [types] = (await once(screen, 'data')) as [Buffer];
    return { screen, types: [...types.subarray(1, 1 + types[0]!)] };
  };
  const answered = async (password: string) => {
    const { screen, types } = await securityTypes();
    expect(types).toEqual([2]);
    screen.write(Buffer.from([2]));
    const [challenge] = (await once(screen, 'data')) as [Buffer];
    screen.write(vncResponse(password, challenge));
    const [result] = (await once(screen, 'data')) as [Buffer];
    screen.destroy();
    return result.readUInt32BE();
  };
  expect(await answered('sEcret')).toBe(0);
  expect(await answered('secret')).toBe(1);
  await host.rebootGuest(serverId, { type: 'hard', graceSeconds: 0, screenPassword: 'other' });
  expect(await answered('other')).toBe(0);
  expect(await answered('sEcret')).toBe(1);
  await host.rebootGuest(serverId, { type: 'hard', graceSeconds: 0 });
  const { screen, types } = await securityTypes();
  screen.destroy();
  expect(types).toEqual([1]);
  await host.removeGuest(serverId);
});

test('the screen and the serial port of a guest can be reached, however deep its folder', async () => {
  const guest = await startedGuest();
  const { serverId } = guest;
  const screen = await host.connectConsole(serverId, 'vnc');
  expect(String((await once(screen, 'data'))[0])).toBe('RFB 003.008\n');
  screen.destroy();
  await host.pauseGuest(serverId);
  while ((await host.consoleLog(serverId)).includes(bootGreeting)) {
    // It was faster than the pause: once more, with an empty log.
    await host.removeGuest(serverId);
    await host.ensureGuestRunning(guest);
    await host.pauseGuest(serverId);
  }
  const serial = await host.connectConsole(serverId, 'serial');
  await host.resumeGuest(serverId);
  let said = '';
  while (!said.includes(bootGreeting)) said += String((await once(serial, 'data'))[0]);
  serial.destroy();
});

test('files that nobody accounts for are told', async () => {
  const { serverId } = await prepareGuest();
  await host.ensureConfigDrive(serverId, { a: 'a' });
  const strays = ['disks/x', 'cache/y.new', 'guests/z', `guests/${serverId}/core`, 'w'].sort();
  for (const path of strays) await writeFile(join(directory, path), '');
  expect((await host.inventory()).strayFiles).toEqual(strays);
  await host.close();
  host = await open(directory);
  expect((await host.inventory()).strayFiles).toEqual(strays.filter((path) => path !== 'cache/y.new'));
});

test('an image without its record, as a kill leaves it, is gone after the next start, but not under a disk', async () => {
  const { serverId } = await prepareGuest();
  const [halfMade, halfRemoved] = [newId(env), newId(env)];
  await writeFile(join(directory, 'cache', halfMade), 'bytes');
  await writeFile(join(directory, 'cache', `${halfRemoved}.json`), '{}');
  await rm(join(directory, 'cache', `${serverId}.json`));
  await host.close();
  host = await open(directory);
  expect(await host.inventory()).toMatchObject({ images: [], strayFiles: [join('cache', serverId)] });
});
