import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { buildProgram } from '../src/cli/build-program.ts';

export interface StartOptions {
  dataDir: string;
  hypervisor: string;
  cacheDir: string;
  /** Further image stores, as `--store` takes them. */
  stores?: readonly string[];
}

const cache = join(import.meta.dirname, '../node_modules/.cache');
let built: Promise<string> | undefined;

/** In one piece, as a start is that is not the first. */
function program(): Promise<string> {
  built ??= buildProgram(join(cache, 'unkai-bench'), join(import.meta.dirname, 'child.ts'));
  return built;
}

/** A cloud under load, in a process of its own. */
export class CloudProcess {
  readonly origin: string;
  /** From the first line of the program to its readiness, milliseconds. */
  readonly startMs: number;
  token = '';
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  private constructor(child: ChildProcess, lines: Interface, facts: { origin: string; startMs: number }) {
    this.#child = child;
    this.#lines = lines;
    this.origin = facts.origin;
    this.startMs = facts.startMs;
  }

  static async start(options: StartOptions): Promise<CloudProcess> {
    const child = spawn(
      process.execPath,
      [
        // As the launcher starts it.
        ...['--max-semi-space-size=8', '--preserve-symlinks', '--preserve-symlinks-main'],
        join(await program(), 'main.mjs'),
        options.dataDir,
        options.hypervisor,
        options.cacheDir,
        ...(options.stores ?? []),
      ],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: { NODE_COMPILE_CACHE: join(cache, 'unkai'), ...process.env },
      },
    );
    const lines = createInterface({ input: child.stdout! });
    const facts = JSON.parse((await once(lines, 'line'))[0] as string) as { origin: string; startMs: number };
    const cloud = new CloudProcess(child, lines, facts);
    await cloud.#signIn();
    return cloud;
  }

  async #signIn(): Promise<void> {
    const user = { name: 'admin', domain: { id: 'default' }, password: 'bench' };
    const project = { name: 'admin', domain: { id: 'default' } };
    const identity = { methods: ['password'], password: { user } };
    const answer = await fetch(`${this.origin}/identity/v3/auth/tokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ auth: { identity, scope: { project } } }),
    });
    this.token = answer.headers.get('x-subject-token') ?? '';
    if (!this.token) throw new Error(`the cloud gave no token: ${answer.status} ${await answer.text()}`);
  }

  get headers(): Record<string, string> {
    return { 'x-auth-token': this.token, 'content-type': 'application/json' };
  }

  /** One request; throws for any answer that is not a success. */
  async request<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await fetch(this.origin + path, {
      method,
      headers: this.headers,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /** What the process takes now, and the processor time that it has taken so far; its event loop's is a part of that. */
  async usage(): Promise<{ residentBytes: number; cpuSeconds: number; loopSeconds: number }> {
    this.#child.stdin!.write('usage\n');
    return JSON.parse((await once(this.#lines, 'line'))[0] as string);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.stdin!.end();
    await once(this.#child, 'exit');
  }
}
