import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { findProgram } from '../../../guest/requirements.ts';
import { installPrerequisites } from '../prerequisites.ts';
import { UserError } from '../user-error.ts';

/** The Tempest that results are published for. */
const tempestVersion = '47.0.0';

/** An installed Tempest. */
export interface Tempest {
  /** The folder of its programs; comes first in PATH, so that what it starts finds the right Python. */
  programs: string;
  /** The folder of the Python package. */
  package: string;
  version: string;
}

const debianPackage = {
  need: 'tempest',
  package: 'tempest',
  for: "running OpenStack's own tests",
  probe: () => existsSync('/usr/bin/tempest'),
};

/**
 * Finds Tempest, and installs it first where there is none: `tempestVersion` from PyPI into a virtual environment in the
 * cache folder, or Debian's package where that can't be. Throws what to type where neither can be installed.
 */
export async function ensureTempest(cacheDir: string, say: (text: string) => void): Promise<Tempest> {
  const folder = join(cacheDir, `tempest-${tempestVersion}`);
  const marker = join(folder, '.complete');
  if (existsSync(marker)) return await describe(join(folder, 'bin'));
  const failure = await installFromPypi(folder, say).then(
    () => undefined,
    (error: Error) => error,
  );
  if (failure === undefined) {
    await writeFile(marker, '');
    return await describe(join(folder, 'bin'));
  }
  await rm(folder, { recursive: true, force: true });
  say(`PyPI could not be used (${failure.message}); taking Debian's package`);
  try {
    if (!debianPackage.probe()) await installPrerequisites([debianPackage], { onProgress: say });
  } catch (error) {
    throw new UserError(
      `Tempest could not be installed.\nFrom PyPI: ${failure.message}\nFrom Debian: ${(error as Error).message}`,
    );
  }
  return await describe('/usr/bin');
}

const ping = {
  need: 'ping',
  package: 'iputils-ping',
  for: 'scenarios that ping guests',
  probe: () => findProgram('ping') !== undefined,
};

/** Tempest pings guests with the machine's own program. Where it can't be installed, those tests fail and say so. */
export async function ensurePing(say: (text: string) => void): Promise<void> {
  if (ping.probe()) return;
  await installPrerequisites([ping], { onProgress: say }).catch((error: Error) => say(error.message));
}

async function installFromPypi(folder: string, say: (text: string) => void): Promise<void> {
  await mkdir(folder, { recursive: true });
  const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : findProgram('python3');
  if (!python) throw new Error('there is no python3');
  say('Making a virtual environment for Tempest');
  await run(python, ['-m', 'venv', '--clear', folder], say).catch(async (error: Error) => {
    if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) throw error;
    const venv = { need: 'python3-venv', package: 'python3-venv', for: 'installing Tempest', probe: () => true };
    await installPrerequisites([venv], { onProgress: say });
    await run(python, ['-m', 'venv', '--clear', folder], say);
  });
  say(`Installing Tempest ${tempestVersion} from PyPI`);
  await run(join(folder, 'bin/pip'), ['install', '--quiet', '--no-input', `tempest==${tempestVersion}`], say);
}

async function describe(programs: string): Promise<Tempest> {
  const code =
    'import os, sys, tempest, tempest.version as v; print(os.path.dirname(tempest.__file__)); ' +
    'print(v.version_info.version_string())';
  const python = join(programs, 'python3');
  const lines = (await run(python, ['-c', code], () => {})).trim().split('\n');
  return { programs, package: lines[0]!, version: lines[1]! };
}

/** Gives what the program printed. Throws its last words where it fails. */
async function run(program: string, args: readonly string[], say: (text: string) => void): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: '/' });
  const out: string[] = [];
  const errors: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    out.push(line);
    say(line);
  });
  createInterface({ input: child.stderr }).on('line', (line) => errors.push(line));
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (code === 0) return out.join('\n');
  throw new Error([...out, ...errors].slice(-3).join(' ') || `${program} ended with ${code}`);
}
