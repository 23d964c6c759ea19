import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildTinyLinux } from '../../../guest/tinylinux.ts';
import { findUefi } from '../../agent/hypervisor/qemu/firmware.ts';
import type { QemuHost } from '../../agent/hypervisor/qemu/qemu-host.ts';
import { buildUefiImage } from '../../agent/hypervisor/qemu/uefi-image.fixture.ts';
import { type OpenedUnkai, openUnkai } from '../../assembly/open-unkai.ts';
import { operator } from '../identity/subject.ts';
import type { NewImage } from './model.ts';

const run = promisify(execFile);
const bootTimeout = 300_000;
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const subject = operator('req-00000000-0000-0000-0000-000000000000');

let folder: string;
let opened: OpenedUnkai;
/** TinyLinux as qcow2. */
let tinyLinux: string;
const host = () => opened.agents[0]!.agent as QemuHost;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unkai-real-boots-'));
  const dataDir = join(folder, 'cloud');
  opened = await openUnkai({ dataDir, hypervisor: 'qemu', adminPassword: 'secret', log: silent });
  tinyLinux = (await buildTinyLinux({ cacheDir: resolve(import.meta.dirname, '../../../var/cache') })).path;
}, bootTimeout);

afterAll(async () => {
  for (const { serverId } of (await host().inventory()).guests) await host().removeGuest(serverId);
  await opened.close();
  await rm(folder, { recursive: true, force: true });
}, bootTimeout);

/** Makes TinyLinux into a file of another format, and packs it. */
async function made(name: string, { format, options, pack }: Kind): Promise<string> {
  const path = join(folder, name);
  await run('qemu-img', ['convert', '-f', 'qcow2', '-O', format, ...(options ? ['-o', options] : []), tinyLinux, path]);
  if (!pack) return path;
  await run(pack[0]!, [...pack.slice(1), path]);
  return `${path}.${pack[0] === 'gzip' ? 'gz' : pack[0] === 'zstd' ? 'zst' : 'xz'}`;
}

/** Imports the file as administrators do, boots a server from it, and waits until its system says who it is. */
async function boots(name: string, path: string, image: NewImage): Promise<void> {
  const { images, runner, flavors, servers } = opened.cloud;
  const { id } = await images.create(subject, { ...image, name, containerFormat: 'bare' });
  const { actionId } = await images.importFromUrl(subject, id, { url: `file://${path}` });
  expect(await runner.wait(actionId, { timeoutMs: bootTimeout })).toEqual({ state: 'succeeded' });
  const all = await flavors.list(subject, {});
  const flavor = all.filter(({ memoryMb }) => memoryMb >= 256).sort((a, b) => a.memoryMb - b.memoryMb)[0]!;
  const [server] = await servers.create(subject, {
    name,
    flavorId: flavor.id,
    imageId: id,
    networks: 'none',
    securityGroups: [],
    configDrive: true,
  });
  expect(await runner.wait(server!.actionId, { timeoutMs: bootTimeout })).toEqual({ state: 'succeeded' });
  const serverId = server!.server.id;
  // Its name is in the config drive only.
  const said = () => host().consoleLog(serverId);
  await expect.poll(said, { timeout: bootTimeout, interval: 200 }).toContain(`TinyLinux ready: ${name} `);
  await host().removeGuest(serverId);
}

interface Kind {
  diskFormat: string;
  format: string;
  options?: string;
  pack?: readonly string[];
}

const kinds: readonly Kind[] = [
  { diskFormat: 'vmdk', format: 'vmdk', options: 'subformat=streamOptimized' },
  { diskFormat: 'vhdx', format: 'vhdx' },
  { diskFormat: 'raw', format: 'raw', pack: ['gzip', '-1'] },
];
/** What is in these is compared byte by byte elsewhere; `UNKAI_ALL_BOOTS=1` boots them as well. */
const furtherKinds: readonly Kind[] = [
  { diskFormat: 'vmdk', format: 'vmdk', options: 'subformat=monolithicSparse' },
  { diskFormat: 'vhd', format: 'vpc', options: 'subformat=dynamic,force_size=on' },
  { diskFormat: 'vdi', format: 'vdi' },
  { diskFormat: 'raw', format: 'raw', pack: ['zstd', '-q', '--rm'] },
  { diskFormat: 'qcow2', format: 'qcow2', pack: ['xz', '-0'] },
];
if (!process.env['UNKAI_ALL_BOOTS']) console.log('Not every kind of image is booted: UNKAI_ALL_BOOTS=1 does');
if (!findUefi()) console.warn('Images for UEFI are not booted: the firmware (package ovmf) is missing');

const cases = (all: readonly Kind[], prefix: string) =>
  all.map((kind, at) => [kind.diskFormat, kind.options ?? kind.pack?.[0] ?? '', `${prefix}-${at}`, kind] as const);

async function importsAndBoots(diskFormat: string, _options: string, name: string, kind: Kind): Promise<void> {
  await boots(name, await made(name, kind), { diskFormat });
}

describe('a server boots from what was imported', () => {
  it.each(cases(kinds, 'kind'))('as %s %s', importsAndBoots, 2 * bootTimeout);
  it.skipIf(!process.env['UNKAI_ALL_BOOTS']).each(cases(furtherKinds, 'further'))(
    'as %s %s',
    importsAndBoots,
    2 * bootTimeout,
  );

  it.skipIf(!findUefi())(
    'for UEFI, and reads its config drive',
    async () => {
      const properties = { hw_firmware_type: 'uefi' };
      await boots('by-uefi', await buildUefiImage(folder), { diskFormat: 'qcow2', properties });
    },
    2 * bootTimeout,
  );
});
