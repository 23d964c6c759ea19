/**
 * Run by `launcher.ts` as a process of its own: starts programs, and tells what becomes of them. It ends when the process
 * that it works for does. It loads nothing but Node, and so stays small.
 */

import type { SendHandle } from 'node:child_process';
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { FromLauncher, Program, ToLauncher } from './launcher-messages.ts';

const running = new Map<number, ChildProcess>();

process.on('disconnect', () => process.exit());
process.on('message', (ask: ToLauncher) => {
  if (ask.type === 'kill') {
    running.get(ask.id)?.kill(ask.signal);
    return;
  }
  try {
    if (ask.type === 'run') run(ask);
    else if (ask.type === 'hand-over') handOver(ask);
    else detach(ask);
  } catch (error) {
    fail(ask.id, error as Error);
  }
});

function say(message: FromLauncher, handle?: SendHandle): void {
  // Who does not listen any more has ended.
  if (process.connected) process.send?.(message, handle, {}, () => {});
}

function fail(id: number, error: NodeJS.ErrnoException): void {
  running.delete(id);
  say({ id, type: 'failed', code: error.code, message: error.message });
}

/** Keeps what the program says, and tells its end when all of it was said. */
function follow(id: number, child: ChildProcess, maxOutput: number): void {
  running.set(id, child);
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      if (output[name].length < maxOutput) output[name] += text;
    });
  }
  child.once('error', (error) => fail(id, error));
  child.once('close', (exitCode, signal) => {
    if (!running.delete(id)) return;
    say({ id, type: 'ended', exitCode, signal, ...output });
  });
}

function run({
  id,
  program,
  args,
  cwd,
  env,
  input,
  maxOutput,
}: Program & { id: number; input: string; maxOutput: number }) {
  const child = spawn(program, args, { cwd, env, stdio: 'pipe' });
  follow(id, child, maxOutput);
  // A program that ends without reading all of it says so by its exit code.
  child.stdin.on('error', () => {}).end(input);
}

/** The program is one of Node's, and sends a handle, which goes on to who asked. */
function handOver({ id, program, args, cwd, env, maxOutput }: Program & { id: number; maxOutput: number }): void {
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  follow(id, child, maxOutput);
  child.on('message', (_message, handle) => {
    if (!handle) return;
    if (process.connected) {
      process.send?.({ id, type: 'handed-over' } satisfies FromLauncher, handle, {}, () => close(handle));
    }
  });
}

/** Two processes that listen at one socket would each get a part of what comes. */
function close(handle: NonNullable<SendHandle>): void {
  if ('close' in handle) handle.close();
}

/** The program outlives this process, and the one that asked for it. */
function detach({ id, program, args, cwd, env, log }: Program & { id: number; log: string }): void {
  const descriptor = openSync(log, 'a', 0o600);
  try {
    const child = spawn(program, args, { cwd, env, detached: true, stdio: ['ignore', descriptor, descriptor] });
    follow(id, child, 0);
    child.once('spawn', () => say({ id, type: 'started' }));
  } finally {
    closeSync(descriptor);
  }
}
