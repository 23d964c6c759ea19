import { type ChildProcess, fork, type SendHandle } from 'node:child_process';
import { inTurn } from '../../env/precedence.ts';
import { programEnvironment } from '../../env/program-environment.ts';
import { AgentError } from '../contract.ts';
import type { FromLauncher, Program, ProgramEnd, ToLauncher } from './launcher-messages.ts';

/** A process of the launcher's that has nothing to do ends after so long, milliseconds. */
const idleMs = 60_000;

/** Names a program, with what it is given; its environment is that of all programs. */
export type Command = Omit<Program, 'env'>;

/** A program that was asked for, and may be running by now. */
export interface RunningProgram {
  /**
   * How it ended, once it has closed its output. Rejects with the system's error where it can't be started (`code`
   * `ENOENT` where there is none), and with `hypervisor_failed` where nobody knows what became of it.
   */
  readonly ended: Promise<ProgramEnd>;
  kill(signal: NodeJS.Signals): void;
}

/** Runs a program to its end; `maxOutput` characters of each stream are kept. */
export function launch(
  command: Command,
  { input = '', maxOutput }: { input?: string; maxOutput: number },
): RunningProgram {
  return launcher().ask({ type: 'run', input, maxOutput, env: programEnvironment(), ...command });
}

/**
 * Starts a program that outlives this process and the launcher's, in a session of its own. What it says goes to the end of
 * the file `log`. Resolves once it has been started; `ended` then may also mean that nobody follows it any more.
 */
export async function launchDetached(command: Command, log: string): Promise<RunningProgram> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const program = launcher().ask({ type: 'detach', log, env: programEnvironment(), ...command }, { started: resolve });
  program.ended.catch(reject);
  await promise;
  return program;
}

/**
 * Runs a script of Node's that sends a handle by its channel, and hands it over once the script has ended; undefined where it
 * ended without. After `wallMs` milliseconds it is ended.
 */
export async function launchForHandle(
  command: Command,
  wallMs: number,
): Promise<{ handle: SendHandle | undefined; end: ProgramEnd }> {
  let handle: SendHandle | undefined;
  const handedOver = (received: SendHandle): void => {
    handle = received;
  };
  const { ended, kill } = launcher().ask(
    { type: 'hand-over', maxOutput: 2000, env: programEnvironment(), ...command },
    { handedOver },
  );
  const timer = setTimeout(() => kill('SIGTERM'), wallMs);
  try {
    return { end: await ended, handle };
  } finally {
    clearTimeout(timer);
  }
}

interface Listener {
  started?: () => void;
  handedOver?: (handle: SendHandle) => void;
}

interface Asked extends Listener {
  /** Whether this process must not end before it is told more. */
  isAwaited: boolean;
  resolve: (end: ProgramEnd) => void;
  reject: (error: Error) => void;
}

type Ask = ToLauncher extends infer A ? (A extends { id: number } ? Omit<A, 'id'> : never) : never;

/**
 * Programs are started by a small process, for whoever starts one is copied: pages and all of what the system keeps of
 * them, and stands still meanwhile. For a cloud's own process that is 2 to 15 ms each time, with hundreds of MiB of memory;
 * for one that holds nothing it is a fraction of one, and nobody waits for its event loop.
 */
class Launcher {
  readonly #child: ChildProcess;
  readonly #asked = new Map<number, Asked>();
  readonly #onEnd: (launcher: Launcher) => void;
  #lastId = 0;
  #awaited = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(onEnd: (launcher: Launcher) => void) {
    this.#onEnd = onEnd;
    // In a session of its own: what a terminal tells this process is for this process to pass on.
    const [execPath, ...execArgv] = inTurn([process.execPath, '--max-semi-space-size=1']);
    this.#child = fork(`${import.meta.dirname}/launcher-process.ts`, [], {
      detached: true,
      execPath: execPath!,
      execArgv,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#child.unref();
    this.#child.channel?.unref();
    this.#child.on('message', (message, handle) => this.#hear(message as FromLauncher, handle));
    this.#child.on('error', (error) => this.#close(`programs can't be started: ${error.message}`));
    this.#child.once('disconnect', () => this.#close('what starts programs has ended'));
  }

  ask(ask: Exclude<Ask, { type: 'kill' }>, listener: Listener = {}): RunningProgram {
    clearTimeout(this.#idle);
    const id = ++this.#lastId;
    const { promise: ended, resolve, reject } = Promise.withResolvers<ProgramEnd>();
    // A program that outlives this process is nobody's to wait for.
    ended.catch(() => {});
    this.#asked.set(id, { ...listener, isAwaited: true, resolve, reject });
    if (++this.#awaited === 1) this.#child.channel?.ref();
    this.#send({ ...ask, id } as ToLauncher);
    return { ended, kill: (signal) => this.#asked.has(id) && this.#send({ id, type: 'kill', signal }) };
  }

  #send(message: ToLauncher): void {
    this.#child.send(message, (error) => {
      if (error) this.#end(message.id)?.reject(new AgentError('hypervisor_failed', error.message, { retryable: true }));
    });
  }

  #hear(message: FromLauncher, handle: unknown): void {
    if (message.type === 'started') this.#started(message.id);
    else if (message.type === 'handed-over') this.#asked.get(message.id)?.handedOver?.(handle as SendHandle);
    else if (message.type === 'failed') {
      const { code } = message;
      this.#end(message.id)?.reject(Object.assign(new Error(message.message), code === undefined ? {} : { code }));
    } else {
      const { exitCode, signal, stdout, stderr } = message;
      this.#end(message.id)?.resolve({ exitCode, signal, stdout, stderr });
    }
  }

  /** Takes leave of the program. The process ends by itself only where it waits for none. */
  #end(id: number): Asked | undefined {
    const asked = this.#asked.get(id);
    if (!asked) return undefined;
    this.#asked.delete(id);
    this.#release(asked);
    if (this.#asked.size === 0) this.#idle = setTimeout(() => this.#retire(), idleMs).unref();
    return asked;
  }

  #started(id: number): void {
    const asked = this.#asked.get(id);
    asked?.started?.();
    if (asked) this.#release(asked);
  }

  #release(asked: Asked): void {
    if (!asked.isAwaited) return;
    asked.isAwaited = false;
    if (--this.#awaited === 0) this.#child.channel?.unref();
  }

  #retire(): void {
    this.#onEnd(this);
    if (this.#child.connected) this.#child.disconnect();
  }

  #close(why: string): void {
    this.#onEnd(this);
    clearTimeout(this.#idle);
    const error = new AgentError('hypervisor_failed', why, { retryable: true });
    for (const { reject } of this.#asked.values()) reject(error);
    this.#asked.clear();
  }
}

let current: Launcher | undefined;

/** The launcher of this process, which is started when a program is wanted, and again when it has ended. */
function launcher(): Launcher {
  current ??= new Launcher((ended) => {
    if (current === ended) current = undefined;
  });
  return current;
}
