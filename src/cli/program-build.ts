import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { inTurn } from '../env/precedence.ts';

/** Where the launcher looks for the program in one piece. It sets this where what is there is out of date. */
const folderVariable = 'UNKAI_PROGRAM_BUILD';

/**
 * Has the program put together into one piece for the next start, which then takes half as long: most of a start goes into
 * finding and reading 1,500 modules. It is done by a process of its own, with what the cloud leaves of the processors.
 * Where it can't be done, the sources are run as they are, always.
 */
export class ProgramBuild {
  #child: ChildProcess | undefined;

  start(): void {
    const folder = process.env[folderVariable];
    if (!folder) return;
    const script = join(import.meta.dirname, 'build-program.ts');
    const [program, ...args] = inTurn([process.execPath, script, folder], 15);
    const child = spawn(program!, args, { stdio: 'ignore' });
    child.on('error', () => {});
    child.unref();
    this.#child = child;
  }

  stop(): void {
    this.#child?.kill('SIGTERM');
  }
}
