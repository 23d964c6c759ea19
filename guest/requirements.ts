import { accessSync, constants, existsSync, readdirSync } from 'node:fs';

/** Something that the machine has to have, and the Debian package that brings it. */
export interface Requirement {
  /** The program or file as a user knows it. */
  need: string;
  /** The Debian package that brings it. */
  package: string;
  /** A service that the package starts by itself, and that is not wanted: the program is started as it is needed. */
  service?: string;
  /** What it is needed for, to end the sentence "needed for …". */
  for: string;
  /** Tells whether the machine has it. Looks at files only and starts nothing. */
  probe: () => boolean;
}

/** Where programs are looked for: PATH, and the places that a user's PATH often leaves out. */
function programFolders(): string[] {
  return [...new Set([...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/bin', '/sbin', '/bin'])].filter(
    Boolean,
  );
}

/** The path of a program, or undefined when the machine doesn't have it. */
export function findProgram(name: string): string | undefined {
  for (const folder of programFolders()) {
    const path = `${folder}/${name}`;
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {}
  }
  return undefined;
}

/** The first of these files that exists. */
function firstExisting(paths: readonly string[]): string | undefined {
  return paths.find((path) => existsSync(path));
}

export interface CloudKernel {
  version: string;
  image: string;
  modules: string;
}

/** Debian's newest cloud kernel that is installed with its modules. */
export function findCloudKernel(): CloudKernel | undefined {
  const versions = (existsSync('/boot') ? readdirSync('/boot') : [])
    .filter((name) => /^vmlinuz-.*-cloud-amd64$/.test(name))
    .map((name) => name.slice('vmlinuz-'.length))
    .filter((version) => existsSync(`/lib/modules/${version}/modules.dep`))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const version = versions.at(-1);
  if (version === undefined) return undefined;
  return { version, image: `/boot/vmlinuz-${version}`, modules: `/lib/modules/${version}` };
}

/** The boot code of a partitioned disk. */
export function findMbrCode(): string | undefined {
  return firstExisting(['/usr/lib/syslinux/mbr/mbr.bin', '/usr/lib/SYSLINUX/mbr.bin', '/usr/share/syslinux/mbr.bin']);
}

/** A busybox that needs no libraries. */
export function findStaticBusybox(): string | undefined {
  return firstExisting(['/usr/bin/busybox', '/bin/busybox']);
}

/** Debian marks the static busybox by its package's folder: the path of the program is the same for both. */
function hasStaticBusybox(): boolean {
  return findStaticBusybox() !== undefined && existsSync('/usr/share/doc/busybox-static');
}

/** A program that has to be on the machine. */
export function programRequirement(name: string, debianPackage: string, purpose: string): Requirement {
  return { need: name, package: debianPackage, for: purpose, probe: () => findProgram(name) !== undefined };
}

/** What building TinyLinux needs. */
export const tinyLinuxRequirements: readonly Requirement[] = [
  {
    need: 'Debian cloud kernel and its modules',
    package: 'linux-image-cloud-amd64',
    for: 'TinyLinux, the guest image of demos and tests',
    probe: () => findCloudKernel() !== undefined,
  },
  {
    need: 'busybox (static)',
    package: 'busybox-static',
    for: 'TinyLinux, the guest image of demos and tests',
    probe: hasStaticBusybox,
  },
  programRequirement('dropbear', 'dropbear-bin', 'SSH into TinyLinux'),
  programRequirement('syslinux', 'syslinux', "TinyLinux's boot loader"),
  {
    need: 'mbr.bin of syslinux',
    package: 'syslinux-common',
    for: "TinyLinux's boot loader",
    probe: () => findMbrCode() !== undefined,
  },
  programRequirement('mformat', 'mtools', "writing TinyLinux's file system"),
  programRequirement('qemu-img', 'qemu-utils', 'reading, checking and converting disk images'),
];
