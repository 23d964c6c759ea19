import { writeFile } from 'node:fs/promises';
import type { Env } from '../../env/env.ts';
import { createAtomically } from '../atomic-file.ts';
import { AgentError } from '../contract.ts';
import { toAgentError } from '../errors.ts';
import { bytesOf, type FileContents } from '../file-content.ts';
import { iso9660 } from './iso9660.ts';

const segment = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;
const maxBytes = 64 * 1024 * 1024;

/**
 * Writes a config drive: an ISO 9660 file system with Rock Ridge and Joliet names under the label by which cloud-init
 * and its like find it. Throws `unsupported` when a path is not plain and relative, or it all is too large.
 */
export async function writeConfigDrive(env: Env, isoPath: string, files: FileContents): Promise<void> {
  const contents = Object.entries(files).map(([path, content]) => [path, bytesOf(content)] as const);
  for (const [path] of contents) assertPlainPath(path);
  const total = contents.reduce((sum, [, bytes]) => sum + bytes.length, 0);
  if (total > maxBytes) throw new AgentError('unsupported', `a config drive of ${total} bytes is too large`);
  const drive = iso9660(contents, 'config-2', new Date(env.now() / 1000));
  try {
    // A guest that the power took is started again, and that writes its drive first.
    await createAtomically(isoPath, (temporary) => writeFile(temporary, drive, { flag: 'wx', mode: 0o600 }), {
      isMadeAnew: true,
    });
  } catch (error) {
    throw toAgentError(error, 'the config drive could not be written');
  }
}

function assertPlainPath(path: string): void {
  if (path.length <= 200 && path.split('/').every((part) => segment.test(part))) return;
  throw new AgentError('unsupported', `${JSON.stringify(path)} can't be a path in a config drive`);
}
