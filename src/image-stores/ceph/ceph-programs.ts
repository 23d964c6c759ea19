import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { inTurn } from '../../env/precedence.ts';
import { programEnvironment } from '../../env/program-environment.ts';
import { StoreError, type StoreErrorCode } from '../store.ts';
import type { CephPlace } from './ceph-url.ts';

const { ENOENT, ENOSPC, EDQUOT, EBUSY } = constants.errno;
/** Ceph's programs end with the system's error numbers. */
const codes = new Map<number | null, StoreErrorCode>([
  [ENOENT, 'not_found'],
  [ENOSPC, 'no_space'],
  [EDQUOT, 'no_space'],
  [EBUSY, 'busy'],
]);

/** The last lines of what a program says, which have its reason. */
const keptOutput = 2000;
const progress = /\d% complete/;
/** The distribution's own, which has the modules `rados` and `rbd`: those in front of it in PATH don't. */
const python = '/usr/bin/python3';
const helper = join(import.meta.dirname, 'rbd_images.py');

/** A program of Ceph's that runs. `ended` rejects with a `StoreError` when it fails. */
export interface Running {
  child: ChildProcessWithoutNullStreams;
  ended: Promise<void>;
}

/** Ceph's programs (Debian: ceph-common), called for one pool. */
export class CephPrograms {
  readonly #place: CephPlace;

  constructor(place: CephPlace) {
    this.#place = place;
  }

  /** `rbd` with these arguments; resolves to what it prints. */
  async rbd(doing: string, args: readonly string[]): Promise<string> {
    return await output(this.startRbd(doing, args));
  }

  startRbd(doing: string, args: readonly string[]): Running {
    return start(doing, 'rbd', [...this.#options(), ...args]);
  }

  /** `ceph` with these arguments; resolves to what it prints. */
  async ceph(doing: string, args: readonly string[]): Promise<string> {
    const { conf, user, timeout } = this.#place;
    const options = ['--conf', conf, '--id', user, '--connect-timeout', `${timeout}`];
    return await output(start(doing, 'ceph', [...options, ...args]));
  }

  startRead(doing: string, place: string, start: number, end: number): Running {
    return this.#startHelper(doing, ['read', place, `${start}`, `${end}`]);
  }

  async list(): Promise<Array<{ name: string; size: number; createdAt: number }>> {
    return JSON.parse(await output(this.#startHelper('list the pool', ['list'])));
  }

  #startHelper(doing: string, args: readonly string[]): Running {
    const { conf, user, timeout, pool } = this.#place;
    return start(doing, python, [helper, conf, user, `${timeout}`, pool, ...args]);
  }

  #options(): string[] {
    const { conf, user, timeout } = this.#place;
    const limits = ['client-mount-timeout', 'rados-mon-op-timeout', 'rados-osd-op-timeout'];
    return ['--conf', conf, '--id', user, ...limits.flatMap((limit) => [`--${limit}`, `${timeout}`])];
  }
}

function start(doing: string, program: string, args: readonly string[]): Running {
  // Times are printed in the local zone.
  const env = programEnvironment({ TZ: 'UTC' });
  // In a process group of its own: an interrupt from the terminal is not for it, the pipes tell it when to end.
  const [command, ...allArgs] = inTurn([program, ...args]);
  const child = spawn(command!, allArgs, { stdio: 'pipe', env, detached: true });
  child.on('error', () => {});
  // A program that ends early closes its pipe: its exit status tells why.
  child.stdin.on('error', () => {});
  const ended = end(doing, program, child);
  ended.catch(() => {});
  return { child, ended };
}

async function end(doing: string, program: string, child: ChildProcess): Promise<void> {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (part: string) => {
    said = (said + part).slice(-keptOutput);
  });
  const missing = (cause?: Error) =>
    new StoreError('failed', `Failed to ${doing}: ${program} (Debian: ceph-common) can't be run.`, cause);
  const [code, signal] = await once(child, 'close').catch((error: Error) => {
    throw missing(error);
  });
  // So says `nice` of a program that is not there.
  if (code === 127) throw missing();
  if (code === 0) return;
  const lines = said.split(/[\r\n]+/).filter((line) => line !== '' && !progress.test(line));
  const reason =
    lines.join('; ') || (signal === null ? `${program} ended with ${code}` : `${program} was ended by ${signal}`);
  throw new StoreError(codes.get(code) ?? 'failed', `Failed to ${doing}: ${reason}`);
}

async function output({ child, ended }: Running): Promise<string> {
  child.stdin.end();
  const [printed] = await Promise.all([text(child.stdout), ended]);
  return printed;
}
