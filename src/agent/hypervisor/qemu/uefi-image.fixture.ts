import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { buildTinyLinux } from '../../../../guest/tinylinux.ts';

const run = promisify(execFile);

/** TinyLinux for UEFI, as qcow2: its kernel is an EFI program, and the shell of OVMF starts it by a script. */
export async function buildUefiImage(folder: string): Promise<string> {
  const bios = await buildTinyLinux({ cacheDir: resolve(import.meta.dirname, '../../../../var/cache') });
  const raw = join(folder, 'uefi.raw');
  const target = join(folder, 'uefi.qcow2');
  await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', bios.path, raw]);
  const partition = `${raw}@@${2048 * 512}`;
  await run('mcopy', ['-n', '-i', partition, '::/syslinux.cfg', folder]);
  const options = /APPEND (.*)/.exec(await readFile(join(folder, 'syslinux.cfg'), 'utf8'))![1]!;
  await writeFile(join(folder, 'startup.nsh'), `fs0:\r\n\\vmlinuz initrd=\\initrd ${options}\r\n`);
  await run('mcopy', ['-i', partition, join(folder, 'startup.nsh'), '::/startup.nsh']);
  await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, target]);
  await rm(raw);
  return target;
}
