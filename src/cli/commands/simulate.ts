import { randomInt } from 'node:crypto';
import { simulateSeries } from '../../simulation/series.ts';
import type { SimulationReport } from '../../simulation/simulation.ts';

export interface SimulateOptions {
  seed?: number;
  seeds: number;
  hours: number;
  jobs: number;
  trace: boolean;
  json: boolean;
}

/**
 * `unkai simulate`: exit code 1 when a promise was broken. Interrupted, it ends the runs under way and says what came of
 * those that were done.
 */
export async function simulate({ seed = randomInt(1_000_000), trace, json, ...rest }: SimulateOptions): Promise<void> {
  const reports: SimulationReport[] = [];
  const began = performance.now();
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());
  const print = trace ? (line: string) => console.log(line) : undefined;
  for await (const report of simulateSeries({ ...rest, seed, print, signal: stopping.signal })) {
    reports.push(report);
    if (!json) printReport(report);
  }
  const sums = total(reports, (performance.now() - began) / 1000);
  if (sums.violations > 0) process.exitCode = 1;
  if (json) return console.log(JSON.stringify({ total: sums, runs: reports }, undefined, 2));
  console.log(`\n${JSON.stringify(sums, undefined, 2)}`);
}

function printReport({ seed, hash, requests, kills, violations, hours }: SimulationReport): void {
  const verdict = violations.length === 0 ? 'ok' : 'BROKEN';
  console.log(`seed ${seed}  ${hash}  ${verdict}  ${requests} requests, ${kills} kills`);
  for (const violation of violations) console.log(`  ${violation}`);
  if (violations.length > 0) console.log(`  again: unkai simulate --seed ${seed} --hours ${hours} --trace`);
}

function total(reports: readonly SimulationReport[], seconds: number) {
  const sum = (of: (report: SimulationReport) => number) => reports.reduce((all, report) => all + of(report), 0);
  return {
    seeds: reports.length,
    hours: sum(({ hours }) => hours),
    requests: sum(({ requests }) => requests),
    actions: added(reports.map(({ actions }) => actions)),
    commits: sum(({ commits }) => commits),
    kills: sum(({ kills }) => kills),
    faults: added(reports.map(({ faults }) => faults)),
    audits: sum(({ audits }) => audits),
    violations: sum(({ violations }) => violations.length),
    seconds: Math.round(seconds),
  };
}

function added(all: ReadonlyArray<Record<string, number>>): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const counts of all) for (const [key, count] of Object.entries(counts)) sums[key] = (sums[key] ?? 0) + count;
  return sums;
}
