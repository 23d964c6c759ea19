const indent = '    ';

/** Tells a tour: what is done now, how it went, and how long it took. Moves on a terminal, plain lines elsewhere. */
export class Narrator {
  readonly #out: NodeJS.WriteStream;
  #number = 0;

  constructor(out: NodeJS.WriteStream = process.stdout) {
    this.#out = out;
  }

  /** Does one step. What `work` returns is said when it is done; `say` tells how it is going. */
  async step(title: string, work: (say: (text: string) => void) => Promise<string>): Promise<void> {
    this.#number += 1;
    const number = `${this.#number}.`.padEnd(indent.length);
    this.#out.write(`${number}${title}\n`);
    const started = performance.now();
    const seconds = () => `${((performance.now() - started) / 1000).toFixed(1)} s`;
    let state = '';
    const show = () => this.#rewrite(`${indent}… ${state} ${seconds()}`);
    const ticking = this.#out.isTTY ? setInterval(show, 200) : undefined;
    try {
      const outcome = await work((text) => {
        state = text;
      });
      this.#rewrite('');
      this.#out.write(`${indent}✔ ${outcome} (${seconds()})\n`);
    } catch (error) {
      this.#rewrite('');
      this.#out.write(`${indent}✖ ${(error as Error).message} (${seconds()})\n`);
      throw error;
    } finally {
      clearInterval(ticking);
    }
  }

  /** Lines that belong to the last step. */
  show(lines: readonly string[]): void {
    for (const line of lines) this.#out.write(`${indent}│ ${line}\n`);
  }

  #rewrite(text: string): void {
    if (!this.#out.isTTY) return;
    this.#out.clearLine(0);
    this.#out.cursorTo(0);
    this.#out.write(text);
  }
}
