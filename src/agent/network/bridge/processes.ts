import { readFile } from 'node:fs/promises';
import type { Env } from '../../../env/env.ts';
import { AgentError } from '../../contract.ts';
import { isNotFound, systemErrorCode } from '../../errors.ts';

const exitLimitMs = 5000;

/**
 * The process that the pid file names. A process id may have been given to somebody else since: its command line must
 * have the word by which it reads its own files.
 */
export async function findProcess(pidFile: string, word: string): Promise<number | undefined> {
  try {
    const pid = Number.parseInt(await readFile(pidFile, 'utf8'), 10);
    if (!(pid > 1)) return undefined;
    const commandLine = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
    return commandLine.includes(word) ? pid : undefined;
  } catch (error) {
    if (isNotFound(error) || systemErrorCode(error) === 'ESRCH') return undefined;
    throw error;
  }
}

/** Ends the process that `find` gives, if any, and waits until it finds it no more. */
export async function endProcess(env: Env, find: () => Promise<number | undefined>, what: string): Promise<void> {
  const pid = await find();
  if (pid === undefined) return;
  const deadline = env.now() + exitLimitMs * 1000;
  for (let signal: NodeJS.Signals = 'SIGTERM'; ; ) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if (systemErrorCode(error) !== 'ESRCH') throw error;
    }
    await env.sleep(5);
    if ((await find()) === undefined) return;
    if (env.now() > deadline) {
      if (signal === 'SIGKILL') throw new AgentError('hypervisor_failed', `${what} ${pid} does not end`);
      signal = 'SIGKILL';
    }
  }
}
