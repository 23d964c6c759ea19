import { ImageRefused } from './image-refused.ts';
import {
  end,
  type ParserContext,
  type Parsing,
  region,
  requireInside,
  requireLength,
  requireVirtualSize,
  u64be,
  unsafe,
} from './parser.ts';

const magic = 0x514649fb;

// Incompatible features that QEMU may meet in an image of ours: dirty, corrupt, external data file, compression type.
// The data file is refused by its own rule, for a clearer sentence.
const knownIncompatible = 0b1111n;
const dataFileFeature = 0b100n;

const extensionEnd = 0;
const extensionDataFile = 0x44415441;
const maxExtensionArea = 64 * 1024;

// QEMU's own limits, by which it bounds the memory that an image can make it take.
const maxL1Bytes = 32 * 1024 * 1024;
const maxRefcountTableBytes = 8 * 1024 * 1024;

/** An image that somebody made to be started from has none or a few. Each costs QEMU a table in memory. */
const maxInternalSnapshots = 32;

/**
 * qcow2 (QEMU's docs/interop/qcow2.txt). Refused: version 1, a backing file (CVE-2015-1850), an external data file
 * (CVE-2024-32498), unknown incompatible features (among them extended L2 entries), encryption, header values out of
 * QEMU's bounds, tables beyond the end of the file.
 */
export function* qcow2(context: ParserContext): Parsing<{ virtualSize: number } | undefined> {
  const first = yield* region(0, 512);
  if (first.length < 4 || first.readUInt32BE(0) !== magic) return undefined;
  requireLength(first, 72, 'qcow2 header');
  const version = first.readUInt32BE(4);
  if (version !== 2 && version !== 3) throw unsafe(`qcow2 version ${version} is not accepted.`);
  if (first.readBigUInt64BE(8) !== 0n) throw unsafe('The image has a backing file.');
  const headerLength = version === 2 ? 72 : checkVersion3(first);

  const clusterBits = first.readUInt32BE(20);
  if (clusterBits < 9 || clusterBits > 21) throw unsafe(`A qcow2 cluster of 2^${clusterBits} bytes is not accepted.`);
  const clusterSize = 2 ** clusterBits;
  if (headerLength > clusterSize) throw unsafe('The qcow2 header is longer than a cluster.');
  const virtualSize = u64be(first, 24);
  requireVirtualSize(virtualSize, context);
  if (first.readUInt32BE(32) !== 0) throw unsafe('Encrypted qcow2 images are not accepted.');
  const tables = readTables(first, clusterSize, virtualSize);

  const areaEnd = Math.min(clusterSize, maxExtensionArea);
  const rest = areaEnd > 512 ? yield* region(512, areaEnd) : Buffer.alloc(0);
  checkExtensions(Buffer.concat([first, rest]), headerLength, areaEnd, areaEnd === clusterSize);

  const { size } = yield* end(0);
  for (const table of tables) requireInside(table.offset, table.length, size, `qcow2 ${table.name}`);
  return { virtualSize };
}

/** Checks what version 3 added, and answers the header's length. */
function checkVersion3(header: Buffer): number {
  requireLength(header, 104, 'qcow2 header');
  const incompatible = header.readBigUInt64BE(72);
  if (incompatible & dataFileFeature) throw unsafe('The image keeps its data in another file.');
  if (incompatible & ~knownIncompatible) throw unsafe('The image uses qcow2 features that are not accepted.');
  const refcountOrder = header.readUInt32BE(96);
  if (refcountOrder > 6) throw unsafe(`The qcow2 refcount order ${refcountOrder} is not valid.`);
  const length = header.readUInt32BE(100);
  if (length < 104 || length % 8 !== 0) throw unsafe(`The qcow2 header length ${length} is not valid.`);
  if (length > 104) {
    requireLength(header, 105, 'qcow2 header');
    // 0 is deflate, 1 is Zstandard.
    if (header[104]! > 1) throw unsafe('The image uses an unknown qcow2 compression.');
  }
  return length;
}

interface Table {
  name: string;
  offset: number;
  length: number;
}

function readTables(header: Buffer, clusterSize: number, virtualSize: number): Table[] {
  const l1 = { name: 'L1 table', offset: u64be(header, 40), length: header.readUInt32BE(36) * 8 };
  if (l1.length > maxL1Bytes) throw unsafe('The qcow2 L1 table is too large.');
  // One L1 entry leads to one cluster of L2 entries, 8 bytes each.
  const l1Needed = Math.ceil(virtualSize / (clusterSize * (clusterSize / 8))) * 8;
  if (l1.length < l1Needed) throw unsafe('The qcow2 L1 table is too small for the virtual size.');
  const refcounts = {
    name: 'refcount table',
    offset: u64be(header, 48),
    length: header.readUInt32BE(56) * clusterSize,
  };
  if (refcounts.length > maxRefcountTableBytes) throw unsafe('The qcow2 refcount table is too large.');
  if (refcounts.length === 0) throw unsafe('The image has no qcow2 refcount table.');
  const snapshotCount = header.readUInt32BE(60);
  if (snapshotCount > maxInternalSnapshots) throw unsafe(`The image holds ${snapshotCount} internal snapshots.`);
  // A snapshot's table entry takes 40 bytes at least.
  const snapshots = { name: 'snapshot table', offset: u64be(header, 64), length: snapshotCount * 40 };
  const tables = [l1, refcounts, snapshots].filter((table) => table.length > 0);
  for (const { name, offset } of tables) {
    if (offset < clusterSize || offset % clusterSize !== 0) throw unsafe(`The qcow2 ${name} is at an invalid offset.`);
  }
  return tables;
}

/**
 * qcow2 has no mark for critical extensions (critical things are feature bits), and readers skip the unknown ones. So
 * does this one; it refuses the name of a data file, and an area that QEMU would not read the same way.
 */
function checkExtensions(head: Buffer, start: number, areaEnd: number, isWholeCluster: boolean): void {
  let offset = start;
  while (offset + 8 <= areaEnd) {
    requireLength(head, offset + 8, 'qcow2 header extensions');
    const type = head.readUInt32BE(offset);
    const length = head.readUInt32BE(offset + 4);
    if (type === extensionEnd) return;
    if (type === extensionDataFile) throw unsafe('The image names an external data file.');
    if (offset + 8 + length > areaEnd) throw unsafe('A qcow2 header extension is too long.');
    offset += 8 + Math.ceil(length / 8) * 8;
  }
  if (!isWholeCluster) throw new ImageRefused('unsafe', 'The qcow2 header extensions are too long.');
}
