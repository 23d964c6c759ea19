import {
  end,
  type ParserContext,
  type Parsing,
  region,
  requireInside,
  requireLength,
  requireVirtualSize,
  u64le,
  unsafe,
} from './parser.ts';

const magic = 0xbeda107f;
const dynamicImage = 1;
const staticImage = 2;

/** VirtualBox's VDI. Refused: differencing images, and what QEMU can't read anyway (odd sectors, tables out of bounds). */
export function* vdi(context: ParserContext): Parsing<{ virtualSize: number } | undefined> {
  const header = yield* region(0, 512);
  if (header.length < 0x44 || header.readUInt32LE(0x40) !== magic) return undefined;
  requireLength(header, 0x1c8, 'VDI header');
  const version = header.readUInt32LE(0x44);
  if (version !== 0x10001) throw unsafe('This version of VDI is not accepted.');
  const type = header.readUInt32LE(0x4c);
  if (type !== dynamicImage && type !== staticImage)
    throw unsafe('VDI images that depend on another are not accepted.');
  // The ids of the linked image and of the parent.
  if (header.subarray(0x1a8, 0x1c8).some((byte) => byte !== 0)) throw unsafe('The VDI depends on another image.');

  const virtualSize = u64le(header, 0x170);
  requireVirtualSize(virtualSize, context);
  const blockSize = header.readUInt32LE(0x178);
  if (header.readUInt32LE(0x168) !== 512 || blockSize !== 1024 * 1024) {
    throw unsafe('The VDI has an unusual sector or block size.');
  }
  const blocks = header.readUInt32LE(0x180);
  if (blocks * blockSize < virtualSize) throw unsafe('The VDI block map is too small for the virtual size.');
  if (blocks * blockSize > context.maxVirtualSize + blockSize) throw unsafe('The VDI block map is too large.');
  if (header.readUInt32LE(0x184) > blocks) throw unsafe('The VDI has more blocks than its map.');

  const { size } = yield* end(0);
  requireInside(header.readUInt32LE(0x154), blocks * 4, size, 'VDI block map');
  requireInside(header.readUInt32LE(0x158), 0, size, 'VDI data');
  return { virtualSize };
}
