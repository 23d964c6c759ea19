import { ImageRefused } from './image-refused.ts';
import { end, type Parsing, region, requireLength, unsafe } from './parser.ts';

const magic = Buffer.from('LUKS\xba\xbe', 'latin1');
const keySlots = 8;
const activeSlot = 0x00ac71f3;
/** To try a passphrase costs this many rounds of PBKDF2; more of them only serve to keep a host busy. */
const maxIterations = 12_000_000;

/** LUKS version 1. What is inside can't be looked at without its key, which is why a host is never given one. */
export function* luks(): Parsing<{ virtualSize: number } | undefined> {
  const header = yield* region(0, 592);
  if (!header.subarray(0, magic.length).equals(magic)) return undefined;
  requireLength(header, 8, 'LUKS header');
  const version = header.readUInt16BE(6);
  if (version !== 1) throw unsafe(`LUKS version ${version} is not accepted.`);
  requireLength(header, 592, 'LUKS header');
  if (header.readUInt32BE(164) > maxIterations) throw unsafe('The LUKS header asks for too many iterations.');
  for (let slot = 0; slot < keySlots; slot++) {
    const at = 208 + slot * 48;
    const isTooSlow = header.readUInt32BE(at) === activeSlot && header.readUInt32BE(at + 4) > maxIterations;
    if (isTooSlow) throw unsafe('A LUKS key slot asks for too many iterations.');
  }
  const { size } = yield* end(0);
  const payload = header.readUInt32BE(104) * 512;
  if (payload > size) throw new ImageRefused('truncated', 'The file ends before its LUKS payload.');
  return { virtualSize: size - payload };
}
