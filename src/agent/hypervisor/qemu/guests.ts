import { mkdir } from 'node:fs/promises';
import type { Env } from '../../../env/env.ts';
import { KeyedLock } from '../../../env/keyed-lock.ts';
import { AgentError, type GuestState, type HostInventory } from '../../contract.ts';
import type { BackupJob } from '../../disks/common-moment.ts';
import type { OpenDisk } from '../../disks/qcow2-disks.ts';
import type { Storages } from '../../disks/storages.ts';
import { toAgentError } from '../../errors.ts';
import type { AgentLog } from '../../log.ts';
import { currentNode } from './disk-nodes.ts';
import { QemuGuest } from './guest.ts';
import { watchGuestProcesses } from './guest-watch.ts';
import type { HostFolder } from './host-folder.ts';
import { backUpLiveDisk, resizeLiveDisk } from './live-disk.ts';
import { disksOpenIn } from './open-disks.ts';
import { letGo, whileFrozen } from './quiescence.ts';

export type GuestListener = (change: { serverId: string; state: GuestState }) => void;

interface GuestsOptions {
  env: Env;
  log: AgentLog;
  binary: string;
  folder: HostFolder;
  storages: Storages;
}

/** The guests of a host: which there are, one piece of work on each at a time, and whom their changes are told to. */
export class QemuGuests {
  readonly #options: GuestsOptions;
  readonly #guests = new Map<string, QemuGuest>();
  readonly #locks = new KeyedLock();
  readonly #listeners = new Set<GuestListener>();
  readonly #stopChecking: () => void;

  constructor(options: GuestsOptions) {
    this.#options = options;
    this.#stopChecking = watchGuestProcesses(options.env, options.log, this.#guests);
  }

  /** Finds the guests that an earlier agent has left. */
  async adopt(): Promise<void> {
    const { folder, log } = this.#options;
    const ids = await folder.guestIds();
    await Promise.all(
      ids.map(async (serverId) => {
        const guest = this.#new(serverId);
        this.#guests.set(serverId, guest);
        await guest.adopt().catch((error) => log.warn({ serverId, error }, 'a guest could not be adopted yet'));
        // In the background: an agent may not answer.
        if ((await guest.pid()) !== undefined) void letGo(guest, this.#options);
      }),
    );
  }

  find(serverId: string): QemuGuest | undefined {
    return this.#guests.get(serverId);
  }

  /** Throws `not_found`. */
  known(serverId: string): QemuGuest {
    const guest = this.#guests.get(serverId);
    if (!guest) throw new AgentError('not_found', `server ${serverId} has no guest on this host`);
    return guest;
  }

  /** The guest, made known with a folder of its own where it is new. */
  async ensure(serverId: string): Promise<QemuGuest> {
    const known = this.#guests.get(serverId);
    if (known) return known;
    const guest = this.#new(serverId);
    await mkdir(guest.folder, { recursive: true, mode: 0o700 });
    this.#guests.set(serverId, guest);
    return guest;
  }

  /** Removes all that is kept of a guest whose process has ended. */
  async remove(guest: QemuGuest): Promise<void> {
    await guest.removeFolder();
    guest.close();
    this.#guests.delete(guest.serverId);
  }

  /** Runs work on a server's guest when earlier work on it has ended; whatever goes wrong becomes an `AgentError`. */
  alone<T>(serverId: string, work: () => Promise<T>): Promise<T> {
    return this.#locks.run(serverId, async () => {
      try {
        return await work();
      } catch (error) {
        throw toAgentError(error, `the guest of server ${serverId}`);
      }
    });
  }

  /** The guest that runs and has the disk open. */
  async findOpen(diskId: string): Promise<OpenDisk | undefined> {
    for (const guest of this.#guests.values()) {
      const disk = guest.spec?.disks.find((one) => one.diskId === diskId);
      if (!disk || (await guest.pid()) === undefined) continue;
      return {
        serverId: guest.serverId,
        resize: async (size) => {
          await this.#refuseShared(diskId, guest);
          const qmp = await guest.monitor();
          return resizeLiveDisk(qmp, await currentNode(qmp, disk.volumeId), size);
        },
        backup: async (target, moment) => {
          await this.#refuseShared(diskId, guest);
          const qmp = await guest.monitor();
          const node = await currentNode(qmp, disk.volumeId);
          const beginAll = (jobs: readonly BackupJob[]) => {
            const actions = jobs.map((data) => ({ type: 'blockdev-backup', data }));
            return whileFrozen(guest, this.#options, () => qmp.execute('transaction', { actions }));
          };
          return await backUpLiveDisk(qmp, node, target, (begin, job) =>
            moment ? moment.arrive(job, beginAll) : whileFrozen(guest, this.#options, begin),
          );
        },
      };
    }
    return undefined;
  }

  /** What one guest's QEMU does to a disk, another's that has it too does not see. */
  async #refuseShared(diskId: string, owner: QemuGuest): Promise<void> {
    for (const guest of this.#guests.values()) {
      const hasIt = guest !== owner && guest.spec?.disks.some((one) => one.diskId === diskId);
      if (!hasIt || (await guest.pid()) === undefined) continue;
      const words = `disk ${diskId} is open in the guests of servers ${owner.serverId} and ${guest.serverId}`;
      throw new AgentError('in_use', words, { retryable: false });
    }
  }

  /** Whether the image is in a drive of a guest, or will be when that is started again. */
  hasMedium(imageId: string): boolean {
    return [...this.#guests.values()].some(({ spec }) => spec?.cdroms?.some((cdrom) => cdrom.imageId === imageId));
  }

  async inventory(): Promise<HostInventory['guests']> {
    const folders = [this.#options.folder.disks, ...(await this.#options.storages.folders())];
    return await Promise.all(
      [...this.#guests.values()].map(async (guest) => {
        const [state, pid] = await Promise.all([guest.state(), guest.pid()]);
        const hasConfigDrive = await this.#options.folder.hasConfigDrive(guest.serverId);
        const { serverId } = guest;
        if (pid === undefined) return { serverId, state, hasConfigDrive };
        const openDisks = await disksOpenIn(pid, folders);
        return { serverId, state, pid, hasConfigDrive, ...(openDisks ? { openDisks } : {}) };
      }),
    );
  }

  watch(listener: GuestListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Lets go of the guests, which run on. */
  close(): void {
    this.#stopChecking();
    this.#listeners.clear();
    for (const guest of this.#guests.values()) guest.close();
  }

  #new(serverId: string): QemuGuest {
    const { env, log, binary, folder } = this.#options;
    return new QemuGuest(serverId, folder.guest(serverId), {
      env,
      log,
      binary,
      onChange: (state) => {
        for (const listener of [...this.#listeners]) listener({ serverId, state });
      },
    });
  }
}
