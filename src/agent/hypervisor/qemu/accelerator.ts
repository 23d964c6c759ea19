import { access, constants, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Env } from '../../../env/env.ts';
import { writeFileAtomically } from '../../atomic-file.ts';
import { AgentError } from '../../contract.ts';
import { runCommand } from '../../run-command.ts';
import { writeBootSector } from './boot-sector.ts';

/** What the installed QEMU is and can do on this host. */
export interface QemuProbe {
  /** major × 1000000 + minor × 1000 + micro. */
  version: number;
  accelerator: 'kvm' | 'tcg';
}

interface ProbeRecord extends QemuProbe {
  bootId: string;
  binary: string;
}

const probeLimitMs = 3000;
/** isa-debug-exit ends QEMU with (value × 2) + 1 when the guest writes the value to its port. */
const exitValue = 0x10;
const successExitCode = exitValue * 2 + 1;

/** mov al,0x10; out 0xf4,al; hlt; jmp $-1 */
const exitProgram = [0xb0, exitValue, 0xe6, 0xf4, 0xf4, 0xeb, 0xfd];

/**
 * Finds out QEMU's version and whether KVM really runs code: a /dev/kvm that opens may still hang (nested
 * virtualisation switched off half-way), so a boot sector has to prove it within three seconds. The answer is kept in
 * the folder until the machine is booted again or QEMU is replaced. With a `given` accelerator only the version is asked.
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
  };
  if (given) return { version: await qemuVersion(env, binary), accelerator: given };
  const known = await readRecord(recordPath);
  if (known?.bootId === identity.bootId && known.binary === identity.binary) {
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
  await writeBootSector(image, exitProgram);
  const drive = { driver: 'raw', 'node-name': 'probe', 'read-only': true, file: { driver: 'file', filename: image } };
  const args = ['-nodefaults', '-no-user-config', '-display', 'none', '-machine', 'pc', '-accel', 'kvm', '-m', '64'];
  args.push('-device', `isa-debug-exit,iobase=0xf4,iosize=1`);
  args.push('-blockdev', JSON.stringify(drive), '-device', 'virtio-blk-pci,drive=probe,bootindex=1');
  const result = await runCommand(env, binary, args, { limits: { wallMs: probeLimitMs } });
  return result.exitCode === successExitCode;
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

async function readRecord(path: string): Promise<ProbeRecord | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as ProbeRecord;
  } catch {
    return undefined; // never probed, or the file is damaged: probe
  }
}
