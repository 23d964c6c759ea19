import type { Env } from './env.ts';
import { seededRandom } from './seeded-random.ts';

/** What a process of a simulation has of time and chance, until it is cut off. */
export interface SimulatedEnv extends Env {
  /** Ends all its timers and pauses for good: what waits for them never goes on, as after kill -9. */
  cut(): void;
}

interface Timer {
  /** Microseconds. */
  at: number;
  /** Tells timers of the same moment apart: the one that was set first fires first. */
  order: number;
  fire: () => void;
}

export interface VirtualTimeOptions {
  seed: number;
  /** Microseconds since the Unix epoch at which it begins. */
  start?: number;
  /** Whether work that no timer waits for (a commit) is still to be done; time stands still meanwhile. */
  isBusy?: () => boolean;
}

const firstOfJanuary2026 = 1_767_225_600_000_000;

/**
 * A clock that goes as fast as the work allows: when everybody waits, it jumps to the next timer. All that happens is
 * decided by the seed and the order of promises, which Node keeps: nothing in it may use the machine's own clock,
 * threads or files.
 */
export class VirtualTime {
  readonly #timers = new TimerHeap();
  readonly #random: () => number;
  readonly #isBusy: () => boolean;
  #now: number;
  #order = 0;

  constructor({ seed, start = firstOfJanuary2026, isBusy = () => false }: VirtualTimeOptions) {
    this.#now = start;
    this.#random = seededRandom(seed);
    this.#isBusy = isBusy;
  }

  /** Microseconds since the Unix epoch; looking at it does not make it go on. */
  get now(): number {
    return this.#now;
  }

  /** The time and chance of one process. */
  env(): SimulatedEnv {
    let isCut = false;
    const at = (ms: number, fire: () => void) => this.#set(ms, () => (isCut ? undefined : fire()));
    return {
      now: () => ++this.#now,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          if (signal?.aborted) return resolve();
          const done = () => {
            cancel();
            signal?.removeEventListener('abort', done);
            resolve();
          };
          const cancel = at(ms, done);
          signal?.addEventListener('abort', done, { once: true });
        }),
      every: (ms, fn) => {
        let cancel = () => {};
        const again = () => {
          cancel = at(ms, () => {
            again();
            fn();
          });
        };
        again();
        return () => cancel();
      },
      randomBytes: (length) => this.#bytes(length),
      cut() {
        isCut = true;
      },
    };
  }

  /** Lets so much time pass, and everything happen that happens in it. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + Math.round(ms * 1000);
    for (;;) {
      await this.settle();
      const next = this.#timers.first;
      if (!next || next.at > until) break;
      this.#timers.take();
      this.#now = Math.max(this.#now, next.at);
      next.fire();
    }
    this.#now = Math.max(this.#now, until);
  }

  /** Lets time pass until the promise is settled, and gives what it gives. Throws when that takes longer than `limitMs`. */
  async until<T>(promise: Promise<T>, limitMs = 3_600_000): Promise<T> {
    let isSettled = false;
    const settled = () => {
      isSettled = true;
    };
    promise.then(settled, settled);
    const limit = this.#now + limitMs * 1000;
    for (;;) {
      await this.settle();
      if (isSettled) return await promise;
      const next = this.#timers.first;
      if (!next || next.at > limit) throw new Error(`nothing came of it within ${limitMs} ms of virtual time`);
      this.#timers.take();
      this.#now = Math.max(this.#now, next.at);
      next.fire();
    }
  }

  /** Resolves once everybody waits for a timer. */
  async settle(): Promise<void> {
    do await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#isBusy());
  }

  #set(ms: number, fire: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, Math.round(ms * 1000)), order: ++this.#order, fire };
    this.#timers.add(timer);
    return () => {
      timer.fire = () => {};
    };
  }

  #bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let index = 0; index < length; index += 1) bytes[index] = Math.floor(this.#random() * 256);
    return bytes;
  }
}

/** The timers, of which the earliest is at hand (a binary heap). */
class TimerHeap {
  readonly #timers: Timer[] = [];

  get first(): Timer | undefined {
    return this.#timers[0];
  }

  add(timer: Timer): void {
    const timers = this.#timers;
    let index = timers.length;
    timers.push(timer);
    while (index > 0) {
      const above = (index - 1) >> 1;
      if (!isBefore(timer, timers[above]!)) break;
      timers[index] = timers[above]!;
      index = above;
    }
    timers[index] = timer;
  }

  take(): void {
    const timers = this.#timers;
    const last = timers.pop();
    if (!last || timers.length === 0) return;
    let index = 0;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= timers.length) break;
      if (below + 1 < timers.length && isBefore(timers[below + 1]!, timers[below]!)) below += 1;
      if (!isBefore(timers[below]!, last)) break;
      timers[index] = timers[below]!;
      index = below;
    }
    timers[index] = last;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
