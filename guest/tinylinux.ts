import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { writeBootDisk } from './boot-disk.ts';
import { buildInitramfs } from './initramfs.ts';
import { findCloudKernel, findMbrCode, findProgram, findStaticBusybox, tinyLinuxRequirements } from './requirements.ts';

/** The version that TinyLinux shows when it boots. */
export const tinyLinuxVersion = '1.0';
/** The size of the disk that the guest sees, in bytes. A flavor's root disk must have at least this. */
export const tinyLinuxVirtualSize = 64 * 2 ** 20;
/** Below this the kernel of Debian 12 finds no room to unpack itself. In MiB. */
export const tinyLinuxMinimumMemory = 96;

export interface TinyLinuxOptions {
  /** Where built images are kept. Created when it is missing. */
  cacheDir: string;
  /** Shown in the line `TinyLinux <version> <label>` at boot, so that two builds can be told apart. Letters, digits, `.`, `_`, `-`. */
  label?: string;
  onProgress?: (text: string) => void;
}

export interface TinyLinuxImage {
  /** A qcow2 file without a backing file. */
  path: string;
  /** Hex digest of the file. */
  sha256: string;
  /** Bytes of the file. */
  size: number;
}

const here = import.meta.dirname;

/** `quiet` and the rest trade messages and probing for a fast boot without hardware virtualisation. */
const commandLine =
  'console=tty0 console=ttyS0,115200 quiet panic=5 mitigations=off nokaslr no_timer_check random.trust_cpu=on';

/**
 * Builds TinyLinux, a guest that boots in seconds and does what a cloud image does: it reads the config drive, configures
 * its network, takes SSH keys, runs user data and heeds the power button. It is made of Debian's cloud kernel, busybox
 * and dropbear as they are installed on this machine, without privileges.
 *
 * The result is cached by all that goes into it. Several processes may build at once; each leaves a whole file.
 * Throws an error that names the Debian packages when something is missing.
 */
export async function buildTinyLinux(options: TinyLinuxOptions): Promise<TinyLinuxImage> {
  const { cacheDir, label = '', onProgress = () => {} } = options;
  if (!/^[A-Za-z0-9._-]*$/.test(label))
    throw new Error(`TinyLinux's label may hold letters, digits, '.', '_' and '-', not "${label}"`);
  const sources = findSources();
  const target = resolve(cacheDir, `tinylinux-${cacheKey(sources, label)}.qcow2`);
  if (!existsSync(target)) {
    await mkdir(cacheDir, { recursive: true });
    const work = await mkdtemp(resolve(cacheDir, '.tinylinux-'));
    try {
      onProgress(`Building TinyLinux from Linux ${sources.kernel.version}`);
      const initramfs = buildInitramfs({
        modules: sources.kernel.modules,
        busybox: sources.busybox,
        programs: [sources.dropbear, ...(sources.guestAgent ? [sources.guestAgent] : [])],
        rootfs: `${here}/rootfs`,
        release: `VERSION=${tinyLinuxVersion}\nLABEL=${label}\n`,
      });
      onProgress(`Writing the boot disk (initramfs ${mebibytes(initramfs.length)})`);
      const size = tinyLinuxVirtualSize;
      const disk = { size, volumeLabel: 'TINYLINUX', kernel: sources.kernel.image, initramfs, commandLine };
      await writeBootDisk(disk, work, `${work}/image.qcow2`);
      await rename(`${work}/image.qcow2`, target);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }
  const sha256 = createHash('sha256')
    .update(await readFile(target))
    .digest('hex');
  const { size } = await stat(target);
  onProgress(`TinyLinux is ready: ${target} (${mebibytes(size)})`);
  return { path: target, sha256, size };
}

interface Sources {
  kernel: { version: string; image: string; modules: string };
  busybox: string;
  dropbear: string;
  /** QEMU's guest agent, where this machine has it: the guest does without. */
  guestAgent?: string;
  mbr: string;
  syslinux: string;
}

function findSources(): Sources {
  const missing = tinyLinuxRequirements.filter((requirement) => !requirement.probe());
  const kernel = findCloudKernel();
  const busybox = findStaticBusybox();
  const dropbear = findProgram('dropbear');
  const mbr = findMbrCode();
  const syslinux = findProgram('syslinux');
  if (missing.length > 0 || !kernel || !busybox || !dropbear || !mbr || !syslinux) {
    const needs = missing.map((requirement) => requirement.need).join(', ');
    const packages = [...new Set(missing.map((requirement) => requirement.package))].join(' ');
    throw new Error(`TinyLinux can't be built without: ${needs}. On Debian: apt-get install ${packages}`);
  }
  return { kernel, busybox, dropbear, guestAgent: findProgram('qemu-ga'), mbr, syslinux };
}

/** The builder's own files by content, the machine's files by what changes when their packages are upgraded. */
function cacheKey(sources: Sources, label: string): string {
  const hash = createHash('sha256').update(`${sources.kernel.version}\n${label}\n`);
  const { kernel, busybox, dropbear, guestAgent, mbr, syslinux } = sources;
  for (const path of [kernel.image, busybox, dropbear, mbr, syslinux, ...(guestAgent ? [guestAgent] : [])]) {
    const { size, mtimeMs } = statSync(path);
    hash.update(`${path} ${size} ${mtimeMs}\n`);
  }
  const own = readdirSync(here, { recursive: true, encoding: 'utf8' }).filter((path) => !path.endsWith('.test.ts'));
  for (const path of own.sort()) {
    const { mode } = statSync(`${here}/${path}`);
    hash.update(`${path} ${mode & 0o111}\n`);
    if (statSync(`${here}/${path}`).isFile()) hash.update(readFileSync(`${here}/${path}`));
  }
  return hash.digest('hex').slice(0, 16);
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

if (import.meta.main) {
  const [target, label] = process.argv.slice(2);
  if (target === undefined) {
    console.error('usage: node guest/tinylinux.ts OUT.qcow2 [LABEL]');
    process.exit(2);
  }
  const image = await buildTinyLinux({
    cacheDir: resolve(here, '../var/cache'),
    label,
    onProgress: (text) => console.error(text),
  });
  const whole = `${resolve(target)}.${randomUUID()}`;
  await copyFile(image.path, whole);
  await rename(whole, target);
  console.log(`${image.sha256}  ${target}`);
}
