import { execFile } from 'node:child_process';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { findMbrCode, findProgram } from './requirements.ts';

const run = promisify(execFile);

const sectorSize = 512;
/** The partition begins at 1 MiB, as every partitioning tool does it today. */
const partitionStart = 2048;
/** The geometry that BIOSes and FAT agree on for disks of this size. */
const heads = 64;
const sectorsPerTrack = 32;

export interface BootDisk {
  /** Virtual size in bytes, a multiple of 1 MiB. */
  size: number;
  /** The name of the file system, by which the guest finds it. At most 11 characters. */
  volumeLabel: string;
  kernel: string;
  initramfs: Buffer;
  /** The kernel's command line. */
  commandLine: string;
}

/**
 * Writes a qcow2 image that a BIOS can boot from virtio, SCSI or IDE: one active FAT partition with syslinux, the kernel
 * and the initramfs. Needs no privileges, because mtools and syslinux write into the file. `workFolder` holds the parts
 * and is the caller's to remove.
 */
export async function writeBootDisk(disk: BootDisk, workFolder: string, target: string): Promise<void> {
  const raw = `${workFolder}/disk.raw`;
  const partition = `${raw}@@${partitionStart * sectorSize}`;
  const sectors = disk.size / sectorSize - partitionStart;
  const mbrCode = findMbrCode();
  if (mbrCode === undefined) throw new Error('mbr.bin of syslinux is missing: apt-get install syslinux-common');

  await writeFile(raw, '');
  await truncateTo(raw, disk.size);
  await writeMbr(raw, await readFile(mbrCode), sectors);
  const geometry = ['-h', `${heads}`, '-s', `${sectorsPerTrack}`, '-H', `${partitionStart}`, '-T', `${sectors}`];
  await tool('mformat', ['-i', partition, ...geometry, '-N', '756e6b61', '-v', disk.volumeLabel, '::']);
  await tool('syslinux', ['--install', '--offset', `${partitionStart * sectorSize}`, raw]);

  const settings = `DEFAULT tinylinux\nPROMPT 0\nLABEL tinylinux\n  LINUX /vmlinuz\n  INITRD /initrd\n  APPEND ${disk.commandLine}\n`;
  await writeFile(`${workFolder}/syslinux.cfg`, settings);
  await writeFile(`${workFolder}/initrd`, disk.initramfs);
  const parts = [`${workFolder}/syslinux.cfg`, `${workFolder}/initrd`];
  await tool('mcopy', ['-i', partition, ...parts, '::/']);
  await tool('mcopy', ['-i', partition, disk.kernel, '::/vmlinuz']);
  await tool('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, target]);
  await rm(raw);
}

async function truncateTo(path: string, size: number): Promise<void> {
  const file = await open(path, 'r+');
  await file.truncate(size);
  await file.close();
}

/** A classic partition table with one active FAT16 (LBA) partition up to the disk's end. */
async function writeMbr(path: string, code: Buffer, sectors: number): Promise<void> {
  const mbr = Buffer.alloc(sectorSize);
  code.copy(mbr, 0, 0, Math.min(code.length, 440));
  const entry = 446;
  mbr.writeUInt8(0x80, entry);
  mbr.set(chs(partitionStart), entry + 1);
  mbr.writeUInt8(0x0e, entry + 4);
  mbr.set(chs(partitionStart + sectors - 1), entry + 5);
  mbr.writeUInt32LE(partitionStart, entry + 8);
  mbr.writeUInt32LE(sectors, entry + 12);
  mbr.writeUInt16LE(0xaa55, 510);
  const file = await open(path, 'r+');
  await file.write(mbr, 0, mbr.length, 0);
  await file.close();
}

/** Cylinder, head and sector as a partition table holds them. */
function chs(sector: number): number[] {
  const cylinder = Math.floor(sector / (heads * sectorsPerTrack));
  const head = Math.floor(sector / sectorsPerTrack) % heads;
  return [head, (sector % sectorsPerTrack) + 1 + ((cylinder >> 8) << 6), cylinder & 0xff];
}

async function tool(name: string, args: string[]): Promise<void> {
  try {
    // mtools' plausibility checks know floppies and whole disks, not partitions in a file.
    await run(findProgram(name) ?? name, args, {
      env: { ...process.env, MTOOLS_SKIP_CHECK: '1', SOURCE_DATE_EPOCH: '0' },
    });
  } catch (error) {
    const output = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    throw new Error(`${name} failed while building the boot disk: ${output || String(error)}`, { cause: error });
  }
}
