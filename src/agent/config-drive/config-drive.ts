import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Env } from '../../env/env.ts';
import { createAtomically, whileInProgress } from '../atomic-file.ts';
import { AgentError } from '../contract.ts';
import { toAgentError } from '../errors.ts';
import { bytesOf, type FileContents } from '../file-content.ts';
import { runCommand } from '../run-command.ts';

const segment = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;
const maxBytes = 64 * 1024 * 1024;

/**
 * Writes a config drive: an ISO 9660 file system with Rock Ridge and Joliet names under the label by which cloud-init
 * and its like find it. File names are checked and content goes through files: nothing that a tenant wrote gets onto a
 * command line. Throws `unsupported` when a path is not plain and relative, or genisoimage is missing.
 */
export async function writeConfigDrive(env: Env, isoPath: string, files: FileContents): Promise<void> {
  const entries = Object.entries(files).map(([path, content]) => [path, bytesOf(content)] as const);
  for (const [path] of entries) assertPlainPath(path);
  const total = entries.reduce((sum, [, content]) => sum + content.length, 0);
  if (total > maxBytes) throw new AgentError('unsupported', `a config drive of ${total} bytes is too large`);

  const content = `${isoPath}.content`;
  await whileInProgress(content, async () => {
    try {
      await rm(content, { recursive: true, force: true });
      await mkdir(content, { recursive: true, mode: 0o700 });
      const folders = new Set(entries.map(([path]) => dirname(path)));
      await Promise.all([...folders].map((folder) => mkdir(join(content, folder), { recursive: true })));
      await Promise.all(entries.map(([path, bytes]) => writeFile(join(content, path), bytes)));
      // A guest that the power took is started again, and that writes its drive first.
      await createAtomically(isoPath, (temporary) => makeIso(env, content, temporary), { isMadeAnew: true });
    } catch (error) {
      throw toAgentError(error, 'the config drive could not be written');
    } finally {
      await rm(content, { recursive: true, force: true });
    }
  });
}

async function makeIso(env: Env, folder: string, target: string): Promise<void> {
  const args = ['-quiet', '-volid', 'config-2', '-rational-rock', '-joliet', '-joliet-long', '-o', target, folder];
  const result = await runCommand(env, 'genisoimage', args, { limits: { wallMs: 60_000 } });
  if (result.exitCode === 0) return;
  const words = result.stderr.trim().slice(0, 500);
  const code = /No space left/.test(words) ? 'no_space' : 'hypervisor_failed';
  throw new AgentError(code, `genisoimage failed: ${words}`);
}

function assertPlainPath(path: string): void {
  if (path.length <= 200 && path.split('/').every((part) => segment.test(part))) return;
  throw new AgentError('unsupported', `${JSON.stringify(path)} can't be a path in a config drive`);
}
