import { isAbsolute, join } from 'node:path';
import { KeyedLock } from '../../../env/keyed-lock.ts';
import {
  AgentError,
  type CachedImage,
  type DesiredNetworks,
  type DesiredStorage,
  type DiskExport,
  type DiskSpec,
  type DiskUsage,
  type GuestDisk,
  type GuestReboot,
  type GuestSpec,
  type GuestState,
  type HostDescription,
  type HostInventory,
  type InsightVerbs,
  type MediumVerbs,
  type MetadataResponder,
  type MigrationVerbs,
  type NicVerbs,
  type StorageVerbs,
} from '../../contract.ts';
import { assertSafeId, assertServerId, toAgentError } from '../../errors.ts';
import type { FileContents } from '../../file-content.ts';
import { rebootedSpec } from '../../rebooted-spec.ts';
import { giveDisk, takeDisk } from './guest-disks.ts';
import { simulatedHandover } from './handover.ts';
import { simulatedInsight } from './insight.ts';
import { assertMedia, assertUnused, simulatedMedia } from './media.ts';
import { SimulatedNetworks } from './networks.ts';
import { simulatedNics } from './nics.ts';
import { SimulatedObjects } from './objects.ts';
import type { AgentVerb, SimulatedHost, SimulatedHostOptions } from './options.ts';
import {
  emptyDiskBytes,
  gibibyte,
  machineFiles,
  newDisk,
  openDisksOf,
  type ReachedFiles,
  refuseOpen,
  type SimulatedDisk,
  type SimulatedGuest,
  type SimulatedImage,
  wholeSectors,
} from './parts.ts';
import { installPathOf, simulatedStorages } from './storages.ts';

export type { AgentVerb, SimulatedHost, SimulatedHostOptions } from './options.ts';

/** Opens a simulated host; on a folder of an earlier one it finds its guests, disks and images again. */
export async function openSimulatedHost(options: SimulatedHostOptions): Promise<SimulatedHost> {
  const host = new InMemoryHost(options);
  return Object.assign(host, host.otherVerbs());
}

type OtherVerbs = MigrationVerbs & InsightVerbs & NicVerbs & MediumVerbs & StorageVerbs;

class InMemoryHost implements Omit<SimulatedHost, keyof OtherVerbs> {
  readonly #options: SimulatedHostOptions;
  readonly #capacity: { vcpus: number; memoryMb: number; diskGb: number };
  readonly #images: SimulatedObjects<SimulatedImage>;
  readonly #disks: SimulatedObjects<SimulatedDisk>;
  readonly #guests: SimulatedObjects<SimulatedGuest>;
  readonly #storages: SimulatedObjects<DesiredStorage>;
  readonly #files: ReachedFiles;
  readonly networks = new SimulatedNetworks();
  readonly #locks = new KeyedLock();
  readonly #startedAt: number;
  readonly #listeners = new Set<(change: { serverId: string; state: GuestState }) => void>();

  constructor(options: SimulatedHostOptions) {
    this.#options = options;
    this.#startedAt = options.env.now();
    this.#capacity = options.capacity ?? { vcpus: 64, memoryMb: 262_144, diskGb: 10_240 };
    this.#files = options.files ?? machineFiles;
    const folder = (name: string) => (options.directory === undefined ? undefined : join(options.directory, name));
    this.#images = new SimulatedObjects(folder('images'));
    this.#disks = new SimulatedObjects(folder('disks'));
    this.#guests = new SimulatedObjects(folder('guests'));
    this.#storages = new SimulatedObjects(folder('storages'));
  }

  otherVerbs(): OtherVerbs {
    const parts = {
      guests: this.#guests,
      disks: this.#disks,
      images: this.#images,
      storages: this.#storages,
      capacityBytes: this.#capacity.diskGb * gibibyte,
      storageProblem: this.#options.storageProblem,
      verb: <T>(verb: AgentVerb, args: readonly unknown[], work: () => Promise<T>) => this.#verb(verb, args, work),
      known: (serverId: string) => this.#known(serverId),
      refuseOpen: (diskId: string) => this.#refuseOpen(diskId),
    };
    return {
      ...simulatedHandover(parts),
      ...simulatedInsight(parts),
      ...simulatedNics(parts),
      ...simulatedMedia(parts),
      ...simulatedStorages(parts),
    };
  }

