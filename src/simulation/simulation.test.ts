import { describe, expect, it } from 'vitest';
import { simulate } from './simulation.ts';

/** As many as take a minute on a quiet machine; `unkai simulate --seeds` runs more, and for longer. */
const seeds = Number(process.env['UNKAI_SIMULATION_SEEDS'] ?? 100);
const first = Number(process.env['UNKAI_SIMULATION_FIRST'] ?? 1);

describe('a simulated cloud', () => {
  it('goes the same way again with the same seed, and another way with another', async () => {
    const lines: string[] = [];
    const run = (seed: number) => simulate({ seed, hours: 0.5, print: (line) => lines.push(line) });
    const once = await run(7);
    const trace = lines.splice(0);
    // What another run has left in this process changes nothing.
    expect((await run(8)).hash).not.toBe(once.hash);
    lines.length = 0;
    const again = await run(7);
    expect(lines).toEqual(trace);
    expect(again).toEqual(once);
    expect(once.violations).toEqual([]);
  });

  it('is found out when a host does not do what it says', async () => {
    const prepareHost: Parameters<typeof simulate>[0]['prepareHost'] = (host) => {
      host.removeDisk = async () => {};
    };
    const { violations } = await simulate({ seed: 1, hours: 0.5, prepareHost });
    expect(violations.join('\n')).toMatch(/disk/);
  });

  it(`keeps its promises over ${seeds} seeds`, { timeout: 600_000 }, async () => {
    let asked = 0;
    for (let seed = first; seed < first + seeds; seed += 1) {
      const { violations, requests } = await simulate({ seed, hours: 0.15 });
      expect(violations, `unkai simulate --seed ${seed} --hours 0.15`).toEqual([]);
      asked += requests;
    }
    expect(asked).toBeGreaterThan(seeds);
  });
});
