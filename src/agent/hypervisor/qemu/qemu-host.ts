import { statfs } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { availableParallelism, hostname, totalmem, uptime } from 'node:os';
import { join } from 'node:path';
import type { Env } from '../../../env/env.ts';
import { KeyedLock } from '../../../env/keyed-lock.ts';
import { writeConfigDrive } from '../../config-drive/config-drive.ts';
import {
  AgentError,
  type CachedImage,
  type DesiredNetworks,
  type DesiredStorage,
  type DiskExport,
  type DiskSpec,
  type DiskSwap,
  type GuestDisk,
  type GuestReboot,
  type GuestSpec,
  type GuestState,
  type HostAgent,
  type HostDescription,
  type HostInventory,
  type InsightVerbs,
  type MediumVerbs,
  type MetadataResponder,
  type MigrationVerbs,
  type NicVerbs,
  type StorageReport,
  type SwappedDisk,
} from '../../contract.ts';
import { ImageCache } from '../../disks/image-cache.ts';
import { kernelNfsClient } from '../../disks/nfs-client.ts';
import { NfsMounts } from '../../disks/nfs-mounts.ts';
import { Qcow2Disks } from '../../disks/qcow2-disks.ts';
import { QemuImg } from '../../disks/qemu-img.ts';
import { Storages } from '../../disks/storages.ts';
import { assertServerId, toAgentError } from '../../errors.ts';
import type { FileContents } from '../../file-content.ts';
import { silentLog } from '../../log.ts';
import type { NetworkDriver } from '../../network/network-driver.ts';
import { userNetworkDriver } from '../../network/user/user-driver.ts';
import { rebootedSpec } from '../../rebooted-spec.ts';
import { probeQemu, type QemuProbe } from './accelerator.ts';
import { guestFiles, qemuArguments } from './command-line.ts';
import { readConsoleLog, trimConsoleLog } from './console-log.ts';
import { swapDisk } from './disk-swap.ts';
import { ensureFirmware, findUefi } from './firmware.ts';
import type { QemuGuest } from './guest.ts';
import { giveDisk, takeDisk } from './guest-disks.ts';
import { type GuestListener, QemuGuests } from './guests.ts';
import { qemuHandover } from './handover.ts';
import { HostFolder } from './host-folder.ts';
import { qemuInsight } from './insight.ts';
import { assertMedia, qemuMedia } from './media.ts';
import { qemuNics } from './nics.ts';
import type { QemuHostOptions } from './options.ts';
import { connectUnixSocket } from './unix-socket.ts';

/** A host agent whose guests can be looked into from the same machine. */
export interface QemuHost extends HostAgent {
  /** A connection to the guest's screen (RFB) or serial port; `not_found` when it doesn't run. */
  connectConsole(serverId: string, kind: 'vnc' | 'serial'): Promise<Socket>;
}

/**
 * Opens the hypervisor host of this machine: guests are QEMU processes, which run on when this process ends, however
 * it ends, and are found again by the next call on the same directory. Throws `unsupported` without QEMU.
 */
export async function openQemuHost(options: QemuHostOptions): Promise<QemuHost> {
  const binary = options.binary ?? 'qemu-system-x86_64';
  const folder = await HostFolder.open(options.directory);
  const probe = await probeQemu(options.env, binary, folder.path, options.accelerator);
  const host = new LocalQemuHost({ ...options, binary, folder, probe });
  await host.sweepStorages();
  await host.sweepCache();
  await host.adoptGuests();
  return Object.assign(host, host.handover(), host.insight(), host.nics(), host.media());
}

class LocalQemuHost implements Omit<QemuHost, keyof (MigrationVerbs & InsightVerbs & NicVerbs & MediumVerbs)> {
  readonly #env: Env;
  readonly #hostname: string;
  readonly #folder: HostFolder;
  readonly #sharers: number;
  readonly #probe: QemuProbe;
  readonly #cache: ImageCache;
  readonly #disks: Qcow2Disks;
  readonly #storages: Storages;
  readonly #storageLock = new KeyedLock();
  readonly #guests: QemuGuests;
  readonly #network: NetworkDriver;

