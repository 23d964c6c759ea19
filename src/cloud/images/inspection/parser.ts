import { ImageRefused } from './image-refused.ts';

/** What the bytes turned out to be. `gpt` stands for any partition table, also an MBR alone. */
export type DetectedFormat = 'qcow2' | 'qed' | 'vmdk' | 'vdi' | 'vhd' | 'vhdx' | 'iso' | 'gpt' | 'luks';

/**
 * What a parser wants next: the bytes [from, to) of the file, or (once the whole file has passed) its last `length`
 * bytes and its size. Regions are asked for in ascending order, so that one pass over a stream can serve them.
 */
export type RegionRequest = { kind: 'region'; from: number; to: number } | { kind: 'end'; length: number };

/** The bytes asked for: fewer of them when the file ends early. `size` is the file's, known in answers to `end` only. */
export interface RegionReply {
  bytes: Buffer;
  size: number;
}

export interface ParserContext {
  declaredFormat: string;
  /** Bytes. */
  maxVirtualSize: number;
}

export type Parsing<T> = Generator<RegionRequest, T, RegionReply>;

/**
 * One format's rules, free of any input or output: a generator that asks for regions. It returns undefined when the
 * content is not of its format, and throws `ImageRefused` when it is, but must not be used.
 */
export type FormatParser = (context: ParserContext) => Parsing<{ virtualSize: number } | undefined>;

/** One parser's result for content of its format. With a `refusal`, `virtualSize` is 0. */
export interface Finding {
  format: DetectedFormat;
  /** Bytes of the disk that the image describes. */
  virtualSize: number;
  refusal?: ImageRefused;
}

/** No parser may make a driver hold more than this. */
const maxRegionLength = 1024 * 1024;

/** A driver for streams keeps this much of the end. */
export const maxEndLength = 1536;

export function* region(from: number, to: number): Parsing<Buffer> {
  const reply = yield { kind: 'region', from, to };
  return reply.bytes;
}

export function* end(length: number): Parsing<RegionReply> {
  return yield { kind: 'end', length };
}

/** Refuses a header that ends before `length` bytes. */
export function requireLength(bytes: Buffer, length: number, what: string): void {
  if (bytes.length < length) throw new ImageRefused('truncated', `The file ends inside its ${what}.`);
}

export function unsafe(message: string): ImageRefused {
  return new ImageRefused('unsafe', message);
}

/** Refuses a virtual size above the limit. Sizes beyond 2^53 arrive here rounded, which does not matter. */
export function requireVirtualSize(size: number, { maxVirtualSize }: ParserContext): void {
  if (size <= maxVirtualSize) return;
  throw new ImageRefused(
    'too_large',
    `The image's virtual size is ${size} bytes, more than the ${maxVirtualSize} allowed.`,
  );
}

/** Refuses a table [offset, offset + length) that reaches beyond the file. */
export function requireInside(offset: number, length: number, size: number, what: string): void {
  if (offset + length <= size) return;
  throw new ImageRefused('truncated', `The ${what} lies beyond the end of the file.`);
}

/** A u64 as a number: exact up to 2^53, rounded above, where it is only ever compared with smaller limits. */
export const u64be = (bytes: Buffer, offset: number): number => Number(bytes.readBigUInt64BE(offset));
export const u64le = (bytes: Buffer, offset: number): number => Number(bytes.readBigUInt64LE(offset));

export const isPowerOfTwo = (value: number): boolean => Number.isInteger(Math.log2(value));

/** A parser under way. A driver reads `request`, answers it, and finds the result once `request` is undefined. */
export class ParserRun {
  readonly format: DetectedFormat;
  request: RegionRequest | undefined;
  finding: Finding | undefined;
  readonly #parsing: Parsing<{ virtualSize: number } | undefined>;
  #position = 0;

  constructor(format: DetectedFormat, parser: FormatParser, context: ParserContext) {
    this.format = format;
    this.#parsing = parser(context);
    this.#advance(() => this.#parsing.next());
  }

  answer(reply: RegionReply): void {
    this.#advance(() => this.#parsing.next(reply));
  }

  #advance(step: () => IteratorResult<RegionRequest, { virtualSize: number } | undefined>): void {
    this.request = undefined;
    try {
      const { done, value } = step();
      if (done) {
        if (value) this.finding = { format: this.format, virtualSize: value.virtualSize };
        return;
      }
      this.#check(value);
      this.request = value;
    } catch (error) {
      if (!(error instanceof ImageRefused)) throw error;
      this.finding = { format: this.format, virtualSize: 0, refusal: error };
    }
  }

  /** Offsets come from the file: one that leads backwards, or asks for too much, speaks against the file. */
  #check(request: RegionRequest): void {
    if (request.kind === 'end') return;
    const { from, to } = request;
    if (from < this.#position || to <= from || to - from > maxRegionLength || to > Number.MAX_SAFE_INTEGER) {
      throw unsafe('The parts of the header are not where the format has them.');
    }
    this.#position = to;
  }
}
