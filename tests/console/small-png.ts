import { crc32, deflateSync } from 'node:zlib';

const maxColours = 256;

/** A PNG with a palette of the picture's commonest colours, others at the nearest of them: a third of the bytes. */
export function smallPng(rgba: Uint8Array, width: number, height: number): Buffer {
  const counts = new Map<number, number>();
  const keys = new Uint32Array(width * height);
  for (let at = 0; at < keys.length; at++) {
    const key = coarse(rgba[at * 4]!, rgba[at * 4 + 1]!, rgba[at * 4 + 2]!);
    keys[at] = key;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const palette = [...counts]
    .sort((a, b) => b[1] - a[1])
    .slice(0, maxColours)
    .map(([key]) => key);
  const indexes = new Map(palette.map((key, index) => [key, index]));
  const rows = Buffer.alloc((width + 1) * height);
  for (let at = 0; at < keys.length; at++) {
    const key = keys[at]!;
    const index = indexes.get(key) ?? nearest(palette, key);
    indexes.set(key, index);
    rows[Math.floor(at / width) * (width + 1) + 1 + (at % width)] = index;
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // Eight bits a pixel, with a palette.
  header.set([8, 3, 0, 0, 0], 8);
  const colours = Buffer.from(palette.flatMap((key) => [key >> 16, (key >> 8) & 255, key & 255]));
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('PLTE', colours),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** Whites stay white; what nobody can tell apart counts as one. */
function coarse(red: number, green: number, blue: number): number {
  const round = (value: number) => (value > 250 ? 255 : value & 0xfc);
  return (round(red) << 16) | (round(green) << 8) | round(blue);
}

function nearest(palette: readonly number[], key: number): number {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  palette.forEach((other, index) => {
    const red = (other >> 16) - (key >> 16);
    const green = ((other >> 8) & 255) - ((key >> 8) & 255);
    const blue = (other & 255) - (key & 255);
    const distance = red * red + green * green + blue * blue;
    if (distance < least) [least, best] = [distance, index];
  });
  return best;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}
