import { expect, it } from 'vitest';
import { type SeriesOptions, simulateSeries } from './series.ts';
import type { SimulationReport } from './simulation.ts';

const options = { seed: 31, seeds: 3, hours: 0.1 };

async function reportsOf(series: SeriesOptions): Promise<SimulationReport[]> {
  const reports: SimulationReport[] = [];
  for await (const report of simulateSeries(series)) reports.push(report);
  return reports;
}

it('gives each seed the same run, in one thread or in several', { timeout: 300_000 }, async () => {
  const alone = await reportsOf({ ...options, jobs: 1 });
  const together = await reportsOf({ ...options, jobs: 2 });
  expect(alone.map(({ seed }) => seed)).toEqual([31, 32, 33]);
  expect(together.toSorted((a, b) => a.seed - b.seed)).toEqual(alone);
});

it('begins no more runs once it is to stop', { timeout: 300_000 }, async () => {
  const stop = new AbortController();
  const seen: number[] = [];
  for await (const { seed } of simulateSeries({ ...options, seeds: 1000, jobs: 2, signal: stop.signal })) {
    seen.push(seed);
    stop.abort();
  }
  expect(seen.length).toBeLessThanOrEqual(3);
});
