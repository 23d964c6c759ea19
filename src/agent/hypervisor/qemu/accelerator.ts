import { access, constants, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Env } from '../../../env/env.ts';
import { writeFileAtomically } from '../../atomic-file.ts';
import { AgentError } from '../../contract.ts';
import { runCommand } from '../../programs/run-command.ts';
import { writeBootSector } from './boot-sector.ts';
import { probeExitCode, probeExitPort, probeProgram } from './probe-program.ts';

/** What the installed QEMU is and can do on this host. */
export interface QemuProbe {
  /** major × 1000000 + minor × 1000 + micro. */
  version: number;
  accelerator: 'kvm' | 'tcg';
}

/** The processor that guests have: all that there is. */
export const guestProcessor = { kvm: 'host', tcg: 'max' } as const;

interface ProbeRecord extends QemuProbe {
  bootId: string;
  binary: string;
  method: number;
}

/** Another number for each way of finding out, so that what an earlier one found is not believed. */
const probeMethod = 2;

/** How much longer than under emulation the probe may take with KVM, which is far quicker where it is real. */
const slowness = 3;
/** What KVM is granted at least: the time is mostly that of QEMU's start, and the host may have other things to do. */
const leastLimitMs = 1000;
const emulationLimitMs = 20_000;

/**
 * Finds out QEMU's version and whether KVM really runs guests: a /dev/kvm that opens may still hang (nested virtualisation
 * switched off half-way), refuse what guests are started with (the host's processor, whole), or emulate instruction by
 * instruction, slower than QEMU does. So a boot sector runs both ways, and KVM has to keep up. The answer is kept in the
 * folder until the machine is booted again or QEMU is replaced. With a `given` accelerator only the version is asked.
 * Throws `unsupported` when QEMU isn't installed.
 */
export async function probeQemu(
  env: Env,
  binary: string,
  folder: string,
  given?: QemuProbe['accelerator'],
): Promise<QemuProbe> {
  const recordPath = join(folder, 'qemu.json');
  const identity = {
    bootId: (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim(),
    binary: await binaryIdentity(binary),
    method: probeMethod,
  };
  if (given) return { version: await qemuVersion(env, binary), accelerator: given };
  const known = await readRecord(recordPath);
  if (known && isSame(identity, known)) {
    return { version: known.version, accelerator: known.accelerator };
  }
  const version = await qemuVersion(env, binary);
  const accelerator = (await kvmRunsCode(env, binary, folder)) ? 'kvm' : 'tcg';
  await writeFileAtomically(recordPath, JSON.stringify({ ...identity, version, accelerator } satisfies ProbeRecord));
  return { version, accelerator };
}

async function kvmRunsCode(env: Env, binary: string, folder: string): Promise<boolean> {
  const canOpen = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  if (!canOpen) return false;
  const image = join(folder, 'kvm-probe.img');
  await writeBootSector(image, probeProgram);
  // A QEMU that can't emulate leaves nothing to compare with.
  const emulated = (await runProbe(env, binary, image, 'tcg', emulationLimitMs)) ?? 0;
  return (await runProbe(env, binary, image, 'kvm', Math.max(leastLimitMs, slowness * emulated))) !== undefined;
}

/** How long the probe took, in milliseconds; undefined when it didn't come to its end. */
export async function runProbe(
  env: Env,
  binary: string,
  image: string,
  accelerator: QemuProbe['accelerator'],
  wallMs: number,
): Promise<number | undefined> {
  const drive = { driver: 'raw', 'node-name': 'probe', 'read-only': true, file: { driver: 'file', filename: image } };
  const args = ['-nodefaults', '-no-user-config', '-display', 'none', '-machine', 'pc', '-m', '64'];
  args.push('-accel', accelerator, '-cpu', guestProcessor[accelerator]);
  args.push('-device', `isa-debug-exit,iobase=${probeExitPort},iosize=1`);
  args.push('-blockdev', JSON.stringify(drive), '-device', 'virtio-blk-pci,drive=probe,bootindex=1');
  const from = env.now();
  const { exitCode } = await runCommand(env, binary, args, { limits: { wallMs } });
  return exitCode === probeExitCode ? (env.now() - from) / 1000 : undefined;
}

async function qemuVersion(env: Env, binary: string): Promise<number> {
  const { stdout } = await runCommand(env, binary, ['--version'], { limits: { wallMs: 20_000 } });
  const match = /version (\d+)\.(\d+)\.(\d+)/.exec(stdout);
  if (!match) throw new AgentError('unsupported', `${binary} doesn't tell its version`);
  return Number(match[1]) * 1_000_000 + Number(match[2]) * 1000 + Number(match[3]);
}

/** Changes when QEMU is installed anew. */
async function binaryIdentity(binary: string): Promise<string> {
  for (const folder of (process.env['PATH'] ?? '').split(':')) {
    const path = binary.startsWith('/') ? binary : join(folder, binary);
    const found = await stat(path).catch(() => undefined);
    if (found) return `${path} ${found.mtimeMs} ${found.size}`;
  }
  throw new AgentError('unsupported', `${binary} is not installed`);
}

function isSame(identity: Omit<ProbeRecord, keyof QemuProbe>, known: ProbeRecord): boolean {
  return known.bootId === identity.bootId && known.binary === identity.binary && known.method === identity.method;
}

async function readRecord(path: string): Promise<ProbeRecord | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as ProbeRecord;
  } catch {
    return undefined; // never probed, or the file is damaged: probe
  }
}
