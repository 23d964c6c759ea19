import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Env } from '../../../env/env.ts';
import { whileInProgress, writeFileAtomically } from '../../atomic-file.ts';
import { AgentError, type GuestSpec, type GuestState } from '../../contract.ts';
import { isNotFound } from '../../errors.ts';
import type { AgentLog } from '../../log.ts';
import { guestFiles } from './command-line.ts';
import { limitDisks } from './disk-throttle.ts';
import { findGuestProcess, killGuestProcess, startFailure, startGuestProcess, waitForExit } from './guest-process.ts';
import { discardBackups } from './live-disk.ts';
import { argumentsForMemory, hasMemory, loadMemory, readMemoryHeader, removeMemory, saveMemory } from './memory.ts';
import { QmpConnection, QmpError, type QmpEvent } from './qmp.ts';

const quitLimitMs = 10_000;
/** How often a guest's power button is pressed while it is waited for. */
const pressAgainMs = 5000;

export interface GuestContext {
  env: Env;
  log: AgentLog;
  binary: string;
  /** Called when the guest changed its power state and no verb of ours did it. */
  onChange(state: GuestState): void;
}

/**
 * One guest of the host: its folder, its QEMU process if it has one, and the monitor connection to it. The process is
 * the truth and is looked up each time; nothing kept in memory is needed to find or to control a guest.
 *
 * Methods that change the guest are called one at a time (the host holds a lock per server).
 */
export class QemuGuest {
  readonly serverId: string;
  readonly folder: string;
  readonly #context: GuestContext;
  #spec: GuestSpec | undefined;
  #monitor: Promise<QmpConnection> | undefined;
  /** Verbs of ours in progress: what they change is no news to the watchers. */
  #verbs = 0;
  /** The state that watchers know of. */
  #lastState: GuestState = 'stopped';
  #impatience = new AbortController();
  #hurrying = 0;
  #closed = false;

  constructor(serverId: string, folder: string, context: GuestContext) {
    this.serverId = serverId;
    this.folder = folder;
    this.#context = context;
  }

  /** Finds out what there is already, and connects to a process that runs: after a restart of the agent. */
  async adopt(): Promise<void> {
    this.#spec = await readSpec(this.folder);
    this.#lastState = await this.#stateWithoutProcess();
    if ((await this.pid()) === undefined) return;
    this.#lastState = 'running';
    const qmp = await this.#connect();
    await discardBackups(qmp);
    this.#lastState = await this.#queryState(qmp);
  }

  pid(): Promise<number | undefined> {
    return findGuestProcess(this.folder);
  }

  /** What the guest was last started with. */
  get spec(): GuestSpec | undefined {
    return this.#spec;
  }

  /** Whether a process lives, and if it does, whether it runs guest code. */
  async state(): Promise<GuestState> {
    if ((await this.pid()) === undefined) return await this.#stateWithoutProcess();
    try {
      return await this.#queryState(await this.#connect());
    } catch (error) {
      if ((await this.pid()) === undefined) return await this.#stateWithoutProcess();
      this.#context.log.warn({ serverId: this.serverId, error }, 'the monitor of a guest that lives does not answer');
      return 'running';
    }
  }

  /** The monitor of the guest's process; `not_found` when it has none. */
  async monitor(): Promise<QmpConnection> {
    if ((await this.pid()) === undefined)
      throw new AgentError('not_found', `the guest of server ${this.serverId} does not run`);
    return this.#connect();
  }

