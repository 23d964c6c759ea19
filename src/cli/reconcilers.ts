import type { Check } from './check.ts';

/** What the running cloud's `/metrics` say of one reconciler: readable without signing in. */
export interface ReconcilerFigures {
  name: string;
  runs: number;
  failures: number;
  isFailing: boolean;
  /** Seconds since the epoch. */
  lastRun: number;
}

const line = /^unkai_reconciler_(runs|failures|failing|last_run_seconds)\{reconciler="([^"]+)"\} (\S+)$/gm;

/** Reads them from Prometheus' text format. */
export function reconcilersIn(metrics: string): ReconcilerFigures[] {
  const byName = new Map<string, Record<string, number>>();
  for (const [, figure, name, value] of metrics.matchAll(line)) {
    byName.set(name!, { ...byName.get(name!), [figure!]: Number(value) });
  }
  return [...byName].map(([name, { runs = 0, failures = 0, failing = 0, last_run_seconds = 0 }]) => ({
    ...{ name, runs, failures, isFailing: failing > 0, lastRun: last_run_seconds },
  }));
}

/** What `unkai doctor` says of the reconcilers of the cloud at the address. */
export async function examineReconcilers(origin: string): Promise<Check> {
  const text = await fetch(`${origin}/metrics`, { signal: AbortSignal.timeout(5000) }).then(
    (response) => response.text(),
    () => '',
  );
  const all = reconcilersIn(text);
  const failing = all.filter(({ isFailing }) => isFailing).map(({ name }) => name);
  const name = 'reconcilers';
  if (failing.length === 0)
    return { name, state: 'ok', detail: `${all.length} have run, and none failed the last time` };
  return {
    ...{ name, state: 'warning', detail: `the last run failed of: ${failing.join(', ')}` },
    advice: 'GET /unkai/v1/reconcilers tells an administrator why.',
  };
}
