import { parentPort } from 'node:worker_threads';
import { type SimulationOptions, type SimulationReport, simulate } from './simulation.ts';

/** What a worker is told: which run to do next. */
export type Order = Pick<SimulationOptions, 'seed' | 'hours'>;

/** And what it answers: what came of it, or that the simulation itself has failed. */
export type Answer = { report: SimulationReport } | { error: string };

// A thread of its own: a run depends on nothing but its seed, so as many go on side by side as there are cores.
parentPort?.on('message', async ({ seed, hours }: Order) => {
  const answer: Answer = await simulate({ seed, hours }).then(
    (report) => ({ report }),
    (error: unknown) => ({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
  parentPort?.postMessage(answer);
});
