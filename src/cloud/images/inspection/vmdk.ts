import { ImageRefused } from './image-refused.ts';
import {
  end,
  isPowerOfTwo,
  type ParserContext,
  type Parsing,
  region,
  requireInside,
  requireLength,
  requireVirtualSize,
  u64le,
  unsafe,
} from './parser.ts';
import { checkDescriptor, looksLikeDescriptor } from './vmdk-descriptor.ts';

const sector = 512;
const headerLength = 79;
const maxDescriptorBytes = 1024 * 1024 - 1;
const grainDirectoryAtEnd = 0xffff_ffff_ffff_ffffn;
const footerMarker = 3;

/**
 * VMDK: hosted sparse extents (`KDMV`) of the types monolithicSparse and streamOptimized, nothing else. ESX extents
 * (`COWD`) and text descriptors name further files, which QEMU would open (CVE-2022-47951, CVE-2024-40767).
 */
export function* vmdk(context: ParserContext): Parsing<{ virtualSize: number } | undefined> {
  const header = yield* region(0, sector);
  const magic = header.toString('latin1', 0, 4);
  if (magic === 'COWD') throw unsafe('VMDK images of ESX (COWD) are not accepted.');
  if (magic !== 'KDMV') return yield* refuseDescriptorFile(header);
  requireLength(header, sector, 'VMDK header');
  const version = header.readUInt32LE(4);
  if (version < 1 || version > 3) throw unsafe(`VMDK version ${version} is not accepted.`);

  const capacity = u64le(header, 12);
  // With a capacity of 0 QEMU reads the descriptor as if it stood in a file of its own, and opens what it names.
  if (capacity === 0) throw unsafe('The VMDK header has no capacity.');
  requireVirtualSize(capacity * sector, context);
  const grain = u64le(header, 20);
  if (!isPowerOfTwo(grain) || grain > 2048) throw unsafe('The VMDK grain size is not valid.');
  const entriesPerTable = header.readUInt32LE(44);
  if (entriesPerTable === 0 || entriesPerTable > 512) throw unsafe('The VMDK grain table size is not valid.');

  const descriptorBytes = u64le(header, 36) * sector;
  if (u64le(header, 28) !== 1 || descriptorBytes === 0) throw unsafe('The VMDK has no descriptor at its usual place.');
  const descriptorEnd = sector + Math.min(descriptorBytes, maxDescriptorBytes);
  const descriptor = yield* region(sector, descriptorEnd);
  requireLength(descriptor, descriptorEnd - sector, 'VMDK descriptor');
  checkDescriptor(descriptor);

  const hasFooter = header.readBigUInt64LE(56) === grainDirectoryAtEnd;
  const { bytes: tail, size } = yield* end(hasFooter ? 3 * sector : 0);
  const effective = hasFooter ? checkFooter(header, tail, size) : header;
  const directoryBytes = Math.ceil(capacity / (grain * entriesPerTable)) * 4;
  requireInside(u64le(effective, 56) * sector, directoryBytes, size, 'VMDK grain directory');
  return { virtualSize: capacity * sector };
}

/** The text may end before the file does: QEMU fills a descriptor up with zeros. */
function* refuseDescriptorFile(head: Buffer): Parsing<undefined> {
  if (!/^[\t\r\n\x20-\x7e]+\0*$/.test(head.toString('latin1'))) return undefined;
  const rest = head.length === sector ? yield* region(sector, 4 * sector) : Buffer.alloc(0);
  if (!looksLikeDescriptor(Buffer.concat([head, rest]).toString('latin1'))) return undefined;
  throw unsafe('A VMDK descriptor file keeps its data in other files.');
}

/**
 * The last three sectors of a streamed VMDK: a marker, a second header that takes precedence over the first, and the
 * end-of-stream marker. They may differ from the first header in where the grain directory is, and in nothing else.
 */
function checkFooter(header: Buffer, tail: Buffer, size: number): Buffer {
  if (size < 4 * sector) throw new ImageRefused('truncated', 'The file ends before its VMDK footer.');
  // QEMU looks for the footer from the size rounded up to sectors, and would find another one than this.
  if (size % sector !== 0) throw unsafe('The VMDK does not end at a sector, where its footer would.');
  const marker = tail.subarray(0, sector);
  const footer = tail.subarray(sector, 2 * sector);
  const endOfStream = tail.subarray(2 * sector);
  const isMarker =
    marker.readUInt32LE(8) === 0 && marker.readUInt32LE(12) === footerMarker && isZero(marker.subarray(16));
  if (!isMarker) throw unsafe('The VMDK footer marker is not valid.');
  if (!isZero(endOfStream)) throw unsafe('The VMDK end-of-stream marker is not valid.');
  if (footer.readBigUInt64LE(56) === grainDirectoryAtEnd) throw unsafe('The VMDK footer announces another footer.');
  // Signature and version; capacity to grain table size, among them the descriptor's place; line ends and compression.
  const isSame = footer.compare(header, 0, 8, 0, 8) === 0 && footer.compare(header, 12, 48, 12, 48) === 0;
  if (!isSame || footer.compare(header, 73, headerLength, 73, headerLength) !== 0) {
    throw unsafe('The VMDK footer differs from the header.');
  }
  return footer;
}

const isZero = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0);
