import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { type Plugin, rolldown } from 'rolldown';

/** Packages that are rarely asked for, or that start threads from files of their own. */
const apart = ['@aws-sdk/client-s3', '@aws-sdk/lib-storage', 'chevrotain', 'listr2', 'pg', 'pino', 'rolldown', 'ssh2'];
const keptBuilds = 2;

/**
 * Puts the program together from its modules, into a folder of its own under `folder`, which must be inside the checkout:
 * packages that stay apart are found from there. `current` then names it, and is as old as the moment in which the first
 * source was read: it is out of date where a source is newer.
 *
 * @returns the folder of the build, where `main.mjs` is what begins
 */
export async function buildProgram(
  folder: string,
  entry: string = resolve(import.meta.dirname, 'main.ts'),
): Promise<string> {
  const startedAt = new Date();
  const name = `${startedAt.getTime().toString(36)}-${process.pid}`;
  const build = join(folder, name);
  mkdirSync(build, { recursive: true });
  try {
    await write(build, entry);
  } catch (error) {
    rmSync(build, { recursive: true, force: true });
    throw error;
  }
  const partial = join(folder, `current.${process.pid}`);
  writeFileSync(partial, `${name}\n`);
  utimesSync(partial, startedAt, startedAt);
  renameSync(partial, join(folder, 'current'));
  forgetOldBuilds(folder, name);
  return build;
}

async function write(build: string, entry: string): Promise<void> {
  const bundle = await rolldown({
    input: { main: entry },
    platform: 'node',
    external: apart,
    plugins: [placesOfSources(build)],
    logLevel: 'silent',
  });
  await bundle.write({ dir: build, format: 'esm', entryFileNames: '[name].mjs', chunkFileNames: '[name]-[hash].mjs' });
  await bundle.close();
  // A machine that loses its power must not find names of files without their contents.
  for (const file of readdirSync(build)) {
    const descriptor = openSync(join(build, file), 'r');
    fsyncSync(descriptor);
    closeSync(descriptor);
  }
}

/** Threads, programs and texts that a source names beside itself are still there, and not beside the build. */
function placesOfSources(build: string): Plugin {
  return {
    name: 'places-of-sources',
    transform: {
      filter: { code: 'import.meta.' },
      handler(code, id) {
        if (id.includes('/node_modules/')) return undefined;
        const place = (path: string) => JSON.stringify(relative(build, path));
        return (
          code
            .replaceAll('import.meta.dirname', `(import.meta.dirname + '/' + ${place(dirname(id))})`)
            // What can be run by itself is a part of something else here.
            .replaceAll('import.meta.main', 'false')
            .replaceAll('import.meta.url', `new URL(${place(id)}, import.meta.url).href`)
        );
      },
    },
  };
}

/** Keeps what a process may still load parts of. */
function forgetOldBuilds(folder: string, newest: string): void {
  const builds = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const byAge = builds
    .map(({ name }) => ({ name, builtAt: statSync(join(folder, name)).mtimeMs }))
    .sort((one, other) => other.builtAt - one.builtAt);
  const running = commandLines();
  for (const { name } of byAge.slice(keptBuilds)) {
    if (name === newest || running.some((line) => line.includes(`/${name}/`))) continue;
    rmSync(join(folder, name), { recursive: true, force: true });
  }
}

/** Of all processes of this machine, as Linux tells them. */
function commandLines(): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    } catch {
      return [];
    }
  });
}

if (import.meta.main) await buildProgram(process.argv[2]!);
