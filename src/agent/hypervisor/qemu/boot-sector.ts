import { writeFile } from 'node:fs/promises';

/** Writes a bootable raw image: the program as the boot sector of a disk of 1 MiB (SeaBIOS boots nothing smaller). */
export async function writeBootSector(path: string, program: readonly number[]): Promise<void> {
  const image = Buffer.alloc(1024 * 1024);
  Buffer.from(program).copy(image);
  image.writeUInt16LE(0xaa55, 510);
  await writeFile(path, image);
}
