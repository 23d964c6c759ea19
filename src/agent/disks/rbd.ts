import type { Env } from '../../env/env.ts';
import { AgentError, type AgentErrorCode, type RbdImage, type RbdParent } from '../contract.ts';
import { runCommand } from '../programs/run-command.ts';

/** How long a watcher that was killed keeps an image busy: Ceph forgets it after half a minute. Milliseconds. */
const watcherLimitMs = 45_000;
const minuteMs = 60_000;
/** Seconds after which a cluster that says nothing is taken for gone. */
const timeout = 30;

/** `rbd` ends with the system's error numbers. */
const codes = new Map<number | null, AgentErrorCode>([
  [2, 'not_found'],
  [16, 'in_use'],
  [28, 'no_space'],
  [122, 'no_space'],
  [110, 'unreachable'],
]);

/** The few calls of Ceph's `rbd` (Debian: ceph-common) that make disks. Each of them may be repeated. */
export class Rbd {
  readonly #env: Env;

  constructor(env: Env) {
    this.#env = env;
  }

  /** Makes a layer over a protected snapshot, of the same size. */
  async clone(parent: RbdParent, to: RbdImage): Promise<void> {
    await this.#run(parent, ['clone', `${nameOf(parent)}@${parent.snapshot}`, nameOf(to)]);
  }

  /** Makes an image with nothing on it. */
  async create(image: RbdImage, size: number): Promise<void> {
    await this.#run(image, ['create', '--size', `${size}B`, nameOf(image)]);
  }

  /** Makes an image of a file, of which holes take no room. */
  async import(path: string, to: RbdImage, bytes: number): Promise<void> {
    await this.#run(to, ['import', '--no-progress', path, nameOf(to)], minuteMs + bytes / 10_000);
  }

  /** Copies what an image that nobody writes to has of its own: a layer stays one, over the same snapshot, unless it is to be flat. */
  async copy(from: RbdImage, to: RbdImage, bytes: number, { flat }: { flat: boolean }): Promise<void> {
    const how = ['deep', 'cp', '--no-progress', ...(flat ? ['--flatten'] : [])];
    // As slow as 10 MB/s.
    await this.#run(from, [...how, nameOf(from), nameOf(to)], minuteMs + bytes / 10_000);
  }

  /** Bytes. `rbd` refuses to shrink unless told to, which this never does. */
  async resize(image: RbdImage, size: number): Promise<void> {
    await this.#run(image, ['resize', '--no-progress', '--size', `${size}B`, nameOf(image)]);
  }

  /** No error when there is none. Waits for what watches it to be forgotten; `in_use` when something still does. */
  async remove(image: RbdImage): Promise<void> {
    const deadline = this.#env.now() + watcherLimitMs * 1000;
    for (;;) {
      try {
        await this.#run(image, ['rm', '--no-progress', nameOf(image)]);
        return;
      } catch (error) {
        if (!(error instanceof AgentError)) throw error;
        if (error.code === 'not_found') return;
        if (error.code !== 'in_use' || this.#env.now() > deadline) throw error;
        await this.#env.sleep(1000);
      }
    }
  }

  async exists(image: RbdImage): Promise<boolean> {
    try {
      await this.#run(image, ['info', '--format=json', nameOf(image)]);
      return true;
    } catch (error) {
      if (error instanceof AgentError && error.code === 'not_found') return false;
      throw error;
    }
  }

  /** The size that a guest sees, and the bytes that the image has of its own. */
  async usage(image: RbdImage): Promise<{ virtualSize: number; actualSize: number }> {
    const printed = await this.#run(image, ['du', '--format=json', nameOf(image)]);
    const [found] = JSON.parse(printed).images as Array<{ provisioned_size: number; used_size: number }>;
    return { virtualSize: found!.provisioned_size, actualSize: found!.used_size };
  }

  async #run({ conf, user }: RbdImage, args: string[], wallMs = minuteMs): Promise<string> {
    const limits = ['rados-mon-op-timeout', 'rados-osd-op-timeout', 'client-mount-timeout'];
    const options = ['--conf', conf, '--id', user, ...limits.flatMap((name) => [`--${name}`, `${timeout}`])];
    // A limit of processor time has it end with this process, too.
    const result = await runCommand(this.#env, 'rbd', [...options, ...args], {
      limits: { wallMs, cpuSeconds: Math.ceil(wallMs / 1000) },
    });
    if (result.exitCode === 0) return result.stdout;
    const words = result.stderr.trim().slice(-500) || `it ended with ${result.signal ?? result.exitCode}`;
    if (result.timedOut) throw new AgentError('unreachable', `rbd ${args[0]} took too long and was ended`);
    const code = codes.get(result.exitCode) ?? 'hypervisor_failed';
    throw new AgentError(code, `rbd ${args[0]}: ${words}`, { retryable: code === 'in_use' || code === 'unreachable' });
  }
}

function nameOf({ pool, image }: RbdImage): string {
  return `${pool}/${image}`;
}

/** How QEMU opens the image: as `file` of a raw node. */
export function rbdNode({ conf, user, pool, image }: RbdImage, snapshot?: string): object {
  return { driver: 'rbd', conf, user, pool, image, ...(snapshot === undefined ? {} : { snapshot }) };
}
