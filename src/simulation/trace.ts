import { createHash } from 'node:crypto';

/** All that happens in a run, line by line. Two runs are the same when their hashes are. */
export class Trace {
  readonly #hash = createHash('sha256');
  readonly #now: () => number;
  readonly #print: ((line: string) => void) | undefined;
  #lines = 0;

  constructor(now: () => number, print?: (line: string) => void) {
    this.#now = now;
    this.#print = print;
  }

  note(text: string): void {
    const line = `${this.#now()} ${text}`;
    this.#lines += 1;
    this.#hash.update(line).update('\n');
    this.#print?.(line);
  }

  /** Hex digits that stand for everything until now. */
  get hash(): string {
    return this.#hash.copy().digest('hex').slice(0, 16);
  }

  get lines(): number {
    return this.#lines;
  }
}