  constructor(options: QemuHostOptions & { binary: string; folder: HostFolder; probe: QemuProbe }) {
    this.#env = options.env;
    this.#hostname = options.hostname ?? hostname();
    this.#folder = options.folder;
    this.#sharers = options.sharers ?? 1;
    this.#probe = options.probe;
    this.#network = options.network ?? userNetworkDriver();
    const qemuImg = new QemuImg(options.env);
    this.#cache = new ImageCache(this.#folder.cache, options.env, qemuImg);
    const mounts = new NfsMounts(this.#folder.mounts, this.#env, options.nfsClient ?? kernelNfsClient(this.#env));
    this.#storages = new Storages(this.#folder.storages, mounts, this.#sharers);
    this.#guests = new QemuGuests({ ...options, storages: this.#storages, log: options.log ?? silentLog });
    const findOpen = (diskId: string) => this.#guests.findOpen(diskId);
    const [cache, storages] = [this.#cache, this.#storages];
    this.#disks = new Qcow2Disks({ folder: this.#folder.disks, env: this.#env, qemuImg, cache, storages, findOpen });
  }

  async sweepStorages(): Promise<void> {
    await this.#folder.sweep(await this.#storages.foldersThere());
  }

  sweepCache(): Promise<void> {
    return this.#cache.sweep((imageId) => this.#disks.isBase(imageId));
  }

  adoptGuests(): Promise<void> {
    return this.#guests.adopt();
  }

  insight(): InsightVerbs {
    return qemuInsight({ env: this.#env, guests: this.#guests, network: this.#network });
  }

  nics(): NicVerbs {
    return qemuNics({ env: this.#env, guests: this.#guests, network: this.#network });
  }

  media(): MediumVerbs {
    return qemuMedia({ guests: this.#guests, cache: this.#cache });
  }

  handover(): MigrationVerbs {
    return qemuHandover({
      env: this.#env,
      guests: this.#guests,
      disks: this.#disks,
      network: this.#network,
      argumentsFor: (spec) => this.#argumentsFor(spec),
      withDisks: (spec, work) => this.#withDisks(spec, work),
    });
  }

  async describe(): Promise<HostDescription> {
    const room = await statfs(this.#folder.path);
    const part = (whole: number) => Math.floor(whole / this.#sharers);
    const gibibytes = (blocks: number) => part((blocks * room.bsize) / 1024 ** 3);
    return {
      hypervisorType: 'QEMU',
      hypervisorVersion: this.#probe.version,
      accelerator: this.#probe.accelerator,
      architecture: 'x86_64',
      hostname: this.#hostname,
      vcpus: Math.max(1, part(availableParallelism())),
      memoryMb: part(totalmem() / 1024 ** 2),
      diskGb: gibibytes(room.blocks),
      freeDiskGb: gibibytes(room.bavail),
      networking: this.#network.networking,
      uptimeSeconds: Math.floor(uptime()),
    };
  }

  ensureImageCached(image: CachedImage): Promise<{ virtualSize: number }> {
    return this.#cache.ensure(image);
  }

  removeCachedImage(imageId: string): Promise<void> {
    return this.#cache.remove(imageId, {
      isUsed: async () => this.#guests.hasMedium(imageId) || (await this.#disks.isBase(imageId)),
      before: () => this.#disks.removeImage(imageId),
    });
  }

  applyStorages(desired: readonly DesiredStorage[]): Promise<StorageReport[]> {
    return this.#storageLock.run('', () => this.#storages.apply(desired, (folder) => this.#disks.isIn(folder)));
  }

  ensureDisk(disk: DiskSpec) {
    return this.#disks.ensure(disk);
  }

  ensureDisks(disks: DiskSpec[]) {
    return this.#disks.ensureTogether(disks);
  }

  removeDisk(diskId: string): Promise<void> {
    return this.#disks.remove(diskId);
  }

  diskUsage(diskId: string) {
    return this.#disks.usage(diskId);
  }

  exportDisk({ diskId, format, target }: DiskExport) {
    return this.#disks.export(diskId, format, target.path);
  }

  async ensureConfigDrive(serverId: string, files: FileContents): Promise<void> {
    assertServerId(serverId);
    await this.#guests.alone(serverId, async () => {
      const guest = await this.#guests.ensure(serverId);
      await writeConfigDrive(this.#env, join(guest.folder, guestFiles.configDrive), files);
    });
  }

  async ensureGuestRunning(spec: GuestSpec): Promise<void> {
    assertServerId(spec.serverId);
    await this.#guests.alone(spec.serverId, async () => {
      const state = await this.guestState(spec.serverId);
      if (state === 'running') return;
      if (state === 'paused' || state === 'suspended') return this.#goOn(this.#guests.known(spec.serverId));
      await this.#start(spec);
    });
  }

  async stopGuest(serverId: string, { graceSeconds }: { graceSeconds: number }): Promise<void> {
    const guest = this.#guests.find(serverId);
    if (!guest) return;
    const stop = () =>
      this.#guests.alone(serverId, async () => {
        await guest.discardMemory();
        if ((await guest.pid()) === undefined) return;
        if (await guest.powerDown(graceSeconds * 1000)) return;
        await guest.end();
      });
    await (graceSeconds === 0 ? guest.hurry(stop) : stop());
  }

  /**
   * Both kinds end in a new process. There is no restart button that a guest's system would hear, so a soft reboot
   * switches it off properly and on again. And QEMU's `system_reset` is no reset button that one can rely on: it leaves
   * the machine hanging when it comes while SeaBIOS is still copying itself to RAM.
   */
  async rebootGuest(serverId: string, options: GuestReboot): Promise<void> {
    const guest = this.#guests.known(serverId);
    const reboot = () =>
      this.#guests.alone(serverId, async () => {
        if (!guest.spec) throw new AgentError('not_found', `the guest of server ${serverId} was never started here`);
        await guest.discardMemory();
        const lives = (await guest.pid()) !== undefined;
        const off = !lives || (options.type === 'soft' && (await guest.powerDown(options.graceSeconds * 1000)));
        if (!off) await guest.end();
        await this.#start(rebootedSpec(guest.spec, options));
      });
    await (options.type === 'hard' ? guest.hurry(reboot) : reboot());
  }

  async pauseGuest(serverId: string): Promise<void> {
    await this.#guests.alone(serverId, () => this.#guests.known(serverId).pause());
  }

  async resumeGuest(serverId: string): Promise<void> {
    await this.#guests.alone(serverId, () => this.#goOn(this.#guests.known(serverId)));
  }

  async suspendGuest(serverId: string): Promise<void> {
    await this.#guests.alone(serverId, async () => {
      const guest = this.#guests.known(serverId);
      if ((await guest.state()) !== 'suspended') await guest.suspend();
    });
  }

  async injectNmi(serverId: string): Promise<void> {
    await this.#guests.alone(
      serverId,
      async () => void (await (await this.#guests.known(serverId).monitor()).execute('inject-nmi')),
    );
  }

  async attachDisk(serverId: string, disk: GuestDisk): Promise<void> {
    await this.#guests.alone(serverId, () => giveDisk(this.#guests.find(serverId), this.#disks, disk));
  }

  async detachDisk(serverId: string, volumeId: string): Promise<void> {
    await this.#guests.alone(serverId, () => takeDisk(this.#guests.find(serverId), this.#env, volumeId));
  }

  swapDisk(serverId: string, swap: DiskSwap): Promise<SwappedDisk> {
    return this.#guests.alone(serverId, () => swapDisk(this.#guests.find(serverId), this.#disks, swap));
  }

  async removeGuest(serverId: string): Promise<void> {
    const guest = this.#guests.find(serverId);
    if (!guest) return;
    const remove = () =>
      this.#guests.alone(serverId, async () => {
        await guest.end();
        await this.#network.removePorts((guest.spec?.nics ?? []).map(({ portId }) => portId));
        await this.#guests.remove(guest);
      });
    await guest.hurry(remove);
  }

  async guestState(serverId: string): Promise<GuestState> {
    return (await this.#guests.find(serverId)?.state()) ?? 'absent';
  }

  async consoleLog(serverId: string, lines?: number): Promise<string> {
    const { folder } = this.#guests.known(serverId);
    try {
      await trimConsoleLog(folder);
      return await readConsoleLog(folder, lines);
    } catch (error) {
      throw toAgentError(error, `the console log of server ${serverId}`);
    }
  }

  async connectConsole(serverId: string, kind: 'vnc' | 'serial') {
    const guest = this.#guests.known(serverId);
    if ((await guest.pid()) === undefined)
      throw new AgentError('not_found', `the guest of server ${serverId} does not run`);
    return connectUnixSocket(guest.folder, guestFiles[kind]);
  }

  applyNetworks(desired: DesiredNetworks): Promise<void> {
    return this.#network.apply(desired);
  }

  serveMetadata(responder: MetadataResponder): () => void {
    return this.#network.serveMetadata(responder);
  }

  async inventory(): Promise<HostInventory> {
    const [cache, disks] = await Promise.all([this.#cache.list(), this.#disks.list()]);
    const images = new Set([...cache.images, ...(await this.#disks.imagesInStorages())]);
    const guests = await this.#guests.inventory();
    const storages = await this.#disks.storageStrays();
    const strayFiles = await this.#folder.strayFiles({ cache: cache.strays, disks: disks.strays, storages });
    return {
      images: [...images].sort(),
      disks: disks.disks,
      guests,
      strayFiles,
      networkDevices: await this.#network.inventory(),
    };
  }

  watchGuests(listener: GuestListener): () => void {
    return this.#guests.watch(listener);
  }

  async close(): Promise<void> {
    this.#guests.close();
    await this.#network.close();
  }

  async #start(spec: GuestSpec): Promise<void> {
    const args = await this.#argumentsFor(spec);
    await this.#withDisks(spec, async () => {
      if (spec.hasConfigDrive && !(await this.#folder.hasConfigDrive(spec.serverId))) {
        throw new AgentError('not_found', `server ${spec.serverId} has no config drive`);
      }
      const guest = await this.#guests.ensure(spec.serverId);
      await ensureFirmware(spec, guest.folder);
      await guest.start(spec, args, await this.#network.prepareGuest(spec.nics));
    });
  }

  /** Lets a guest that is paused or suspended go on. A process left over from its suspension knows no more than the file. */
  async #goOn(guest: QemuGuest): Promise<void> {
    const { spec } = guest;
    if (!spec || !(await guest.hasMemory())) return guest.resume();
    await guest.end();
    await this.#withDisks(spec, async () =>
      guest.startFromMemory(await this.#argumentsFor(spec), await this.#network.prepareGuest(spec.nics)),
    );
  }

  async #argumentsFor(spec: GuestSpec): Promise<string[]> {
    const folder = this.#folder.guest(spec.serverId);
    const files = await this.#disks.files(spec.disks);
    const diskPath = (disk: GuestDisk) => files.get(disk.diskId) ?? this.#disks.path(disk);
    const mediumPath = (imageId: string) => this.#cache.path(imageId);
    const { accelerator } = this.#probe;
    const inCeph = await this.#disks.imagesInCeph(spec.disks.map(({ diskId }) => diskId));
    const paths = { folder, diskPath, inCeph, mediumPath, uefiCode: findUefi()?.code };
    return qemuArguments(spec, { accelerator, network: this.#network, ...paths });
  }

  async #withDisks<T>(spec: GuestSpec, work: () => Promise<T>): Promise<T> {
    const diskIds = spec.disks.map(({ diskId }) => diskId);
    return await this.#disks.hold(diskIds, async () => {
      for (const diskId of diskIds) {
        if (!(await this.#disks.exists(diskId))) throw new AgentError('not_found', `there is no disk ${diskId}`);
      }
      await assertMedia(this.#cache, spec.cdroms);
      return await work();
    });
  }
}
