import { end, type Parsing, region, unsafe } from './parser.ts';

const signature = 0xaa55;
const partitionTable = 446;
const protectivePartition = 0xee;

/** A raw disk with a partition table: an MBR, alone or as the protective one of a GPT (UEFI 2.10, chapter 5). */
export function* gptMbr(): Parsing<{ virtualSize: number } | undefined> {
  const sector = yield* region(0, 512);
  if (sector.length < 512 || sector.readUInt16LE(510) !== signature || isFatBootSector(sector)) return undefined;
  checkPartitions(sector);
  const { size } = yield* end(0);
  return { virtualSize: size };
}

/** A FAT file system begins with a boot sector of the same signature; it tells itself by two FATs and a fixed disk. */
const isFatBootSector = (sector: Buffer): boolean => sector[0x10] === 2 && sector[0x15] === 0xf8;

function checkPartitions(sector: Buffer): void {
  const used: number[] = [];
  let isProtective = false;
  for (let i = 0; i < 4; i++) {
    const entry = sector.subarray(partitionTable + i * 16, partitionTable + (i + 1) * 16);
    const flag = entry[0]!;
    if (flag !== 0x00 && flag !== 0x80) throw unsafe(`Partition ${i + 1} has an invalid boot flag.`);
    const type = entry[4]!;
    if (type !== 0) used.push(i);
    if (type !== protectivePartition) continue;
    isProtective = true;
    if (entry[1] !== 0 || entry[2] !== 2 || entry[3] !== 0 || entry.readUInt32LE(8) !== 1) {
      throw unsafe('The protective partition does not begin where a GPT has it.');
    }
  }
  if (isProtective && (used.length !== 1 || used[0] !== 0)) {
    throw unsafe('The partition table holds others beside the protective partition.');
  }
  if (used.length === 0) throw unsafe('The partition table is empty.');
}
