import { execFile } from 'node:child_process';
import { rm, statfs } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';
import { promisify } from 'node:util';
import { KeyedLock } from '../env/keyed-lock.ts';
import { programEnvironment } from '../env/program-environment.ts';
import { StoreError } from './store.ts';

/** Formats that images are converted from and to, in Glance's words. */
export const convertibleFormats = ['raw', 'qcow2', 'vmdk', 'vdi', 'vhd', 'vhdx'] as const;
export type ConvertibleFormat = (typeof convertibleFormats)[number];

const qemuNames: Record<ConvertibleFormat, string> = {
  raw: 'raw',
  qcow2: 'qcow2',
  vmdk: 'vmdk',
  vdi: 'vdi',
  vhd: 'vpc',
  vhdx: 'vhdx',
};

/** How a VMDK is made that ESXi and vSphere import: the bytes of one file in the order in which they are read. */
const creationOptions: Partial<Record<ConvertibleFormat, string>> = { vmdk: 'subformat=streamOptimized' };

const run = promisify(execFile);
const lock = new KeyedLock();
let isolation: Promise<readonly string[]> | undefined;

const gibibyte = 1024 ** 3;
/** How much of the free room one conversion may take: the cloud's database and everybody's uploads have the rest. */
const shareOfRoom = 0.9;
/** Bytes a second that the slowest disk which is waited for manages. */
const slowestRate = 10_000_000;

/**
 * Writes an image in another format. Both formats are given and never probed, the paths are absolute so that none is
 * taken for a protocol; the program may use 2 GiB of address space, time in proportion to the disk, and no network where
 * the system lets one be taken away. How much there is to write is known before: a small file can stand for a large disk
 * that is the same block over and over. Whoever calls has inspected the image: it refers to no other file. One
 * conversion runs at a time. Throws `StoreError`: `no_space`, `aborted`, `corrupt` (the image could not be read to its
 * end within these limits), `failed`.
 */
export async function convertImage(
  from: { path: string; format: ConvertibleFormat },
  to: { path: string; format: ConvertibleFormat },
  options: { virtualSize: number; signal?: AbortSignal },
): Promise<void> {
  if (!isAbsolute(from.path) || !isAbsolute(to.path)) throw new StoreError('bad_name', 'A path is not absolute.');
  await lock.run('conversion', async () => {
    options.signal?.throwIfAborted();
    const { bavail, bsize } = await statfs(dirname(to.path));
    const room = bavail * bsize * shareOfRoom;
    const seconds = 60 + Math.ceil(options.virtualSize / slowestRate);
    const limits = [
      '--core=0',
      `--as=${2 * gibibyte}`,
      `--cpu=${seconds}`,
      // A sparse file may be longer than the room that is left.
      `--fsize=${Math.ceil(Math.max(room, options.virtualSize + 64 * 1024 * 1024))}`,
    ];
    const made = creationOptions[to.format];
    const formats = ['-f', qemuNames[from.format], '-O', qemuNames[to.format], ...(made ? ['-o', made] : [])];
    const inside = await withoutNetwork();
    const qemuImg = async (...words: string[]) => {
      const command = ['prlimit', ...limits, '--', ...inside, 'qemu-img', ...words];
      return await run('setpriv', ['--pdeathsig', 'KILL', '--', ...command], {
        timeout: seconds * 1000,
        killSignal: 'SIGKILL',
        signal: options.signal,
        env: programEnvironment(),
        maxBuffer: 64 * 1024,
      });
    };
    try {
      // Only the blocks that have data count, of whatever format.
      const measure = ['measure', '--output=json', '-f', qemuNames[from.format], '-O', 'qcow2', from.path];
      const { required } = JSON.parse((await qemuImg(...measure)).stdout) as { required: number };
      if (required > room) {
        const message = `To convert the image takes ${required} bytes, more than there is room for.`;
        throw new StoreError('no_space', message);
      }
      await qemuImg('convert', '-q', ...formats, from.path, to.path);
    } catch (error) {
      await rm(to.path, { force: true });
      throw conversionFailure(error, options.signal);
    }
  });
}

/** The words before a command that take its network away; none where the system does not let us. */
function withoutNetwork(): Promise<readonly string[]> {
  isolation ??= (async () => {
    for (const words of [
      ['unshare', '--net', '--'],
      ['unshare', '--user', '--map-current-user', '--net', '--'],
    ]) {
      const works = await run(words[0]!, [...words.slice(1), 'true']).then(
        () => true,
        () => false,
      );
      if (works) return words;
    }
    return [];
  })();
  return isolation;
}

function conversionFailure(error: unknown, signal: AbortSignal | undefined): StoreError {
  if (error instanceof StoreError) return error;
  if (signal?.aborted) return new StoreError('aborted', 'The conversion was given up.', signal.reason);
  const {
    stderr,
    killed,
    code,
    signal: ended,
  } = error as {
    stderr?: string;
    killed?: boolean;
    code?: number | string;
    signal?: string;
  };
  const words = (stderr ?? '')
    .trim()
    .replaceAll(/\/\S+\//g, '')
    .slice(0, 300);
  if (ended === 'SIGXFSZ' || /No space left|Disk quota exceeded|File too large/.test(words)) {
    return new StoreError('no_space', 'There is not enough room to convert the image.', error);
  }
  if (code === 'ENOENT' || code === 127) {
    return new StoreError('failed', 'Images can not be converted here: qemu-img is not installed.', error);
  }
  if (killed || ended) return new StoreError('corrupt', 'The conversion of the image took too long.', error);
  return new StoreError('corrupt', `The image can not be converted: ${words}`, error);
}
