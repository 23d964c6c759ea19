import { access, readFile } from 'node:fs/promises';
import type { Env } from '../../env/env.ts';
import { settlesWithin } from '../../env/settles-within.ts';
import { AgentError, type NfsMount } from '../contract.ts';
import { type CommandResult, runCommand } from '../programs/run-command.ts';

/** How long programs may take that ask an NFS server, seconds: together less than a host may take to say what it has. */
const limits = { mount: 10, unmount: 6, probe: 3 } as const;

/** What is added to the options of every mount: programs and devices of the server are nothing to a host. */
const ownOptions = ['nosuid', 'nodev', 'noexec'];

/** A file system and where it is mounted. */
export interface MountedFileSystem {
  point: string;
  type: string;
  source: string;
}

/** What mounts folders of NFS servers. Whatever it is asked ends in a few seconds, also while a server does not answer. */
export interface NfsClient {
  /** All that is mounted on this machine, the latest last. Asks no server. */
  mounted(): Promise<MountedFileSystem[]>;
  /** Throws with the reason. */
  mount(point: string, wanted: NfsMount): Promise<void>;
  /** Throws where somebody uses it. What is dead goes at once, whoever still waits for it. */
  unmount(point: string, options: { isDead: boolean }): Promise<void>;
  /** Throws where the server does not answer for the folder. */
  probe(point: string): Promise<void>;
}

/** The NFS client of this machine's kernel, by way of `mount` and `mount.nfs` (Debian: nfs-common). */
export function kernelNfsClient(env: Env): NfsClient {
  return {
    mounted: mountedHere,
    async mount(point, { source, options = '' }) {
      await requireProgram();
      const all = [...ownOptions, ...(options === '' ? [] : [options])].join();
      const result = await limited(env, limits.mount, ['mount', '-t', 'nfs', '-o', all, '--', source, point]);
      if (result === 'late')
        throw failed(`mounting ${source} timed out after ${limits.mount} seconds: does it answer?`);
      if (result.exitCode === 0) return;
      throw failed((await hasClient()) ? `${source} can't be mounted: ${lastWords(result)}` : noClient);
    },
    async unmount(point, { isDead }) {
      const how = isDead ? ['-i', '-f', '-l'] : [];
      // `-c`: whoever looks at the path might wait for the server.
      const result = await limited(env, limits.unmount, ['umount', '-c', ...how, '--', point]);
      // It may be gone though the kernel still tries to tell a dead server so.
      if (result === 'late' && !(await mountedHere()).some((one) => one.point === point)) return;
      if (result === 'late') throw failed(`unmounting ${point} timed out after ${limits.unmount} seconds`);
      if (result.exitCode !== 0) throw failed(`${point} can't be unmounted: ${lastWords(result)}`);
    },
    async probe(point) {
      const result = await limited(env, limits.probe, ['stat', '--file-system', '--format=%T', '--', point]);
      if (result === 'late') throw failed(`the NFS server does not answer for ${point}`);
      if (result.exitCode !== 0) throw failed(lastWords(result));
    },
  };
}

async function mountedHere(): Promise<MountedFileSystem[]> {
  return mountedIn(await readFile('/proc/self/mountinfo', 'utf8'));
}

/** What `/proc/self/mountinfo` says. */
export function mountedIn(text: string): MountedFileSystem[] {
  return text.split('\n').flatMap((line) => {
    const [place = '', system = ''] = line.split(' - ');
    const point = place.split(' ')[4];
    const [type, source] = system.split(' ');
    if (point === undefined || type === undefined || source === undefined) return [];
    return [{ point: unescaped(point), type, source: unescaped(source) }];
  });
}

/** Spaces and the like are told by number. */
function unescaped(word: string): string {
  return word.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** Ends the program with all that it started. One that can't be ended, as the kernel waits for a server, is left to itself. */
async function limited(env: Env, seconds: number, command: readonly string[]): Promise<CommandResult | 'late'> {
  const wallMs = (seconds + 1) * 1000;
  const args = ['--signal=KILL', String(seconds), ...command];
  const run = runCommand(env, 'timeout', args, { limits: { wallMs } });
  if (!(await settlesWithin(env, wallMs, run))) return 'late';
  const result = await run;
  return result.timedOut || result.signal !== null || result.exitCode === 137 ? 'late' : result;
}

const noClient = 'the kernel of this host has no NFS client: it can load no module nfs';

async function hasClient(): Promise<boolean> {
  return /^nodev\s+nfs4?$/m.test(await readFile('/proc/filesystems', 'utf8'));
}

async function requireProgram(): Promise<void> {
  for (const path of ['/sbin/mount.nfs', '/usr/sbin/mount.nfs'])
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      return;
  throw failed('this host has no mount.nfs, which Debian has in the package nfs-common: apt-get install nfs-common');
}

function lastWords({ stderr, exitCode }: CommandResult): string {
  const said = stderr.trim().split('\n').at(-1);
  return said === undefined || said === '' ? `it ended with ${exitCode}` : said;
}

function failed(message: string): AgentError {
  return new AgentError('hypervisor_failed', message);
}
