import { spawn } from 'node:child_process';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { inTurn } from '../env/precedence.ts';
import { programEnvironment } from '../env/program-environment.ts';
import { SourceError } from './source.ts';

export type Compression = 'gz' | 'xz' | 'zst';

const magics: Record<Compression, Buffer> = {
  gz: Buffer.from('1f8b', 'hex'),
  xz: Buffer.from('fd377a585a00', 'hex'),
  zst: Buffer.from('28b52ffd', 'hex'),
};

/** Memory that xz may use: files made with its highest preset need 65 MiB. */
const xzMemory = '256MiB';

/** How the file at an address is compressed, as its name tells: `disk.raw.gz`, also with a query behind it. */
export function compressionOf(address: string): Compression | undefined {
  const path = URL.canParse(address) ? new URL(address).pathname : address;
  return (['gz', 'xz', 'zst'] as const).find((one) => path.toLowerCase().endsWith(`.${one}`));
}

/**
 * The bytes that the compressed ones stand for, as they come. How many there will be nobody knows: whoever takes them
 * has to have a limit. Content that is not compressed in this way is a `SourceError` (`refused`).
 */
export async function* decompressed(
  source: AsyncIterable<Buffer>,
  compression: Compression,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  const output = new Transform({
    transform: (chunk, _encoding, done) => done(null, chunk),
    highWaterMark: 1024 * 1024,
  });
  const failure: { cause?: unknown } = {};
  const input = Readable.from(checked(source, compression, failure), { objectMode: false });
  const work =
    compression === 'xz' ? throughXz(input, output, signal) : throughZlib(input, compression, output, signal);
  work.catch((error: Error) => output.destroy(error));
  try {
    for await (const chunk of output) yield chunk as Buffer;
  } catch (error) {
    throw asFailure(failure.cause ?? error, compression, signal);
  } finally {
    output.destroy();
    input.destroy();
  }
}

async function throughZlib(
  input: Readable,
  kind: 'gz' | 'zst',
  output: Transform,
  signal?: AbortSignal,
): Promise<void> {
  await pipeline(input, kind === 'gz' ? createGunzip() : createZstdDecompress(), output, { signal });
}

/** xz is not among what Node can do: Debian's tool does it, with as much memory as it is allowed and no file to open. */
async function throughXz(input: Readable, output: Transform, signal?: AbortSignal): Promise<void> {
  const options = ['--decompress', '--stdout', '--single-stream', `--memlimit-decompress=${xzMemory}`];
  const [program, ...args] = inTurn(['xz', ...options]);
  const child = spawn(program!, args, {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: programEnvironment(),
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => {
      if (code === 0) return resolve();
      // So says `nice` of a program that is not there.
      const missing = code === 127 ? { code: 'ENOENT' } : {};
      reject(Object.assign(new Error(`xz ended with ${code}`), missing));
    });
  });
  try {
    // Output ends only when the tool has said that all was well.
    const copied = pipeline(child.stdout, output, { end: false, signal });
    await Promise.all([pipeline(input, child.stdin, { signal }), copied, ended]);
    output.end();
  } finally {
    child.kill('SIGKILL');
  }
}

/** Looks at the first bytes, and remembers why the source failed: that is the reason, and not what follows from it. */
async function* checked(
  source: AsyncIterable<Buffer>,
  compression: Compression,
  failure: { cause?: unknown },
): AsyncGenerator<Buffer> {
  const magic = magics[compression];
  let head: Buffer | undefined = Buffer.alloc(0);
  try {
    for await (const chunk of source) {
      if (head === undefined) {
        yield chunk;
        continue;
      }
      head = Buffer.concat([head, chunk]);
      if (head.length < magic.length) continue;
      if (!head.subarray(0, magic.length).equals(magic)) throw notCompressed(compression);
      yield head;
      head = undefined;
    }
    if (head !== undefined) throw notCompressed(compression);
  } catch (error) {
    failure.cause = error;
    throw error;
  }
}

function notCompressed(compression: Compression, cause?: unknown): SourceError {
  return new SourceError(
    'refused',
    `The image is not compressed by ${compression}, as its name says, or is damaged.`,
    cause,
  );
}

/** What went wrong in the decompression itself, whatever it is, is the fault of the data. */
function asFailure(error: unknown, compression: Compression, signal?: AbortSignal): Error {
  if (!(error instanceof Error) || error instanceof SourceError || signal?.aborted) return error as Error;
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'ENOENT') return new SourceError('refused', `This cloud can not decompress ${compression}.`, error);
  const isData = /^(Z_|ZSTD_|EPIPE$|ERR_STREAM_PREMATURE_CLOSE$)/.test(code) || error.message.startsWith('xz ended');
  return isData ? notCompressed(compression, error) : error;
}
