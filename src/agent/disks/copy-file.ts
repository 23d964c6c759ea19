import type { Env } from '../../env/env.ts';
import { AgentError } from '../contract.ts';
import { runCommand } from '../programs/run-command.ts';

/** Copies a file with `cp`: it shares the blocks where the file system can, and keeps holes, which `fs.copyFile` fills. */
export async function copyFile(env: Env, from: string, to: string): Promise<void> {
  const args = ['--reflink=auto', '--sparse=auto', '--', from, to];
  const result = await runCommand(env, 'cp', args, { limits: { wallMs: 6 * 3600_000, stepsAside: true } });
  if (result.exitCode === 0) return;
  const words = result.stderr.trim().slice(0, 500);
  const code = /No space left|Disk quota exceeded/.test(words) ? 'no_space' : 'hypervisor_failed';
  throw new AgentError(code, words || `cp was ended by ${result.signal}`);
}
