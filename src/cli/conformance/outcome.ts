/** How one test, or the preparation of a class of tests, went. */
export interface Outcome {
  /** As Python names it; `setUpClass (…)` where a whole class could not begin. */
  name: string;
  result: 'passed' | 'failed' | 'skipped';
  /** Seconds; absent where it was skipped before it began. */
  seconds?: number;
  /** Why it was skipped, or the end of what it said when it failed. */
  reason?: string;
  /** It failed before, in the same run. */
  isSecondTry?: true;
}

const line = /^\{\d+\} (.+?) (?:\[([\d.]+)s\] )?\.\.\. (ok|FAILED|SKIPPED(?:: (.*))?)$/;

/** What a line of Tempest's progress says; undefined for other lines. */
export function outcomeOf(text: string): Outcome | undefined {
  const [, test, seconds, word, why] = line.exec(text) ?? [];
  if (!test || !word) return undefined;
  // Tempest names attributes of tests behind their names: its id, `smoke`.
  const name = test.replace(/\[.*\]$/, '');
  const result = word === 'ok' ? 'passed' : word === 'FAILED' ? 'failed' : 'skipped';
  return { name, result, ...(seconds ? { seconds: Number(seconds) } : {}), ...(why ? { reason: why } : {}) };
}

/** Reads Tempest's lines one by one: outcomes as they come, and what failures said, which it tells again in the end. */
export class OutcomeReader {
  readonly outcomes: Outcome[] = [];
  #telling: Outcome | undefined;
  #said: string[] = [];
  #previous = '';

  /** Gives the outcome where the line is one. */
  read(text: string): Outcome | undefined {
    const outcome = outcomeOf(text);
    const heading = this.#previous.replace(/\[.*\]$/, '');
    this.#previous = text;
    if (outcome) {
      this.#end();
      this.outcomes.push(outcome);
      return outcome;
    }
    if (/^-{8,}$/.test(text)) {
      // The line before is the next heading.
      this.#said.pop();
      this.#end();
      this.#telling = this.outcomes.find(({ name, result }) => name === heading && result === 'failed');
    } else if (/^={6,}$/.test(text)) this.#end();
    else if (this.#telling) this.#said.push(text);
    return undefined;
  }

  #end(): void {
    if (this.#telling) this.#telling.reason = lastWords(this.#said);
    this.#telling = undefined;
    this.#said = [];
  }
}

const reasonLimit = 1200;

/** What went wrong, as it stands behind the frames of the traceback. */
function lastWords(lines: readonly string[]): string {
  const said = lines.map((one) => one.trim()).filter((one) => one !== '');
  const start = said.findLastIndex((one) => one.startsWith('Captured traceback')) + 1;
  const length = said.slice(start).findIndex((one) => /^Captured \w/.test(one));
  const traceback = said.slice(start, length < 0 ? undefined : start + length);
  const behind = traceback.slice(traceback.findLastIndex((one) => one.startsWith('File "')) + 1);
  const exception = behind.findIndex((one) => /^[\w.]+(: |$)/.test(one) && /[.A-Z]/.test(one));
  return behind.slice(Math.max(exception, 0)).join('\n').slice(0, reasonLimit);
}
