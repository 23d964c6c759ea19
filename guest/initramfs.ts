import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { type CpioEntry, cpio } from './cpio.ts';
import { collectKernelModules } from './kernel-modules.ts';

export interface InitramfsParts {
  /** The folder of the kernel's modules. */
  modules: string;
  /** A static busybox. */
  busybox: string;
  /** Programs that are copied together with the shared libraries they need. */
  programs: string[];
  /** Files that are copied as they are, executable where they are. */
  rootfs: string;
  /** The text of /etc/tinylinux-release. */
  release: string;
}

/** Builds the root file system that TinyLinux lives in: a compressed cpio archive. */
export function buildInitramfs(parts: InitramfsParts): Buffer {
  const files = new Map<string, CpioEntry>();
  const add = (entry: CpioEntry): void => {
    files.set(entry.path, entry);
  };
  const addFile = (path: string, content: Uint8Array, mode: number): void => add({ kind: 'file', path, content, mode });

  add({ kind: 'link', path: 'init', target: 'bin/busybox' });
  add({ kind: 'link', path: 'sbin', target: 'bin' });
  add({ kind: 'link', path: 'var/run', target: '../run' });
  addFile('bin/busybox', readFileSync(parts.busybox), 0o755);
  for (const applet of appletsOf(parts.busybox)) add({ kind: 'link', path: `bin/${applet}`, target: 'busybox' });
  for (const program of parts.programs) {
    addFile(`bin/${program.split('/').at(-1)}`, readFileSync(program), 0o755);
    for (const library of librariesOf(program)) addFile(library.slice(1), readFileSync(realpathSync(library)), 0o755);
  }
  const modules = collectKernelModules(parts.modules);
  for (const module of modules) addFile(`lib/modules/${module.name}`, module.content, 0o644);
  addFile('lib/modules/order', Buffer.from(modules.map((module) => `${module.name}\n`).join('')), 0o644);
  for (const path of readdirSync(parts.rootfs, { recursive: true, encoding: 'utf8' })) {
    const stat = statSync(`${parts.rootfs}/${path}`);
    if (stat.isFile()) addFile(path, readFileSync(`${parts.rootfs}/${path}`), stat.mode & 0o111 ? 0o755 : 0o644);
  }
  addFile('etc/tinylinux-release', Buffer.from(parts.release), 0o644);
  // init opens its console before /dev is mounted.
  add({ kind: 'character-device', path: 'dev/console', mode: 0o600, major: 5, minor: 1 });
  add({ kind: 'character-device', path: 'dev/null', mode: 0o666, major: 1, minor: 3 });

  const entries = [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  return gzipSync(cpio([...foldersOf(entries), ...entries]), { level: 9 });
}

/** Folders that exist though nothing is in them, with their modes where these matter (SSH refuses open homes). */
const emptyFolders: Record<string, number> = {
  'dev/pts': 0o755,
  disk: 0o755,
  'etc/dropbear': 0o700,
  mnt: 0o755,
  proc: 0o755,
  root: 0o700,
  'root/.ssh': 0o700,
  'run/config': 0o755,
  sys: 0o755,
  tmp: 0o1777,
  'var/log': 0o755,
};

function foldersOf(entries: readonly CpioEntry[]): CpioEntry[] {
  const folders = new Set<string>();
  for (const path of [
    ...entries.map((entry) => entry.path),
    ...Object.keys(emptyFolders).map((folder) => `${folder}/`),
  ]) {
    const parts = path.split('/').slice(0, -1);
    for (let depth = 1; depth <= parts.length; depth++) folders.add(parts.slice(0, depth).join('/'));
  }
  return [...folders].sort().map((path) => ({ kind: 'directory', path, mode: emptyFolders[path] ?? 0o755 }));
}

function appletsOf(busybox: string): string[] {
  return execFileSync(busybox, ['--list'], { encoding: 'utf8' })
    .split('\n')
    .filter((name) => name !== '' && name !== 'busybox');
}

/** The loader and the shared libraries of a program, by the paths under which it looks for them. */
function librariesOf(program: string): string[] {
  const lines = execFileSync('ldd', [program], { encoding: 'utf8' }).split('\n');
  const missing = lines.find((line) => line.includes('not found'));
  if (missing !== undefined) throw new Error(`${program} lacks a shared library: ${missing.trim()}`);
  return lines.flatMap((line) => line.match(/(?:=>\s+|^\s*)(\/\S+)\s+\(0x/)?.[1] ?? []);
}