  describe(): Promise<HostDescription> {
    return this.#verb('describe', [], async () => ({
      hypervisorType: 'simulated',
      hypervisorVersion: 1_000_000,
      accelerator: 'none',
      architecture: 'x86_64',
      hostname: this.#options.hostname ?? 'simulated-host',
      ...this.#capacity,
      freeDiskGb: Math.floor(this.#freeBytes() / gibibyte),
      networking: this.networks.networking,
      uptimeSeconds: Math.floor((this.#options.env.now() - this.#startedAt) / 1_000_000),
    }));
  }

  ensureImageCached(image: CachedImage): Promise<{ virtualSize: number }> {
    assertSafeId('image', image.imageId);
    return this.#verb('ensureImageCached', [image], () =>
      this.#locks.run(`image ${image.imageId}`, async () => {
        const { imageId, format, size, source } = image;
        if (source.kind === 'rbd') throw new AgentError('unsupported', 'a simulated host reaches no Ceph');
        const known = this.#images.get(imageId);
        if (known?.size === size && known.format === format) return { virtualSize: known.virtualSize };
        try {
          const found = await this.#files.size(source.path);
          if (found !== size) {
            throw new AgentError('bad_image', `the file of image ${imageId} has ${found} bytes, not ${size}`);
          }
          this.#needRoom(size);
          const virtualSize = await this.#files.virtualSize(source.path, format, size);
          this.#images.set(imageId, { format, size, virtualSize });
          return { virtualSize };
        } catch (error) {
          throw toAgentError(error, `image ${imageId} could not be cached`);
        }
      }),
    );
  }

  removeCachedImage(imageId: string): Promise<void> {
    return this.#verb('removeCachedImage', [imageId], async () => {
      assertUnused(imageId, this.#disks, this.#guests);
      this.#images.delete(imageId);
    });
  }

  loseImage(imageId: string): void {
    this.#images.delete(imageId);
  }

  ensureDisk(disk: DiskSpec): Promise<DiskUsage> {
    assertSafeId('disk', disk.diskId);
    return this.#verb('ensureDisk', [disk], async () => this.#ensureDisk(disk));
  }

  ensureDisks(disks: DiskSpec[]): Promise<DiskUsage[]> {
    return this.#verb('ensureDisks', [disks], async () => disks.map((disk) => this.#ensureDisk(disk)));
  }

  #ensureDisk(disk: DiskSpec): DiskUsage {
    const known = this.#disks.get(disk.diskId);
    if (!known) this.#needRoom(emptyDiskBytes);
    if (!known && disk.storageId !== undefined) this.#storage(disk.storageId);
    const made = known ?? newDisk(disk, this.#images, (diskId) => this.#disk(diskId));
    const virtualSize = Math.max(made.virtualSize, known ? wholeSectors(disk.size) : 0);
    this.#disks.set(disk.diskId, { ...made, virtualSize });
    return this.#usage(disk.diskId);
  }

  removeDisk(diskId: string): Promise<void> {
    return this.#verb('removeDisk', [diskId], async () => {
      this.#refuseOpen(diskId);
      this.#disks.delete(diskId);
    });
  }

  diskUsage = (diskId: string) => this.#verb('diskUsage', [diskId], async () => this.#usage(diskId));

  exportDisk(request: DiskExport): Promise<{ size: number; virtualSize: number }> {
    return this.#verb('exportDisk', [request], async () => {
      const { path } = request.target;
      if (!isAbsolute(path)) throw new AgentError('unsupported', `${path} is not an absolute path`);
      const { virtualSize } = this.#usage(request.diskId);
      try {
        return { size: await this.#files.writeEmptyDisk(path, request.format, virtualSize), virtualSize };
      } catch (error) {
        throw toAgentError(error, `disk ${request.diskId} could not be exported`);
      }
    });
  }

  ensureConfigDrive(serverId: string, files: FileContents): Promise<void> {
    assertServerId(serverId);
    return this.#verb('ensureConfigDrive', [serverId, files], async () => {
      const guest = this.#guests.get(serverId) ?? { state: 'stopped', starts: 0 };
      this.#guests.set(serverId, { ...guest, configDrive: files });
    });
  }

  ensureGuestRunning(spec: GuestSpec): Promise<void> {
    assertServerId(spec.serverId);
    return this.#verb('ensureGuestRunning', [spec], async () => {
      const guest = this.#guests.get(spec.serverId);
      if (guest?.state === 'running') return;
      if (guest?.state === 'paused' || guest?.state === 'suspended')
        this.#guests.set(spec.serverId, { ...guest, state: 'running' });
      else this.#start(spec);
    });
  }

  stopGuest(serverId: string, options: { graceSeconds: number }): Promise<void> {
    return this.#verb('stopGuest', [serverId, options], async () => this.#setState(serverId, 'stopped'));
  }

  rebootGuest(serverId: string, options: GuestReboot): Promise<void> {
    return this.#verb('rebootGuest', [serverId, options], async () => {
      const { spec } = this.#known(serverId);
      if (!spec) throw new AgentError('not_found', `the guest of server ${serverId} was never started here`);
      this.#start(rebootedSpec(spec, options));
    });
  }

  pauseGuest = (serverId: string) =>
    this.#verb('pauseGuest', [serverId], async () => this.#setLivingState(serverId, 'paused'));
  resumeGuest = (serverId: string) =>
    this.#verb('resumeGuest', [serverId], async () => this.#setLivingState(serverId, 'running'));

  suspendGuest(serverId: string): Promise<void> {
    return this.#verb('suspendGuest', [serverId], async () => this.#setLivingState(serverId, 'suspended'));
  }

  injectNmi(serverId: string): Promise<void> {
    return this.#verb('injectNmi', [serverId], async () => {
      const { state } = this.#known(serverId);
      if (state !== 'stopped' && state !== 'suspended') return;
      throw new AgentError('not_found', `the guest of server ${serverId} does not run`);
    });
  }

  connectConsole(serverId: string): Promise<never> {
    return this.#verb('connectConsole', [serverId], async () => {
      throw new AgentError('unsupported', 'a simulated guest has no console');
    });
  }

  attachDisk(serverId: string, disk: GuestDisk): Promise<void> {
    return this.#verb('attachDisk', [serverId, disk], async () => giveDisk(this.#guests, this.#disks, serverId, disk));
  }

  detachDisk(serverId: string, volumeId: string): Promise<void> {
    return this.#verb('detachDisk', [serverId, volumeId], async () => takeDisk(this.#guests, serverId, volumeId));
  }

  removeGuest(serverId: string): Promise<void> {
    return this.#verb('removeGuest', [serverId], async () => this.#guests.delete(serverId));
  }

  guestState(serverId: string): Promise<GuestState> {
    return this.#verb('guestState', [serverId], async () => this.#guests.get(serverId)?.state ?? 'absent');
  }

  consoleLog(serverId: string, lines?: number): Promise<string> {
    return this.#verb('consoleLog', [serverId, lines], async () => {
      const { starts, spec } = this.#known(serverId);
      if (starts === 0 || lines === 0) return '';
      return `*** SIMULATED GUEST: ${spec?.instanceName} has no machine and runs no system; "started" ${starts} time(s) ***\n`;
    });
  }

  applyNetworks(desired: DesiredNetworks): Promise<void> {
    return this.#verb('applyNetworks', [desired], async () => this.networks.apply(desired));
  }

  serveMetadata(responder: MetadataResponder): () => void {
    return this.networks.serveMetadata(responder);
  }

  inventory(): Promise<HostInventory> {
    return this.#verb('inventory', [], async () => ({
      images: this.#images.keys(),
      disks: this.#disks.keys(),
      guests: [...this.#guests.entries()].map(([serverId, guest]) => ({
        serverId,
        state: guest.state,
        hasConfigDrive: guest.configDrive !== undefined,
        ...openDisksOf(guest),
      })),
      strayFiles: [],
      networkDevices: [],
    }));
  }

  watchGuests(listener: (change: { serverId: string; state: GuestState }) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    for (const objects of [this.#images, this.#disks, this.#guests, this.#storages]) objects.close();
  }

  endGuest(serverId: string): void {
    if (this.#known(serverId).state === 'stopped') return;
    this.#setState(serverId, 'stopped');
    for (const listener of [...this.#listeners]) listener({ serverId, state: 'stopped' });
  }

  guestSpec(serverId: string): GuestSpec | undefined {
    return this.#guests.get(serverId)?.spec;
  }

  configDrive(serverId: string): FileContents | undefined {
    return this.#guests.get(serverId)?.configDrive;
  }

  async #verb<T>(verb: AgentVerb, args: readonly unknown[], work: () => Promise<T>): Promise<T> {
    const { env, latency, faults, lostAnswers } = this.#options;
    const delay = latency?.[verb] ?? 0;
    if (delay > 0) await env.sleep(delay);
    const fault = faults?.(verb, args);
    if (fault) throw fault;
    const result = await work();
    const lost = lostAnswers?.(verb, args);
    if (lost) throw lost;
    return result;
  }

  #start(spec: GuestSpec): void {
    if (spec.bootMode === 'uefi') throw new AgentError('unsupported', 'UEFI guests are not supported on this host');
    for (const { diskId } of spec.disks) {
      if (!this.#disks.get(diskId)) throw new AgentError('not_found', `there is no disk ${diskId}`);
    }
    assertMedia(this.#images, spec.cdroms);
    const guest = this.#guests.get(spec.serverId);
    if (spec.hasConfigDrive && !guest?.configDrive) {
      throw new AgentError('not_found', `server ${spec.serverId} has no config drive`);
    }
    const starts = (guest?.starts ?? 0) + 1;
    this.#guests.set(spec.serverId, { ...guest, state: 'running', spec, starts });
  }

  #known(serverId: string): SimulatedGuest {
    const guest = this.#guests.get(serverId);
    if (!guest) throw new AgentError('not_found', `server ${serverId} has no guest on this host`);
    return guest;
  }

  #setLivingState(serverId: string, state: 'running' | 'paused' | 'suspended'): void {
    const now = this.#known(serverId).state;
    if (now === 'stopped' || (now === 'suspended' && state === 'paused')) {
      throw new AgentError('not_found', `the guest of server ${serverId} does not run`);
    }
    this.#setState(serverId, state);
  }

  #setState(serverId: string, state: SimulatedGuest['state']): void {
    const guest = this.#guests.get(serverId);
    if (guest && guest.state !== state) this.#guests.set(serverId, { ...guest, state });
  }

  #refuseOpen(diskId: string, except?: string): void {
    refuseOpen(this.#guests.entries(), diskId, except);
  }

  #disk(diskId: string): SimulatedDisk {
    const disk = this.#disks.get(diskId);
    if (!disk) throw new AgentError('not_found', `there is no disk ${diskId}`);
    return disk;
  }

  #usage(diskId: string): DiskUsage {
    const { virtualSize, actualSize, storageId } = this.#disk(diskId);
    const storage = storageId === undefined ? undefined : this.#storage(storageId);
    return { virtualSize, actualSize, installPath: installPathOf(diskId, storage) };
  }

  #storage(storageId: string): DesiredStorage {
    const storage = this.#storages.get(storageId);
    if (!storage) throw new AgentError('not_found', `this host has no storage ${storageId}`);
    return storage;
  }

  #freeBytes(): number {
    let used = 0;
    for (const image of this.#images.values()) used += image.size;
    for (const disk of this.#disks.values()) used += disk.actualSize;
    return Math.max(0, this.#capacity.diskGb * gibibyte - used);
  }

  #needRoom(bytes: number): void {
    const free = this.#freeBytes();
    if (bytes > free) throw new AgentError('no_space', `${bytes} bytes are needed, ${free} are free`);
  }
}
