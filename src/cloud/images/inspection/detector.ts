import { gptMbr } from './gpt-mbr.ts';
import { iso } from './iso.ts';
import { luks } from './luks.ts';
import {
  type DetectedFormat,
  type Finding,
  type FormatParser,
  maxEndLength,
  type ParserContext,
  ParserRun,
} from './parser.ts';
import { qcow2 } from './qcow2.ts';
import { qed } from './qed.ts';
import { vdi } from './vdi.ts';
import { vhd } from './vhd.ts';
import { vhdx } from './vhdx.ts';
import { vmdk } from './vmdk.ts';

const parsers: Record<DetectedFormat, FormatParser> = { qcow2, qed, vmdk, vdi, vhd, vhdx, iso, gpt: gptMbr, luks };

/** What all parsers say of one file. Content that no parser knows (`matches` is empty) is raw. */
export interface Findings {
  matches: Finding[];
  /** The file's size in bytes. */
  size: number;
}

/** Every format's parser at its beginning: whatever is declared, all of them look at every file. */
export function startParsers(context: ParserContext): ParserRun[] {
  return Object.entries(parsers).map(([format, parser]) => new ParserRun(format as DetectedFormat, parser, context));
}

export function collectFindings(runs: ParserRun[], size: number): Findings {
  return { matches: runs.flatMap((run) => run.finding ?? []), size };
}

/** Feeds a stream to all parsers. Holds the regions they ask for and the stream's last bytes, and nothing else. */
export class StreamDetector {
  readonly #runs: ParserRun[];
  readonly #tail = new Tail(maxEndLength);
  #captures: Capture[];
  #size = 0;

  constructor(context: ParserContext) {
    this.#runs = startParsers(context);
    this.#captures = this.#runs.map((run) => new Capture(run));
  }

  push(chunk: Buffer): void {
    const start = this.#size;
    this.#size += chunk.length;
    this.#tail.push(chunk);
    if (this.#captures.length === 0) return;
    for (const capture of this.#captures) capture.feed(chunk, start);
    this.#captures = this.#captures.filter((capture) => capture.isOpen);
  }

  /** The parser of one format, to see whether it has come to an end already. */
  run(format: string): ParserRun | undefined {
    return this.#runs.find((run) => run.format === format);
  }

  finish(): Findings {
    for (const capture of this.#captures) capture.endOfStream();
    for (const run of this.#runs) {
      while (run.request) {
        const bytes = run.request.kind === 'end' ? this.#tail.last(run.request.length) : Buffer.alloc(0);
        run.answer({ bytes, size: this.#size });
      }
    }
    return collectFindings(this.#runs, this.#size);
  }
}

/** Gathers the region that one parser waits for, over as many chunks as it takes. */
class Capture {
  readonly #run: ParserRun;
  #bytes: Buffer | undefined;
  #filled = 0;

  constructor(run: ParserRun) {
    this.#run = run;
  }

  get isOpen(): boolean {
    return this.#run.request?.kind === 'region';
  }

  feed(chunk: Buffer, start: number): void {
    while (this.#run.request?.kind === 'region') {
      const { from, to } = this.#run.request;
      const at = from + this.#filled - start;
      if (at >= chunk.length) return;
      this.#bytes ??= Buffer.alloc(to - from);
      this.#filled += chunk.copy(this.#bytes, this.#filled, at);
      if (this.#filled < this.#bytes.length) return;
      this.#deliver();
    }
  }

  /** Hands over what there is of a region that the stream's end cut short. */
  endOfStream(): void {
    this.#bytes ??= Buffer.alloc(0);
    this.#deliver();
  }

  #deliver(): void {
    const bytes = this.#bytes!.subarray(0, this.#filled);
    this.#bytes = undefined;
    this.#filled = 0;
    this.#run.answer({ bytes, size: 0 });
  }
}

/** The last bytes of a stream, as a ring. */
class Tail {
  readonly #ring: Buffer;
  #next = 0;
  #length = 0;

  constructor(capacity: number) {
    this.#ring = Buffer.alloc(capacity);
  }

  push(chunk: Buffer): void {
    const capacity = this.#ring.length;
    const from = Math.max(0, chunk.length - capacity);
    const untilWrap = chunk.copy(this.#ring, this.#next, from);
    const wrapped = chunk.copy(this.#ring, 0, from + untilWrap);
    this.#next = (this.#next + untilWrap + wrapped) % capacity;
    this.#length = Math.min(capacity, this.#length + chunk.length);
  }

  last(length: number): Buffer {
    const ordered = Buffer.concat([this.#ring.subarray(this.#next), this.#ring.subarray(0, this.#next)]);
    return ordered.subarray(ordered.length - Math.min(length, this.#length));
  }
}
