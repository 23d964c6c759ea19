import { readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { Env } from '../../../env/env.ts';
import { AgentError } from '../../contract.ts';
import { isNotFound, systemErrorCode } from '../../errors.ts';
import { launchDetached } from '../../programs/launcher.ts';
import { guestFiles } from './command-line.ts';

const startLimitMs = 60_000;
const connectIntervalMs = 5;

/**
 * The process of the guest whose folder this is, or undefined when none lives. A process id may have been given to
 * somebody else since the pid file was written, so its command line must name the very same pid file.
 */
export async function findGuestProcess(folder: string): Promise<number | undefined> {
  const pidFile = join(folder, guestFiles.pid);
  try {
    const pid = Number.parseInt(await readFile(pidFile, 'utf8'), 10);
    if (!(pid > 1)) return undefined;
    // A process that has ended and was not yet waited for has an empty command line.
    const commandLine = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
    const option = commandLine.indexOf('-pidfile');
    return option > 0 && commandLine[option + 1] === pidFile ? pid : undefined;
  } catch (error) {
    if (isNotFound(error) || systemErrorCode(error) === 'ESRCH') return undefined;
    throw error;
  }
}

/**
 * Starts QEMU, by the words of `launcher`, so that it outlives this process, and resolves with what `connect` gives: QEMU's monitor answers as soon
 * as its disks are open and the guest runs. QEMU is not told to daemonize, since its sandbox then could not forbid it
 * to start other programs.
 *
 * Never two for one guest: QEMU locks its pid file, before it touches anything else, and every disk, as long as it
 * lives. So a second one ends at once, and then the first is the one that was asked for.
 */
export async function startGuestProcess<T>(
  env: Env,
  { binary, launcher }: { binary: string; launcher: readonly string[] },
  folder: string,
  args: readonly string[],
  connect: () => Promise<T>,
): Promise<T> {
  const deadline = env.now() + startLimitMs * 1000;
  const logPath = join(folder, guestFiles.hypervisorLog);
  await truncate(logPath).catch(() => {}); // there is none yet
  const [program, ...allArgs] = [...launcher, binary, ...args];
  const guest = await launchDetached({ program: program!, args: allArgs, cwd: folder }, logPath).catch(
    (error: Error) => {
      if (error instanceof AgentError) throw error;
      throw new AgentError('unsupported', `${program} can't be started`, { cause: error });
    },
  );
  const exited = new AbortController();
  const abort = (): void => exited.abort();
  guest.ended.then(abort, abort);
  for (;;) {
    try {
      return await connect();
    } catch (error) {
      if (!(error instanceof AgentError && error.code === 'unreachable')) throw error;
    }
    if (exited.signal.aborted && (await findGuestProcess(folder)) === undefined)
      throw await startFailure(binary, logPath);
    if (env.now() > deadline) {
      guest.kill('SIGKILL');
      throw new AgentError('unreachable', `QEMU did not start within ${startLimitMs} ms`);
    }
    await env.sleep(connectIntervalMs, exited.signal.aborted ? undefined : exited.signal);
  }
}

/** Why QEMU ended at its start, by what it said. */
export async function startFailure(binary: string, logPath: string): Promise<AgentError> {
  const log = await readFile(logPath, 'utf8').catch(() => '');
  const words = log.replaceAll(`${binary}: `, '').trim().slice(0, 500) || 'it ended without a word';
  const locked = /Failed to get .*lock/.test(words);
  const code = /No space left/.test(words) ? 'no_space' : locked ? 'in_use' : 'hypervisor_failed';
  return new AgentError(code, `QEMU did not start: ${words}`);
}

/** Resolves true as soon as no process of the guest lives, false when `timeoutMs` have passed or `signal` aborts. */
export async function waitForExit(env: Env, folder: string, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
  const deadline = env.now() + timeoutMs * 1000;
  for (let pause = 2; ; pause = Math.min(pause * 2, 100)) {
    if ((await findGuestProcess(folder)) === undefined) return true;
    const left = (deadline - env.now()) / 1000;
    if (left <= 0 || signal?.aborted) return false;
    await env.sleep(Math.min(pause, left), signal);
  }
}

/** Ends the guest's process without asking it. Resolves when it is gone. */
export async function killGuestProcess(env: Env, folder: string): Promise<void> {
  const pid = await findGuestProcess(folder);
  if (pid === undefined) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (systemErrorCode(error) !== 'ESRCH') throw error;
  }
  if (await waitForExit(env, folder, 30_000)) return;
  throw new AgentError('hypervisor_failed', `process ${pid} of the guest does not end`, { retryable: true });
}
