import type { Env } from '../../env/env.ts';

/** What a reconciler did at its last activation, and how often it has run in this process. */
export interface ReconcilerStatus {
  name: string;
  runs: number;
  failures: number;
  /** Microseconds. */
  startedAt: number;
  /** Microseconds. */
  duration: number;
  /** What it dealt with, by its own words: `removed`, `corrected`, `due`. */
  items: Record<string, number>;
  /** Of the last activation that failed; null when the last one did not. */
  error: string | null;
}

/** What the reconcilers of this process say of themselves, for operators. */
export class ReconcilerStatuses {
  readonly #env: Env;
  readonly #byName = new Map<string, ReconcilerStatus>();

  constructor(env: Env) {
    this.#env = env;
  }

  list(): ReconcilerStatus[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Runs one activation and keeps what became of it. Rejects as `work` does. */
  async observe(name: string, work: () => Promise<unknown>): Promise<unknown> {
    const startedAt = this.#env.now();
    try {
      const result = await work();
      this.#note(name, startedAt, { items: itemsOf(result), error: null });
      return result;
    } catch (error) {
      this.#note(name, startedAt, { items: {}, error: error instanceof Error ? error.message : String(error) });
      throw error;
    }
  }

  #note(name: string, startedAt: number, outcome: Pick<ReconcilerStatus, 'items' | 'error'>): void {
    const { runs = 0, failures = 0 } = this.#byName.get(name) ?? {};
    const duration = this.#env.now() - startedAt;
    const failed = outcome.error === null ? 0 : 1;
    this.#byName.set(name, { name, runs: runs + 1, failures: failures + failed, startedAt, duration, ...outcome });
  }
}

function itemsOf(result: unknown): Record<string, number> {
  if (typeof result === 'number') return { items: result };
  if (typeof result !== 'object' || result === null) return {};
  return Object.fromEntries(Object.entries(result).filter(([, value]) => typeof value === 'number'));
}
