import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { findStaticBusybox } from './requirements.ts';

/**
 * The devices and file systems that a guest may meet. A module that the kernel doesn't have, or has built in, is passed
 * over: Debian's cloud kernel, for one, comes without AHCI and e1000.
 */
const wanted = [
  ...['virtio_pci', 'virtio_blk', 'virtio_net', 'virtio_scsi', 'virtio-rng', 'virtio_console', 'virtio_balloon'],
  ...['sd_mod', 'sr_mod', 'ata_piix', 'ahci', 'nvme', 'e1000', 'e1000e'],
  ...['isofs', 'vfat', 'nls_cp437', 'nls_ascii', 'nls_utf8', 'ext4'],
  ...['button', 'evdev'],
];

export interface KernelModule {
  /** The module's file name, without the ending of its compression. */
  name: string;
  content: Buffer;
}

/** The wanted modules with all they depend on, decompressed, in an order in which they can be loaded one by one. */
export function collectKernelModules(modulesFolder: string): KernelModule[] {
  const dependencies = readDependencies(modulesFolder);
  const byName = new Map([...dependencies.keys()].map((path) => [moduleName(path), path]));
  const ordered = new Set<string>();
  const visit = (path: string): void => {
    if (ordered.has(path)) return;
    for (const dependency of dependencies.get(path) ?? []) visit(dependency);
    ordered.add(path);
  };
  for (const name of wanted) {
    const path = byName.get(name.replaceAll('-', '_'));
    if (path !== undefined) visit(path);
  }
  return [...ordered].map((path) => ({
    name: basename(path).replace(/\.ko.*$/, '.ko'),
    content: withoutSignature(readModule(`${modulesFolder}/${path}`)),
  }));
}

/** modules.dep: `path: path path …`, where the dependencies of a line are complete. */
function readDependencies(modulesFolder: string): Map<string, string[]> {
  const lines = readFileSync(`${modulesFolder}/modules.dep`, 'utf8').split('\n').filter(Boolean);
  return new Map(
    lines.map((line) => {
      const [path = '', rest = ''] = line.split(':');
      return [path, rest.split(' ').filter(Boolean)];
    }),
  );
}

/** The kernel takes `-` and `_` in a module's name for the same. */
function moduleName(path: string): string {
  return basename(path)
    .replace(/\.ko.*$/, '')
    .replaceAll('-', '_');
}

function readModule(path: string): Buffer {
  const bytes = readFileSync(path);
  if (path.endsWith('.gz')) return gunzipSync(bytes);
  if (path.endsWith('.zst')) return zstdDecompressSync(bytes);
  // Node has no xz; the busybox that goes into the image has.
  if (path.endsWith('.xz'))
    return execFileSync(findStaticBusybox() ?? 'busybox', ['xzcat'], { input: bytes, maxBuffer: 2 ** 26 });
  return bytes;
}

const signatureMark = Buffer.from('~Module signature appended~\n');
/** struct module_signature of the kernel: eight bytes, then the signature's length as a big-endian word. */
const signatureInfoLength = 12;

/**
 * Cuts a module's signature off. The kernel doesn't ask for one here, but verifies one that it finds: an RSA operation for
 * each module, which costs a quarter of the boot on an emulated processor.
 */
function withoutSignature(module: Buffer): Buffer {
  const end = module.length - signatureMark.length;
  if (end < signatureInfoLength || !module.subarray(end).equals(signatureMark)) return module;
  const signatureLength = module.readUInt32BE(end - 4);
  return module.subarray(0, end - signatureInfoLength - signatureLength);
}
