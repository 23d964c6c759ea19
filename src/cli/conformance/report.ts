import type { Outcome } from './outcome.ts';

/** What a run of Tempest found, as it is kept. */
export interface ConformanceReport {
  /** ISO 8601. */
  date: string;
  unkai: string;
  tempest: string;
  hypervisor: string;
  /** `interop`, `full`, or the regular expression. */
  selection: string;
  concurrency: number;
  /** Seconds. */
  duration: number;
  passed: number;
  failed: number;
  skipped: number;
  outcomes: readonly Outcome[];
  /** Tests of the guideline that Tempest no longer has, with the reason. */
  removed?: Readonly<Record<string, string>>;
}

export function countOf(outcomes: readonly Outcome[], result: Outcome['result']): number {
  return outcomes.filter((outcome) => outcome.result === result).length;
}

/** The service or area a test belongs to: `compute`, `scenario`. */
export function areaOf(name: string): string {
  const [, kind, area] = /tempest\.(api|scenario|serial_tests)\.(\w+)/.exec(name) ?? [];
  if (!kind) return 'other';
  return kind === 'scenario' ? 'scenario' : area!;
}

/** A table of areas: tests that passed, failed, were skipped. */
export function tableOf(outcomes: readonly Outcome[]): string[] {
  const areas = [...new Set(outcomes.map(({ name }) => areaOf(name)))].sort();
  const row = (title: string, some: readonly Outcome[]) => {
    const numbers = (['passed', 'failed', 'skipped'] as const).map((result) =>
      String(countOf(some, result)).padStart(8),
    );
    return `${title.padEnd(12)}${numbers.join('')}`;
  };
  return [
    `${''.padEnd(12)}${['passed', 'failed', 'skipped'].map((title) => title.padStart(8)).join('')}`,
    ...areas.map((area) =>
      row(
        area,
        outcomes.filter(({ name }) => areaOf(name) === area),
      ),
    ),
    row('all', outcomes),
  ];
}

/** Why tests were skipped, the most common reason first, with how many. */
export function skipReasons(outcomes: readonly Outcome[]): Array<[reason: string, count: number]> {
  const counts = new Map<string, number>();
  for (const { result, reason = 'no reason said' } of outcomes) {
    if (result === 'skipped') counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a);
}
