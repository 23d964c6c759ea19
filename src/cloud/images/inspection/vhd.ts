import {
  end,
  isPowerOfTwo,
  type ParserContext,
  type Parsing,
  region,
  requireInside,
  requireLength,
  requireVirtualSize,
  u64be,
  unsafe,
} from './parser.ts';

const footerLength = 512;
const fixedDisk = 2;
const dynamicDisk = 3;
const maxGeometry = 65535 * 16 * 255;

/**
 * VHD (QEMU's vpc). A dynamic disk begins with a copy of its footer. A fixed disk is raw data with a footer behind it;
 * that is looked for only when the image is declared as VHD, since QEMU never takes raw data for a VHD by its end.
 * Refused: differencing disks, headers with a wrong checksum, tables out of bounds.
 */
export function* vhd(context: ParserContext): Parsing<{ virtualSize: number } | undefined> {
  const head = yield* region(0, footerLength);
  if (isFooter(head)) {
    requireLength(head, footerLength, 'VHD header');
    return yield* dynamic(head, context);
  }
  if (context.declaredFormat !== 'vhd') return undefined;
  const { bytes: tail, size } = yield* end(footerLength);
  if (tail.length < footerLength || !isFooter(tail)) return undefined;
  const type = checkFooter(tail);
  if (type !== fixedDisk) throw unsafe('The VHD has lost its header.');
  const virtualSize = diskSize(tail, context);
  requireInside(u64be(tail, 0x30), footerLength, size, 'VHD data');
  return { virtualSize };
}

function* dynamic(footer: Buffer, context: ParserContext): Parsing<{ virtualSize: number }> {
  const type = checkFooter(footer);
  if (type !== dynamicDisk) throw unsafe('The VHD header is not of a dynamic disk.');
  const virtualSize = diskSize(footer, context);
  const headerOffset = u64be(footer, 0x10);
  const header = yield* region(headerOffset, headerOffset + 1024);
  requireLength(header, 1024, 'VHD dynamic header');
  if (header.toString('latin1', 0, 8) !== 'cxsparse') throw unsafe('The VHD has no dynamic header.');
  if (!hasChecksum(header, 0x24)) throw unsafe('The checksum of the VHD dynamic header is wrong.');
  const entries = header.readUInt32BE(0x1c);
  const blockSize = header.readUInt32BE(0x20);
  if (!isPowerOfTwo(blockSize) || blockSize < 512) throw unsafe('The VHD block size is not valid.');
  if (entries * blockSize < virtualSize) throw unsafe('The VHD block table is too small for the virtual size.');

  const { size } = yield* end(0);
  requireInside(u64be(header, 0x10), entries * 4, size, 'VHD block table');
  return { virtualSize };
}

const isFooter = (bytes: Buffer): boolean => bytes.toString('latin1', 0, 8) === 'conectix';

/** Checks the 512 bytes and answers the disk type. */
function checkFooter(footer: Buffer): number {
  if (!hasChecksum(footer, 0x40)) throw unsafe('The checksum of the VHD footer is wrong.');
  const type = footer.readUInt32BE(0x3c);
  if (type !== fixedDisk && type !== dynamicDisk) throw unsafe('VHD images that depend on another are not accepted.');
  return type;
}

/**
 * The larger of the two sizes a footer gives: which of them QEMU believes depends on the program that wrote it. The
 * largest geometry there is means that only the other size counts.
 */
function diskSize(footer: Buffer, context: ParserContext): number {
  const sectors = footer.readUInt16BE(0x38) * footer[0x3a]! * footer[0x3b]!;
  const size = Math.max(u64be(footer, 0x30), sectors === maxGeometry ? 0 : sectors * 512);
  requireVirtualSize(size, context);
  return size;
}

/** VHD's checksum: the ones' complement of the sum of all bytes but its own four. */
function hasChecksum(bytes: Buffer, offset: number): boolean {
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) if (i < offset || i >= offset + 4) sum += bytes[i]!;
  return ~sum >>> 0 === bytes.readUInt32BE(offset);
}
