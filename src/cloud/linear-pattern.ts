import { CloudError } from './errors.ts';

type Fits = (character: string) => boolean;
/** `split` goes on at both places; numbers are places in the program. */
type Step =
  | { kind: 'one'; fits: Fits }
  | { kind: 'split'; first: number; second: number }
  | { kind: 'jump'; to: number }
  | { kind: 'start' | 'end' | 'found' };

/** Steps of a program: as many as may have to be taken for each character of a text. */
const longestProgram = 500;
const mostRepeats = 100;

/**
 * A regular expression of users, found anywhere in a text in a time that grows with the text's length alone, whatever the
 * expression is (a Pike machine: all ways are followed at once). It knows what databases and Python know in common:
 * characters, `.`, classes, `\d \w \s` and their opposites, groups, `|`, `* + ? {m,n}`, `^` and `$`; neither references back
 * nor assertions around. Throws `invalid` for what it does not know, and for what would be a program of over 500 steps.
 */
export class LinearPattern {
  readonly #program: readonly Step[];

  constructor(expression: string, options: { ignoresCase?: boolean } = {}) {
    this.#program = [...new Compiler(expression, options.ignoresCase ?? false).program(), { kind: 'found' }];
  }

  /** Whether the expression is found somewhere in the text. */
  isIn(given: string): boolean {
    const text = [...given];
    const seen = new Int32Array(this.#program.length).fill(-1);
    let waiting: number[] = [];
    for (let at = 0; at <= text.length; at += 1) {
      const place = { at, length: text.length, seen };
      const next: number[] = [];
      // It may begin at any character, the last ways first.
      for (const way of [...waiting, 0]) if (this.#follow(way, place, next)) return true;
      waiting = next.flatMap((step) => {
        const one = this.#program[step] as Extract<Step, { kind: 'one' }>;
        return at < text.length && one.fits(text[at]!) ? [step + 1] : [];
      });
    }
    return false;
  }

  /** Collects the steps that wait for a character; true where the end is reached without one. */
  #follow(from: number, place: { at: number; length: number; seen: Int32Array }, waiting: number[]): boolean {
    const ways = [from];
    for (let index = ways.pop(); index !== undefined; index = ways.pop()) {
      if (place.seen[index] === place.at) continue;
      place.seen[index] = place.at;
      const step = this.#program[index]!;
      if (step.kind === 'found') return true;
      if (step.kind === 'one') waiting.push(index);
      else if (step.kind === 'split') ways.push(step.second, step.first);
      else if (step.kind === 'jump') ways.push(step.to);
      else if (step.kind === 'start' ? place.at === 0 : place.at === place.length) ways.push(index + 1);
    }
    return false;
  }
}

const classes: Record<string, Fits> = {
  d: (c) => /^\d$/.test(c),
  w: (c) => /^\w$/.test(c),
  s: (c) => /^\s$/.test(c),
};
const plainEscapes: Record<string, string> = { n: '\n', t: '\t', r: '\r', f: '\f', v: '\v' };

/** Programs are made of relative places, and are so put together and repeated as they are. */
class Compiler {
  readonly #text: readonly string[];
  readonly #ignoresCase: boolean;
  #at = 0;
  #depth = 0;

  constructor(expression: string, ignoresCase: boolean) {
    this.#text = [...expression];
    this.#ignoresCase = ignoresCase;
  }

  program(): Step[] {
    const whole = this.#either();
    if (this.#at < this.#text.length) throw this.#refused('a parenthesis is not opened');
    return whole;
  }

  #either(): Step[] {
    const first = this.#sequence();
    if (this.#text[this.#at] !== '|') return first;
    this.#at += 1;
    const rest = this.#either();
    const split: Step = { kind: 'split', first: 1, second: first.length + 2 };
    const jump: Step = { kind: 'jump', to: first.length + 2 + rest.length };
    return this.#bounded([split, ...moved(first, 1), jump, ...moved(rest, first.length + 2)]);
  }

  #sequence(): Step[] {
    let steps: Step[] = [];
    while (this.#at < this.#text.length && this.#text[this.#at] !== '|' && this.#text[this.#at] !== ')') {
      const one = this.#repeated(this.#atom());
      steps = this.#bounded([...steps, ...moved(one, steps.length)]);
    }
    return steps;
  }

