import { mkdir, readdir, rmdir } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { Env } from '../../env/env.ts';
import { KeyedLock } from '../../env/keyed-lock.ts';
import { AgentError, type NfsMount } from '../contract.ts';
import { assertSafeId, isNotFound } from '../errors.ts';
import type { MountedFileSystem, NfsClient } from './nfs-client.ts';

/** For how long it is believed that a server answers, and that it does not, microseconds. */
const believed = { answering: 1_000_000, silent: 10_000_000 } as const;

interface Probe {
  until: number;
  result: Promise<void>;
}

/**
 * Folders of NFS servers that the host has mounted: `<folder>/<storage id>` each. Nothing else of the host waits for a
 * server: whoever wants something from below asks first whether it is mounted and answers, which always ends soon.
 */
export class NfsMounts {
  readonly #folder: string;
  readonly #env: Env;
  readonly #client: NfsClient;
  readonly #lock = new KeyedLock();
  readonly #probes = new Map<string, Probe>();

  constructor(folder: string, env: Env, client: NfsClient) {
    this.#folder = folder;
    this.#env = env;
    this.#client = client;
  }

  /** Where the storage is mounted. */
  point(storageId: string): string {
    assertSafeId('storage', storageId);
    return join(this.#folder, storageId);
  }

  /** Whether the path is below a mount of this host, mounted or not. */
  holds(path: string): boolean {
    return path.startsWith(this.#folder + sep);
  }

  /** The storages for which there is a mount point. */
  async ids(): Promise<string[]> {
    return await readdir(this.#folder).catch((error: unknown) => {
      if (isNotFound(error)) return [];
      throw error;
    });
  }

  /** Has it mounted, whatever was there before. Throws with the reason where it can't be, or does not answer. */
  async ensure(storageId: string, wanted: NfsMount): Promise<void> {
    const point = this.point(storageId);
    await this.#lock.run(storageId, async () => {
      const there = await this.#mountedAt(point);
      if (there && isSame(there, wanted)) {
        const why = await this.#whySilent(storageId);
        if (why === undefined) return;
        // The server has another folder there than it had: to mount it anew is all that helps.
        if (!isStale(why)) throw why;
      }
      if (there) await this.#unmount(storageId, there);
      await mkdir(point, { recursive: true, mode: 0o700 });
      const [strange] = await readdir(point);
      if (strange !== undefined) throw failed(`nothing is mounted at ${point}, and it is not empty: it has ${strange}`);
      await this.#client.mount(point, wanted);
      const now = await this.#mountedAt(point);
      if (!now || !isSame(now, wanted)) throw failed(`${wanted.source} was mounted, and is not at ${point}`);
      const why = await this.#whySilent(storageId);
      if (why) throw why;
    });
  }

  /** Unmounts what the host has no more. What is dead, too: nothing of the host may use it any more. */
  async drop(storageId: string): Promise<void> {
    const point = this.point(storageId);
    await this.#lock.run(storageId, async () => {
      for (let there = await this.#mountedAt(point); there; there = await this.#mountedAt(point))
        await this.#unmount(storageId, there);
      await rmdir(point).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
      this.#probes.delete(storageId);
    });
  }

  /** Throws where the path is below a mount that is not there, or whose server does not answer. */
  async assertAnswering(path: string): Promise<void> {
    if (!this.holds(path)) return;
    const storageId = path.slice(this.#folder.length + 1).split(sep)[0]!;
    const known = this.#probes.get(storageId);
    const probe = known && known.until > this.#env.now() ? known : this.#probe(storageId);
    return await probe.result;
  }

  async #whySilent(storageId: string): Promise<Error | undefined> {
    return await this.#probe(storageId).result.then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
    );
  }

  /** Who asks while the answer is waited for gets that one. */
  #probe(storageId: string): Probe {
    const point = this.point(storageId);
    const ask = async () => {
      if (!(await this.#mountedAt(point))) throw failed(`${point} is not mounted`);
      await this.#client.probe(point);
    };
    const probe: Probe = { until: Number.POSITIVE_INFINITY, result: ask() };
    this.#probes.set(storageId, probe);
    const hold = (micros: number) => () => {
      probe.until = this.#env.now() + micros;
    };
    probe.result.then(hold(believed.answering), hold(believed.silent));
    return probe;
  }

  async #unmount(storageId: string, { point, type, source }: MountedFileSystem): Promise<void> {
    if (!isNfs(type)) throw failed(`${point} is occupied by ${source} (${type})`);
    const why = await this.#whySilent(storageId);
    await this.#client.unmount(point, { isDead: why !== undefined && !isStale(why) });
    this.#probes.delete(storageId);
  }

  async #mountedAt(point: string): Promise<MountedFileSystem | undefined> {
    return (await this.#client.mounted()).findLast((one) => one.point === point);
  }
}

/** Whether the server answers, and has no longer what it had. */
function isStale({ message }: Error): boolean {
  return /stale/i.test(message);
}

function isNfs(type: string): boolean {
  return type === 'nfs' || type === 'nfs4';
}

function isSame({ type, source }: MountedFileSystem, wanted: NfsMount): boolean {
  const plain = (place: string) => place.replaceAll(/\/+/g, '/').replace(/(?<=.)\/$/, '');
  return isNfs(type) && plain(source) === plain(wanted.source);
}

function failed(message: string): AgentError {
  return new AgentError('hypervisor_failed', message);
}
