import { existsSync } from 'node:fs';
import { mkdtemp, statfs } from 'node:fs/promises';
import { freemem, tmpdir, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { isReady } from './background.ts';
import type { Check } from './check.ts';
import { DataFolder, type RunRecord } from './data-folder.ts';
import { examineDatabase } from './database-examination.ts';
import { missingFor, removeFolder } from './machine.ts';
import { portProblem } from './ports.ts';
import { installCommand } from './prerequisites.ts';
import { examineReconcilers } from './reconcilers.ts';

export interface ExaminationOptions {
  dataDir: string;
  port: number;
  listen: string;
  database?: string;
}

const gib = 2 ** 30;
/** Below this a guest's disk soon finds no room, bytes. */
const lowDisk = 10 * gib;
const tooLittleDisk = gib;
const lowMemory = 2 * gib;

/** Looks at the machine and at the cloud of a data folder, thing by thing. Changes nothing. */
export async function* examine(options: ExaminationOptions): AsyncGenerator<Check> {
  const folder = new DataFolder(options.dataDir);
  const running = folder.running();
  const hypervisor = folder.settings()?.hypervisor ?? 'qemu';
  yield { name: 'node', state: 'ok', detail: `${process.version} (${process.execPath})` };
  yield* examinePrograms(hypervisor);
  yield await examineKvm();
  if (hypervisor === 'qemu') yield await examineNetworking(folder);
  yield examineMemory();
  yield await examineDisk(folder);
  yield await examineRunning(folder, running);
  if (running) yield await examineReconcilers(running.origin);
  yield await examinePort(options, running);
  yield await examineDatabase(options.database ?? folder.settings()?.database, folder, running !== undefined);
}

function* examinePrograms(hypervisor: 'qemu' | 'simulated'): Generator<Check> {
  const missing = missingFor(hypervisor);
  if (missing.length === 0) yield { name: 'programs', state: 'ok', detail: 'everything that is needed is there' };
  for (const { need, package: name, for: purpose } of missing) {
    const isNeeded = need.startsWith('qemu');
    yield {
      name: 'programs',
      state: isNeeded ? 'problem' : 'warning',
      detail: `${need} is missing (for ${purpose})`,
      advice: `Debian's package: ${name}`,
    };
  }
  if (missing.length > 0) {
    yield {
      name: 'programs',
      state: 'warning',
      detail: 'unkai up installs them, where it may. By hand:',
      advice: installCommand(missing),
    };
  }
}

/** Runs code under KVM now: what an earlier probe found is not asked. */
async function examineKvm(): Promise<Check> {
  const name = 'kvm';
  if (!existsSync('/dev/kvm')) {
    const advice = 'Switch virtualisation on in the firmware, or nested virtualisation on the host of this machine.';
    return { name, state: 'warning', detail: 'there is no /dev/kvm: servers run in emulation, slowly', advice };
  }
  const { probeQemu } = await import('../agent/hypervisor/qemu/accelerator.ts');
  const { realEnv } = await import('../env/real.ts');
  const folder = await mkdtemp(join(tmpdir(), 'unkai-doctor-'));
  try {
    const { accelerator } = await probeQemu(realEnv(), 'qemu-system-x86_64', folder);
    if (accelerator === 'kvm') return { name, state: 'ok', detail: 'runs code (probed now)' };
    return { name, state: 'warning', ...(await whyNoKvm()) };
  } catch (error) {
    return { name, state: 'warning', detail: `could not be probed: ${(error as Error).message}` };
  } finally {
    removeFolder(folder);
  }
}

async function whyNoKvm(): Promise<{ detail: string; advice: string }> {
  const { access, constants } = await import('node:fs/promises');
  const mayOpen = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!mayOpen) {
    return {
      detail: 'you may not open /dev/kvm: servers run in emulation, slowly',
      advice: 'usermod -aG kvm YOU, then sign in again.',
    };
  }
  return {
    detail: '/dev/kvm opens, but a guest of seven bytes did not run within 3 s: servers run in emulation, slowly',
    advice: 'This machine is most likely a virtual one without nested virtualisation; its host has to allow it.',
  };
}

/** Asks the same probe that a start asks. */
async function examineNetworking(folder: DataFolder): Promise<Check> {
  const name = 'networking';
  if (folder.settings()?.network === 'user')
    return { name, state: 'ok', detail: 'user networking, as it was asked for' };
  const { bridgeObstacle } = await import('../agent/network/bridge/probe.ts');
  const { realEnv } = await import('../env/real.ts');
  const obstacle = await bridgeObstacle(realEnv());
  if (obstacle === undefined) return { name, state: 'ok', detail: 'bridges, routers and floating IPs (probed now)' };
  return {
    name,
    state: 'warning',
    detail: `user networking, because ${obstacle}: guests reach what this machine reaches, but not each other`,
    advice: 'Bridge networking needs root, and the Debian packages iproute2, nftables, dnsmasq-base and procps.',
  };
}

function examineMemory(): Check {
  const detail = `${size(freemem())} of ${size(totalmem())} free`;
  if (totalmem() >= lowMemory) return { name: 'memory', state: 'ok', detail };
  return { name: 'memory', state: 'warning', detail, advice: 'That is enough for a few small servers only.' };
}

async function examineDisk(folder: DataFolder): Promise<Check> {
  let path = folder.path;
  while (!existsSync(path)) path = dirname(path);
  const { bavail, bsize } = await statfs(path);
  const free = bavail * bsize;
  const check = { name: 'disk', detail: `${size(free)} free for ${folder.path}` };
  const advice = 'Make room, or put the cloud elsewhere with --data-dir DIR.';
  if (free < tooLittleDisk) return { ...check, state: 'problem', advice };
  return free < lowDisk ? { ...check, state: 'warning', advice } : { ...check, state: 'ok' };
}

async function examineRunning(folder: DataFolder, running: RunRecord | undefined): Promise<Check> {
  const name = 'cloud';
  if (!running) {
    const detail = folder.settings() ? `does not run (${folder.path})` : `none yet in ${folder.path}`;
    return { name, state: 'ok', detail: `${detail}; unkai up starts it` };
  }
  if (await isReady(running.origin)) {
    return { name, state: 'ok', detail: `is ready at ${running.origin} (process ${running.pid})` };
  }
  return {
    name,
    state: 'problem',
    detail: `process ${running.pid} runs, but is not ready at ${running.origin}`,
    advice: `${folder.logFile} tells more. Then: unkai down && unkai up`,
  };
}

async function examinePort({ listen, port }: ExaminationOptions, running: RunRecord | undefined): Promise<Check> {
  const name = 'port';
  if (running) return { name, state: 'ok', detail: `${running.port} on ${running.listen} is the cloud's` };
  const problem = await portProblem(listen, port);
  if (!problem) return { name, state: 'ok', detail: `${port} on ${listen} is free` };
  return { name, state: 'problem', detail: problem, advice: 'unkai up --port N takes another one.' };
}

function size(bytes: number): string {
  return `${(bytes / gib).toFixed(1)} GiB`;
}
