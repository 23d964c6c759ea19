import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDir } from '../support/paths.ts';

/**
 * The folder of a virtual environment with these packages of PyPI, in the newest versions that there were when it was made. It
 * is kept, and made anew where `isFresh`.
 */
export async function pythonEnvironment(name: string, packages: readonly string[], isFresh: boolean): Promise<string> {
  const folder = join(cacheDir, name);
  if (isFresh) await rm(folder, { recursive: true, force: true });
  if (existsSync(join(folder, '.complete'))) return folder;
  const run = promisify(execFile);
  await run('python3', ['-m', 'venv', '--clear', folder]);
  await run(join(folder, 'bin/pip'), ['install', '--quiet', ...packages]);
  await writeFile(join(folder, '.complete'), '');
  return folder;
}
