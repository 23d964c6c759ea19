import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, vi } from 'vitest';
import { buildTinyLinux, tinyLinuxMinimumMemory, tinyLinuxVirtualSize } from '../../../../guest/tinylinux.ts';
import { newId } from '../../../env/env.ts';
import { realEnv } from '../../../env/real.ts';
import type { GuestSpec } from '../../contract.ts';
import { openQemuHost, type QemuHost } from './qemu-host.ts';
import { SerialShell } from './serial-shell.fixture.ts';

const bootTimeout = 300_000;

/** A host in a temporary folder that has TinyLinux in its cache, for guests of one test file. */
export class TinyLinuxBench {
  /** A folder for files beside the host's own. */
  readonly root: string;
  readonly env = realEnv();
  readonly #shells: SerialShell[] = [];
  #host: QemuHost | undefined;

  private constructor(root: string) {
    this.root = root;
  }

  static async open(name: string): Promise<TinyLinuxBench> {
    const bench = new TinyLinuxBench(await mkdtemp(join(tmpdir(), `unkai-${name}-`)));
    const image = await buildTinyLinux({ cacheDir: resolve(import.meta.dirname, '../../../../var/cache') });
    const source = { kind: 'file' as const, path: image.path };
    await bench.openHost();
    await bench.host.ensureImageCached({ imageId: 'tinylinux', format: 'qcow2', size: image.size, source });
    return bench;
  }

  get host(): QemuHost {
    return this.#host!;
  }

  /** The host's own folder. */
  get folder(): string {
    return join(this.root, 'host');
  }

  /** Opens the host, again after it was closed. */
  async openHost(): Promise<void> {
    this.#host = await openQemuHost({ directory: this.folder, env: this.env, accelerator: 'tcg' });
  }

  /** A guest with a disk of TinyLinux, not started. */
  async prepare(files: Record<string, string> | undefined, change: Partial<GuestSpec> = {}): Promise<GuestSpec> {
    const { serverId = newId(this.env), disks = [], ...rest } = change;
    const base = { kind: 'image' as const, imageId: 'tinylinux' };
    await this.host.ensureDisk({ diskId: serverId, size: tinyLinuxVirtualSize, base });
    if (files) await this.host.ensureConfigDrive(serverId, files);
    return {
      serverId,
      instanceName: 'instance-00000001',
      vcpus: 1,
      memoryMb: tinyLinuxMinimumMemory,
      bootMode: 'bios',
      disks: [{ diskId: serverId, volumeId: serverId, bus: 'virtio' }, ...disks],
      hasConfigDrive: files !== undefined,
      nics: [],
      ...rest,
    };
  }

  /** As `prepare`, and starts it. Disks that are said come beside its own. */
  async start(files?: Record<string, string>, change?: Partial<GuestSpec>): Promise<GuestSpec> {
    const guest = await this.prepare(files, change);
    await this.host.ensureGuestRunning(guest);
    return guest;
  }

  /** As `start`, and waits until it is up. */
  async boot(files?: Record<string, string>, change?: Partial<GuestSpec>) {
    const { serverId } = await this.start(files, change);
    await this.untilSaid(serverId, /TinyLinux ready/);
    return { serverId, shell: await this.shell(serverId) };
  }

  async untilSaid(serverId: string, words: RegExp): Promise<void> {
    const isSaid = async () => expect((await this.host.consoleLog(serverId)).replaceAll('\r', '')).toMatch(words);
    await vi.waitFor(isSaid, { timeout: bootTimeout, interval: 20 });
  }

  /** The shell on its serial port. */
  async shell(serverId: string): Promise<SerialShell> {
    const shell = new SerialShell(await this.host.connectConsole(serverId, 'serial'));
    this.#shells.push(shell);
    return shell;
  }

  /** With all guests and files. */
  async close(): Promise<void> {
    for (const shell of this.#shells) shell.close();
    for (const { serverId } of (await this.host.inventory()).guests) await this.host.removeGuest(serverId);
    await this.host.close();
    await rm(this.root, { recursive: true, force: true });
  }
}

/** What a config drive says of the guest's name. */
export const named = (hostname: string): Record<string, string> => ({
  'openstack/latest/meta_data.json': JSON.stringify({ uuid: 'x', hostname }),
});