  #atom(): Step[] {
    const character = this.#text[this.#at++]!;
    switch (character) {
      case '(':
        return this.#group();
      case '[':
        return [{ kind: 'one', fits: this.#set() }];
      case '.':
        return [{ kind: 'one', fits: (c) => c !== '\n' }];
      case '^':
        return [{ kind: 'start' }];
      case '$':
        return [{ kind: 'end' }];
      case '\\':
        return [{ kind: 'one', fits: this.#escape() }];
      case '*':
      case '+':
      case '?':
        throw this.#refused('there is nothing to repeat');
      default:
        return [{ kind: 'one', fits: this.#inAnyCase((c) => c === character) }];
    }
  }

  #group(): Step[] {
    if (this.#text[this.#at] === '?') {
      if (this.#text[this.#at + 1] !== ':') throw this.#refused('groups with a meaning of their own are not known');
      this.#at += 2;
    }
    this.#depth += 1;
    if (this.#depth > 50) throw this.#refused('its groups are too deep');
    const inner = this.#either();
    if (this.#text[this.#at] !== ')') throw this.#refused('a parenthesis is not closed');
    this.#at += 1;
    this.#depth -= 1;
    return inner;
  }

  #escape(): Fits {
    const character = this.#text[this.#at++];
    if (character === undefined) throw this.#refused('it ends with a backslash');
    const known = classes[character.toLowerCase()];
    if (known) return character === character.toLowerCase() ? known : (c) => !known(c);
    if (/[1-9bBAZ]/.test(character)) throw this.#refused(`\\${character} is not known`);
    const plain = plainEscapes[character] ?? character;
    return this.#inAnyCase((c) => c === plain);
  }

  #set(): Fits {
    const isNegated = this.#text[this.#at] === '^';
    if (isNegated) this.#at += 1;
    const parts: Fits[] = [];
    for (let isFirst = true; this.#text[this.#at] !== ']' || isFirst; isFirst = false) {
      const from = this.#text[this.#at++];
      if (from === undefined) throw this.#refused('a bracket is not closed');
      if (from === '\\') parts.push(this.#escape());
      else if (this.#text[this.#at] === '-' && ![']', undefined].includes(this.#text[this.#at + 1])) {
        const to = this.#text[this.#at + 1]!;
        if (to < from) throw this.#refused(`${from}-${to} is no range`);
        this.#at += 2;
        parts.push(this.#inAnyCase((c) => c >= from && c <= to));
      } else parts.push(this.#inAnyCase((c) => c === from));
    }
    this.#at += 1;
    return (c) => parts.some((fits) => fits(c)) !== isNegated;
  }

  #inAnyCase(fits: Fits): Fits {
    return this.#ignoresCase ? (c) => fits(c) || fits(c.toLowerCase()) || fits(c.toUpperCase()) : fits;
  }

  #repeated(one: Step[]): Step[] {
    const counts = this.#counts();
    if (!counts) return one;
    const { least, most } = counts;
    let steps: Step[] = [];
    for (let i = 0; i < least; i += 1) steps = this.#bounded([...steps, ...moved(one, steps.length)]);
    if (most === undefined) {
      // Another time, or on.
      const loop: Step[] = [{ kind: 'split', first: 1, second: one.length + 2 }, ...moved(one, 1)];
      return this.#bounded([...steps, ...moved([...loop, { kind: 'jump', to: 0 }], steps.length)]);
    }
    for (let i = least; i < most; i += 1) {
      const maybe: Step[] = [{ kind: 'split', first: 1, second: one.length + 1 }, ...moved(one, 1)];
      steps = this.#bounded([...steps, ...moved(maybe, steps.length)]);
    }
    return steps;
  }

  #counts(): { least: number; most: number | undefined } | undefined {
    const rest = this.#text.slice(this.#at, this.#at + 12).join('');
    const [all, sign, least, comma, most] = /^(?:([*+?])|\{(\d{1,4})(,(\d{0,4}))?\})\??/.exec(rest) ?? [];
    if (all === undefined) return undefined;
    this.#at += all.length;
    if (/^(?:[*+?]|\{\d)/.test(this.#text.slice(this.#at, this.#at + 2).join('')))
      throw this.#refused('what is repeated is repeated again');
    if (sign !== undefined) return { least: sign === '+' ? 1 : 0, most: sign === '?' ? 1 : undefined };
    const from = Number(least);
    const to = comma === undefined ? from : most ? Number(most) : undefined;
    if (from > mostRepeats || (to ?? 0) > mostRepeats || (to ?? from) < from)
      throw this.#refused(`things are repeated up to ${mostRepeats} times`);
    return { least: from, most: to };
  }

  #bounded(steps: Step[]): Step[] {
    if (steps.length > longestProgram) throw this.#refused('it is too long');
    return steps;
  }

  #refused(why: string): CloudError {
    return new CloudError(
      'invalid',
      `'${this.#text.join('')}' is not a regular expression that is understood: ${why}.`,
    );
  }
}

function moved(steps: readonly Step[], by: number): Step[] {
  return steps.map((step) => {
    if (step.kind === 'split') return { ...step, first: step.first + by, second: step.second + by };
    return step.kind === 'jump' ? { ...step, to: step.to + by } : step;
  });
}
