import { end, type ParserContext, type Parsing, region, requireVirtualSize } from './parser.ts';

const systemArea = 32 * 1024;
const signatures = ['CD001', 'NSR02', 'NSR03'];
const primaryVolume = 1;

/**
 * ISO 9660 (ECMA-119) and UDF. The virtual size is the volume's, but never less than the file, all of which a guest
 * gets to see.
 */
export function* iso(context: ParserContext): Parsing<{ virtualSize: number } | undefined> {
  const descriptor = yield* region(systemArea, systemArea + 2048);
  if (!signatures.includes(descriptor.toString('latin1', 1, 6))) return undefined;
  const { size } = yield* end(0);
  const virtualSize = Math.max(size, volumeSize(descriptor));
  requireVirtualSize(virtualSize, context);
  return { virtualSize };
}

function volumeSize(descriptor: Buffer): number {
  if (descriptor.length < 132 || descriptor[0] !== primaryVolume) return 0;
  return descriptor.readUInt32LE(80) * descriptor.readUInt16LE(128);
}