  /**
   * Starts the process by the words of `launcher`; the caller knows that there is none. The specification is kept for
   * a later restart.
   */
  start(spec: GuestSpec, args: readonly string[], launcher: readonly string[]): Promise<void> {
    return this.#asVerb('running', async () => {
      const { env, binary } = this.#context;
      await mkdir(this.folder, { recursive: true, mode: 0o700 });
      await this.#keepSpec(spec);
      this.#dropMonitor();
      // Its processors stand until the limits of its disks hold.
      const isLimited = spec.disks.some(({ limits }) => limits !== undefined);
      const words = isLimited ? [...args, '-S'] : args;
      const qmp = await startGuestProcess(env, { binary, launcher }, this.folder, words, () => this.#connect());
      if (isLimited) await this.#letGo(qmp);
    });
  }

  /** Whether it was suspended, and has not run since. */
  hasMemory(): Promise<boolean> {
    return hasMemory(this.folder);
  }

  /** Forgets what it was suspended with: its next start is a boot. */
  discardMemory(): Promise<void> {
    return removeMemory(this.folder);
  }

  /** Writes the memory to the folder and ends the process. When that fails, the guest goes on. */
  suspend(): Promise<void> {
    return this.#asVerb('suspended', async () => {
      if (!(await this.hasMemory())) await this.#saveMemory();
      await this.#quit();
    });
  }

  async #saveMemory(): Promise<void> {
    const qmp = await this.monitor();
    const isRunning = (await this.#queryState(qmp)) === 'running';
    try {
      await qmp.execute('stop');
      await saveMemory(qmp, this.folder);
    } catch (error) {
      if (isRunning && !qmp.closed.aborted) await qmp.execute('cont');
      throw error;
    }
  }

  /**
   * Starts a process with the memory that the guest was suspended with; arguments as for `start`. The caller knows that
   * there is none. When the memory can't be used, it is kept and the guest stays suspended.
   */
  startFromMemory(args: readonly string[], launcher: readonly string[]): Promise<void> {
    return this.#asVerb('running', async () => {
      const { env, binary } = this.#context;
      const waiting = argumentsForMemory(args, await readMemoryHeader(this.folder));
      this.#dropMonitor();
      const qmp = await startGuestProcess(env, { binary, launcher }, this.folder, waiting, () => this.#connect());
      try {
        await loadMemory(qmp, this.folder);
      } catch (error) {
        await this.#quit();
        throw qmp.closed.aborted ? await startFailure(binary, join(this.folder, guestFiles.hypervisorLog)) : error;
      }
      await this.discardMemory();
      await this.#letGo(qmp);
    });
  }

  /**
   * Starts a process that waits for the memory that another host sends; arguments as for `start`, made for the machine
   * that it comes from. `prepare` opens what it is to come through.
   */
  async startReceiving<T>(
    spec: GuestSpec,
    args: readonly string[],
    launcher: readonly string[],
    prepare: (qmp: QmpConnection) => Promise<T>,
  ): Promise<T> {
    return await this.#asVerb('paused', async () => {
      const { env, binary } = this.#context;
      await this.#keepSpec(spec);
      this.#dropMonitor();
      const qmp = await startGuestProcess(env, { binary, launcher }, this.folder, args, () => this.#connect());
      try {
        await limitDisks(qmp, spec.disks);
        return await prepare(qmp);
      } catch (error) {
        await this.#quit();
        throw error;
      }
    });
  }

  /** Work on the guest's monitor that changes what the guest does, and is no news to the watchers. */
  onMonitor<T>(aim: GuestState, work: (qmp: QmpConnection) => Promise<T>): Promise<T> {
    return this.#asVerb(aim, async () => work(await this.monitor()));
  }

  /** Changes the devices that the guest was started with, as they are from now on. */
  async setDevices(devices: Partial<Pick<GuestSpec, 'disks' | 'nics' | 'cdroms'>>): Promise<void> {
    if (this.#spec) await this.#keepSpec({ ...this.#spec, ...devices });
  }

  pause(): Promise<void> {
    return this.#asVerb('paused', async () => void (await (await this.monitor()).execute('stop')));
  }

  resume(): Promise<void> {
    return this.#asVerb('running', async () => this.#letGo(await this.monitor()));
  }

  /** Presses the power button and waits for the guest to go. False when it is still there after the time. */
  async powerDown(graceMs: number): Promise<boolean> {
    if (graceMs <= 0 || this.#hurrying > 0) return false;
    this.#impatience = new AbortController();
    this.#verbs++;
    try {
      return await this.#pressPowerButton(graceMs);
    } finally {
      this.#lastState = await this.state();
      this.#verbs--;
    }
  }

  /** Makes `powerDown` give up at once as long as `work` goes on: somebody wants the guest gone now. */
  async hurry<T>(work: () => Promise<T>): Promise<T> {
    this.#hurrying++;
    this.#impatience.abort();
    try {
      return await work();
    } finally {
      this.#hurrying--;
    }
  }

  /** Ends the process: by its monitor, which flushes the disks, and failing that by force. */
  end(): Promise<void> {
    return this.#asVerb('stopped', () => this.#quit());
  }

  /** Whoever stands may have been started by a process that died before it had said the limits. */
  async #letGo(qmp: QmpConnection): Promise<void> {
    await limitDisks(qmp, this.#spec?.disks ?? []);
    await qmp.execute('cont');
  }

  async #quit(): Promise<void> {
    const { env } = this.#context;
    if ((await this.pid()) === undefined) return;
    try {
      await (await this.#connect()).execute('quit');
      if (await waitForExit(env, this.folder, quitLimitMs)) return;
    } catch (error) {
      // QEMU may close the monitor before its answer to `quit` is read.
      if (await waitForExit(env, this.folder, error instanceof QmpError ? 0 : 1000)) return;
    }
    await killGuestProcess(env, this.folder);
  }

  /** Removes the guest's folder: first under another name, so that a half-removed one isn't taken for a guest. */
  async removeFolder(): Promise<void> {
    this.#dropMonitor();
    this.#spec = undefined;
    const doomed = `${this.folder}.removed`;
    await whileInProgress(doomed, async () => {
      await rm(doomed, { recursive: true, force: true });
      try {
        await rename(this.folder, doomed);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
      await rm(doomed, { recursive: true, force: true });
    });
  }

  /** Notices an end that no event told of, and connects again to a monitor that was lost. */
  async check(): Promise<void> {
    if (this.#verbs > 0 || this.#closed || this.#lastState === 'stopped' || this.#lastState === 'suspended') return;
    if ((await this.pid()) === undefined) this.#noticed('stopped');
    else await this.#connect().catch(() => {});
  }

  /** Lets go of the guest, which runs on. */
  close(): void {
    this.#closed = true;
    this.#impatience.abort();
    this.#dropMonitor();
  }

  async #keepSpec(spec: GuestSpec): Promise<void> {
    const { screenPassword } = spec;
    const password = join(this.folder, guestFiles.screenPassword);
    if (screenPassword === undefined) await rm(password, { force: true });
    else await writeFileAtomically(password, screenPassword);
    await writeFileAtomically(join(this.folder, guestFiles.spec), JSON.stringify(spec));
    this.#spec = spec;
  }

  async #pressPowerButton(graceMs: number): Promise<boolean> {
    const { env } = this.#context;
    const patience = this.#impatience.signal;
    try {
      const qmp = await this.monitor();
      if ((await this.#queryState(qmp)) === 'paused') await qmp.execute('cont');
      // The monitor closes when QEMU ends: no need to look at the process until then.
      const ended = AbortSignal.any([patience, qmp.closed]);
      // A guest that is still booting misses the button (Nova presses it again for the same reason).
      for (let left = graceMs; left > 0 && !ended.aborted; left -= pressAgainMs) {
        await qmp.execute('system_powerdown');
        await env.sleep(Math.min(left, pressAgainMs), ended);
      }
      return await waitForExit(env, this.folder, qmp.closed.aborted ? quitLimitMs : 0, patience);
    } catch (error) {
      if (await waitForExit(env, this.folder, 1000)) return true;
      if (error instanceof AgentError) return false; // a monitor that hangs: the caller ends the process
      throw error;
    }
  }

  /** Runs a verb of ours. The state it aims at is no news to the watchers; any other state that it ends in is. */
  async #asVerb<T>(aim: GuestState, work: () => Promise<T>): Promise<T> {
    this.#verbs++;
    let reached = false;
    try {
      const result = await work();
      reached = true;
      return result;
    } finally {
      const state = await this.state();
      this.#lastState = reached ? aim : state;
      this.#verbs--;
      this.#noticed(state);
    }
  }

  async #stateWithoutProcess(): Promise<GuestState> {
    return (await this.hasMemory()) ? 'suspended' : 'stopped';
  }

  async #queryState(qmp: QmpConnection): Promise<GuestState> {
    const { status } = await qmp.execute<{ status: string }>('query-status');
    return status === 'running' ? 'running' : 'paused';
  }

  #connect(): Promise<QmpConnection> {
    if (this.#monitor) return this.#monitor;
    const forget = () => {
      if (this.#monitor === monitor) this.#monitor = undefined;
    };
    const monitor = QmpConnection.connect(this.folder, guestFiles.monitor, this.#context.env).then(
      (qmp) => {
        qmp.onEvent((event) => this.#onEvent(event));
        qmp.closed.addEventListener('abort', () => {
          forget();
          void this.#onMonitorClosed();
        });
        return qmp;
      },
      (error) => {
        forget();
        throw error;
      },
    );
    this.#monitor = monitor;
    return monitor;
  }

  #dropMonitor(): void {
    const monitor = this.#monitor;
    this.#monitor = undefined;
    monitor?.then(
      (qmp) => qmp.close(),
      () => {},
    );
  }

  #onEvent({ event }: QmpEvent): void {
    if (event === 'STOP') this.#noticed('paused');
    if (event === 'RESUME') this.#noticed('running');
  }

  async #onMonitorClosed(): Promise<void> {
    if (this.#closed || this.#verbs > 0) return;
    if (await waitForExit(this.#context.env, this.folder, quitLimitMs)) this.#noticed('stopped');
  }

  #noticed(state: GuestState): void {
    if (this.#closed || this.#verbs > 0 || state === this.#lastState) return;
    this.#lastState = state;
    this.#context.onChange(state);
  }
}

async function readSpec(folder: string): Promise<GuestSpec | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, guestFiles.spec), 'utf8')) as GuestSpec;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
