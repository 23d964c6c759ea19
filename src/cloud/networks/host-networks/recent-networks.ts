import type { Env } from '../../../env/env.ts';

/** So long a host keeps a network after its last guest, for the next one is often not far. */
const keptMs = 10_000;

/**
 * The networks that guests of a host were on until lately. Taking one down and making it again is most of what starting
 * a guest costs a host.
 */
export class RecentNetworks {
  readonly #env: Env;
  readonly #onExpiry: () => void;
  /** When each is forgotten, microseconds. */
  readonly #until = new Map<string, number>();
  readonly #closed = new AbortController();
  #needed: ReadonlySet<string> = new Set();
  #isTimed = false;

  /** @param onExpiry called when networks have been forgotten that guests are no longer on */
  constructor(env: Env, onExpiry: () => void) {
    this.#env = env;
    this.#onExpiry = onExpiry;
  }

  /** Those that have not been forgotten. */
  get ids(): string[] {
    const now = this.#env.now();
    return [...this.#until].filter(([, until]) => until > now).map(([id]) => id);
  }

  /** Whether there are networks among them that no guest is on. */
  get hasOthers(): boolean {
    return this.ids.some((id) => !this.#needed.has(id));
  }

  /** Remembers on which networks guests are now. */
  note(needed: readonly string[]): void {
    const now = this.#env.now();
    for (const [id, until] of this.#until) if (until <= now) this.#until.delete(id);
    this.#needed = new Set(needed);
    for (const id of needed) this.#until.set(id, now + keptMs * 1000);
    if (this.hasOthers) void this.#expire();
  }

  close(): void {
    this.#closed.abort();
    this.#until.clear();
  }

  async #expire(): Promise<void> {
    if (this.#isTimed) return;
    this.#isTimed = true;
    await this.#env.sleep(keptMs + 1, this.#closed.signal);
    this.#isTimed = false;
    if (!this.#closed.signal.aborted) this.#onExpiry();
  }
}
