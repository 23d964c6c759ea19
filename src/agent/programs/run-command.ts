import type { Env } from '../../env/env.ts';
import { AgentError } from '../contract.ts';
import { isNotFound } from '../errors.ts';
import { launch } from './launcher.ts';
import type { ProgramEnd } from './launcher-messages.ts';

export interface CommandLimits {
  /** After this many milliseconds of wall clock the command is killed. */
  wallMs: number;
  /** Bytes of address space (RLIMIT_AS). */
  addressSpace?: number;
  /** Seconds of processor time (RLIMIT_CPU). */
  cpuSeconds?: number;
  /** Bytes that the largest written file may have (RLIMIT_FSIZE). */
  fileSize?: number;
  /** Whether others go first, at the processor: for what takes long and answers nobody. */
  stepsAside?: boolean;
}

/** The words that start what steps aside: it takes what processor time the cloud leaves. */
const stepAside: readonly string[] = ['nice', '-n', '5'];

export interface CommandResult extends ProgramEnd {
  timedOut: boolean;
}

const usualMaxOutput = 64 * 1024;

export interface CommandOptions {
  limits: CommandLimits;
  cwd?: string;
  /** What the program reads; nothing by default. */
  input?: string;
  /** Characters of output that are kept of each stream. Default 64 Ki. */
  maxOutput?: number;
}

/**
 * Runs a program to its end, without a shell. With limits of resources it is started through `setpriv` and `prlimit`
 * (util-linux), and dies with the process that starts it, so that no orphan goes on eating what its caller no longer wants.
 * Throws `unsupported` when the program isn't installed.
 */
export async function runCommand(
  env: Env,
  program: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  const { limits, input, maxOutput = usualMaxOutput } = options;
  const [command, ...allArgs] = [...limitPrefix(limits), program, ...args];
  const { ended, kill } = launch({ program: command!, args: allArgs, cwd: options.cwd }, { input, maxOutput });

  const finished = new AbortController();
  let timedOut = false;
  void env.sleep(limits.wallMs, finished.signal).then(() => {
    if (finished.signal.aborted) return;
    timedOut = true;
    kill('SIGKILL');
  });
  try {
    const end = await ended;
    if (end.exitCode === 127 && command !== program) throw new AgentError('unsupported', `${program} is not installed`);
    return { ...end, timedOut };
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new AgentError('unsupported', `${command} is not installed`, { cause: error });
  } finally {
    finished.abort();
  }
}

function limitPrefix(limits: CommandLimits): string[] {
  const flags: string[] = [];
  if (limits.addressSpace !== undefined) flags.push(`--as=${limits.addressSpace}`);
  if (limits.cpuSeconds !== undefined) flags.push(`--cpu=${limits.cpuSeconds}`);
  if (limits.fileSize !== undefined) flags.push(`--fsize=${limits.fileSize}`);
  const aside = limits.stepsAside ? stepAside : [];
  if (flags.length === 0) return [...aside];
  return [...aside, 'setpriv', '--pdeathsig', 'KILL', '--', 'prlimit', '--core=0', ...flags, '--'];
}
