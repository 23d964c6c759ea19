import { isAbsolute } from 'node:path';
import type { Env } from '../../env/env.ts';
import { AgentError, type RbdImage, type RbdParent } from '../contract.ts';
import { type CommandLimits, runCommand } from '../programs/run-command.ts';
import { rbdNode } from './rbd.ts';

/** Formats by QEMU's names. */
export type QemuFormat = 'qcow2' | 'raw' | 'vmdk' | 'vdi' | 'vpc' | 'vhdx';

/** What a disk is a layer over: a file, and how the disk's header names it. */
export interface Backing {
  path: string;
  format: 'qcow2' | 'raw';
  /** Relative to the disk's folder; the path where none is said. */
  named?: string;
}

const gibibyte = 1024 ** 3;

/**
 * The few calls of qemu-img that the agent makes. Every format is given, never probed: a guest can write any header
 * into a raw disk (CVE-2016-2140, CVE-2024-40767, CVE-2026-24708). Paths are absolute, so that none is taken for a
 * protocol such as `json:`. Each call has limits of memory and time (CVE-2015-5162).
 */
export class QemuImg {
  readonly #env: Env;

  constructor(env: Env) {
    this.#env = env;
  }

  create(path: string, format: 'qcow2' | 'raw', size: number, backing?: Backing) {
    const base = backing ? baseOf(backing) : [];
    return this.#run(['create', '-q', '-f', format, ...base, absolute(path), String(size)], limitsForMetadata);
  }

  /** Grows a disk; qemu-img refuses to shrink unless told to, which this never does. */
  resize({ path, format }: { path: string; format: 'qcow2' | 'raw' }, size: number): Promise<void> {
    return this.#run(['resize', '-q', '-f', format, absolute(path), String(size)], limitsForMetadata);
  }

  /** Says what a disk is a layer over from now on: the same content in another place. Nothing is copied. */
  rebase(path: string, backing: Backing): Promise<void> {
    return this.#run(['rebase', '-q', '-u', '-f', 'qcow2', ...baseOf(backing), absolute(path)], limitsForMetadata);
  }

  /** Throws `in_use` where anybody writes to the disk, as far as the file system tells of locks. */
  assertClosed({ path, format }: { path: string; format: 'qcow2' | 'raw' }): Promise<void> {
    return this.#run(['info', '-f', format, absolute(path)], limitsForMetadata);
  }

  /** Writes a flat copy. `bytes` is how much there may be to copy: the time allowed follows from it. */
  convert(
    from: { path: string; format: QemuFormat },
    to: { path: string; format: 'qcow2' | 'raw' },
    options: { bytes: number; maxFileSize?: number },
  ): Promise<void> {
    const limits = { ...limitsForCopy(options.bytes), fileSize: options.maxFileSize };
    const args = ['convert', '-q', '-f', from.format, '-O', to.format, absolute(from.path), absolute(to.path)];
    return this.#run(args, limits);
  }

  /** Writes a flat copy of a raw image in Ceph, from its snapshot where one is named. */
  convertRbd(
    from: RbdImage & { snapshot?: string },
    to: { path: string; format: 'qcow2' | 'raw' },
    { bytes }: { bytes: number },
  ): Promise<void> {
    const limits = { ...limitsForCopy(bytes), addressSpace: addressSpaceForCeph };
    return this.#run(['convert', '-q', '-O', to.format, rbdName(from), absolute(to.path)], limits);
  }

  /** Whether this host's QEMU can open a snapshot in Ceph. Throws `unsupported` when not. */
  async assertReadable(parent: RbdParent): Promise<void> {
    const limits = { ...limitsForMetadata, addressSpace: addressSpaceForCeph };
    try {
      await this.#run(['info', rbdName(parent)], limits);
    } catch (error) {
      throw new AgentError('unsupported', `this host's QEMU can't read ${parent.pool}/${parent.image}`, {
        cause: error,
      });
    }
  }

  async #run(args: string[], limits: CommandLimits): Promise<void> {
    const result = await runCommand(this.#env, 'qemu-img', args, { limits });
    if (result.exitCode === 0) return;
    const words = result.stderr.trim().slice(0, 500);
    const what = `qemu-img ${args[0]}`;
    if (result.timedOut || result.signal === 'SIGXCPU' || result.signal === 'SIGKILL') {
      throw new AgentError('bad_image', `${what} took too long and was ended`);
    }
    if (result.signal === 'SIGXFSZ' || /No space left|Disk quota exceeded|File too large/.test(words)) {
      throw new AgentError('no_space', `${what}: ${words || 'the result is too large'}`);
    }
    if (/Cannot allocate memory/.test(words))
      throw new AgentError('bad_image', `${what} needs too much memory: ${words}`);
    if (/Failed to get .*lock/.test(words)) {
      throw new AgentError('in_use', `${what}: ${words}`, { retryable: true });
    }
    throw new AgentError('hypervisor_failed', `${what} failed (${result.signal ?? result.exitCode}): ${words}`);
  }
}

/** A name that is relative to the disk's folder is none of a protocol's: it has no colon. */
function baseOf({ path, format, named }: Backing): string[] {
  return ['-b', named ?? absolute(path), '-F', format];
}

/** librbd has dozens of threads, whose stacks and heaps are addresses and hardly memory. */
const addressSpaceForCeph = 32 * gibibyte;
const limitsForMetadata: CommandLimits = { wallMs: 60_000, addressSpace: 2 * gibibyte, cpuSeconds: 30 };

/** Half a minute, and room for a disk that is as slow as 10 MB/s. */
function limitsForCopy(bytes: number): CommandLimits {
  const slowest = Math.ceil(bytes / 10_000_000);
  return { wallMs: (60 + slowest) * 1000, addressSpace: 2 * gibibyte, cpuSeconds: 30 + slowest, stepsAside: true };
}

/** Its driver is given, so that nothing is probed. */
function rbdName(image: RbdImage & { snapshot?: string }): string {
  return `json:${JSON.stringify({ driver: 'raw', file: rbdNode(image, image.snapshot) })}`;
}

function absolute(path: string): string {
  if (!isAbsolute(path)) throw new AgentError('unsupported', `${path} is not an absolute path`);
  return path;
}
