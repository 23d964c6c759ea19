import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { inTurn } from '../env/precedence.ts';
import { lockFolder } from './folder-lock.ts';

const root = resolve(import.meta.dirname, '../..');
const source = join(root, 'console');
const cache = join(root, 'var/cache/console');

/** How long the build may take to end when it is told to, milliseconds. */
const impatienceMs = 3000;

/** What the pages are made of. Where one of these changes, they are built anew. */
const inputs = ['src', 'public', 'index.html', 'vite.config.ts', 'package-lock.json'];
const maxKeptBuilds = 3;
/** Another process may serve the pages that it found here for so long. */
const inUseMs = 24 * 3600_000;
const lockRetryMs = 500;

/** How far the console is. `folder` holds the finished pages. */
export type ConsoleState =
  | { phase: 'waiting' | 'installing' | 'building' }
  | { phase: 'ready'; folder: string }
  | { phase: 'failed'; reason: string };

/**
 * Makes the console's pages in the background, the first time and whenever their sources have changed, so that a cloud is
 * ready before they are. Builds are kept in the checkout by a hash of what they were made of; one process builds at a time.
 */
export class ConsoleBuild {
  #state: ConsoleState = { phase: 'waiting' };
  #child: ChildProcess | undefined;
  readonly #stop = new AbortController();
  #done: Promise<ConsoleState> | undefined;

  get state(): ConsoleState {
    return this.#state;
  }

  /** Begins, unless it has begun. Resolves when the pages are there or can't be made; never rejects. */
  start(): Promise<ConsoleState> {
    this.#done ??= this.#run().catch((error: Error) => {
      this.#state = { phase: 'failed', reason: error.message };
      return this.#state;
    });
    return this.#done;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#child?.kill('SIGTERM');
    // A package manager in the middle of its work takes its time to hear of it.
    const impatience = setTimeout(() => this.#child?.kill('SIGKILL'), impatienceMs);
    await this.#done;
    clearTimeout(impatience);
  }

  async #run(): Promise<ConsoleState> {
    const folder = join(cache, contentHash());
    if (!existsSync(join(folder, 'index.html'))) await this.#makeAlone(folder);
    this.#state = { phase: 'ready', folder };
    return this.#state;
  }

  async #makeAlone(folder: string): Promise<void> {
    await mkdir(cache, { recursive: true });
    const lock = await this.#lock();
    try {
      if (existsSync(join(folder, 'index.html'))) return;
      await this.#install();
      this.#state = { phase: 'building' };
      const partial = `${folder}.partial`;
      await rm(partial, { recursive: true, force: true });
      const vite = join(source, 'node_modules/vite/bin/vite.js');
      await this.#execute(process.execPath, [
        vite,
        'build',
        '--outDir',
        partial,
        '--emptyOutDir',
        '--logLevel',
        'error',
      ]);
      await rename(partial, folder);
      await forgetOldBuilds(folder);
    } finally {
      lock.release();
    }
  }

  async #lock(): Promise<{ release(): void }> {
    for (;;) {
      this.#stop.signal.throwIfAborted();
      try {
        return lockFolder(cache);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, lockRetryMs));
      }
    }
  }

  async #install(): Promise<void> {
    const installed = join(source, 'node_modules/.unkai-lock');
    const wanted = join(source, 'package-lock.json');
    if (existsSync(installed) && readFileSync(installed, 'utf8') === readFileSync(wanted, 'utf8')) return;
    this.#state = { phase: 'installing' };
    await this.#execute('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']);
    await copyFile(wanted, installed);
  }

  /** Runs a program of the build with what the cloud leaves of the processors. */
  async #execute(program: string, args: readonly string[]): Promise<void> {
    this.#stop.signal.throwIfAborted();
    const [command, ...rest] = inTurn([program, ...args], 15);
    // Tests say that they are tests, which would give them pages that nobody else has: slow ones, with checks for developers.
    const env = program === process.execPath ? { ...process.env, NODE_ENV: 'production' } : process.env;
    const child = spawn(command!, rest, { cwd: source, stdio: ['ignore', 'pipe', 'pipe'], env });
    this.#child = child;
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text: Buffer) => {
        said = (said + text.toString()).slice(-4000);
      });
    }
    const [code] = (await once(child, 'close')) as [number | null];
    this.#child = undefined;
    this.#stop.signal.throwIfAborted();
    if (code !== 0) throw new Error(`${program} ${args[0]} failed (${code ?? 'ended by a signal'}): ${said.trim()}`);
  }
}

function contentHash(): string {
  const hash = createHash('sha256');
  for (const input of inputs) {
    for (const file of filesOf(join(source, input))) {
      hash
        .update(`${relative(source, file)}\0`)
        .update(readFileSync(file))
        .update('\0');
    }
  }
  return hash.digest('hex').slice(0, 16);
}

function filesOf(path: string): string[] {
  if (!existsSync(path)) return [];
  const entries = readdirSync(dirname(path), { withFileTypes: true });
  if (!entries.find(({ name }) => path.endsWith(`/${name}`))?.isDirectory()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Keeps the newest few, for those who go back and forth between versions, and what others may still show. */
async function forgetOldBuilds(current: string): Promise<void> {
  const entries = (await readdir(cache, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const builds = await Promise.all(
    entries.map(async ({ name }) => {
      const path = join(cache, name);
      return { path, builtAt: (await stat(path)).mtimeMs };
    }),
  );
  const others = builds.filter(({ path }) => path !== current).sort((a, b) => b.builtAt - a.builtAt);
  for (const { path, builtAt } of others.slice(maxKeptBuilds - 1)) {
    if (builtAt < Date.now() - inUseMs) await rm(path, { recursive: true, force: true });
  }
}
