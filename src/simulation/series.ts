import { Worker } from 'node:worker_threads';
import { type SimulationReport, simulate } from './simulation.ts';
import type { Answer, Order } from './worker.ts';

export interface SeriesOptions {
  /** The first seed, and how many from there. */
  seed: number;
  seeds: number;
  /** Of virtual time, for each. */
  hours: number;
  /** How many run at the same time, each in a thread of its own; 1 runs them in this one. */
  jobs: number;
  /** Gets each line of the trace; with one job only. */
  print?: (line: string) => void;
  /** Begins no more runs once it aborts; those under way come to their end. */
  signal?: AbortSignal;
}

/** Runs simulations over many seeds, and gives each report as it comes: with several jobs not in the order of seeds. */
export async function* simulateSeries(options: SeriesOptions): AsyncGenerator<SimulationReport> {
  if (options.jobs > 1) return yield* inThreads(options);
  for (const seed of seedsOf(options)) {
    if (options.signal?.aborted) return;
    yield await simulate({ seed, hours: options.hours, print: options.print });
  }
}

function* seedsOf({ seed, seeds }: SeriesOptions): Generator<number> {
  for (let one = seed; one < seed + seeds; one += 1) yield one;
}

async function* inThreads(options: SeriesOptions): AsyncGenerator<SimulationReport> {
  const seeds = seedsOf(options);
  const workers: Worker[] = [];
  const underWay = new Map<Worker, Promise<{ worker: Worker; report: SimulationReport }>>();
  const goOn = (worker: Worker) => {
    underWay.delete(worker);
    const next = options.signal?.aborted ? undefined : seeds.next().value;
    if (next !== undefined) underWay.set(worker, ask(worker, { seed: next, hours: options.hours }));
  };
  try {
    for (let job = 0; job < Math.min(options.jobs, options.seeds); job += 1) {
      const worker = new Worker(new URL('worker.ts', import.meta.url));
      workers.push(worker);
      goOn(worker);
    }
    while (underWay.size > 0) {
      const { worker, report } = await Promise.race(underWay.values());
      goOn(worker);
      yield report;
    }
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function ask(worker: Worker, order: Order): Promise<{ worker: Worker; report: SimulationReport }> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => reject(new Error(`seed ${order.seed}: ${error.message}`, { cause: error }));
    worker.once('error', failed);
    worker.once('message', (answer: Answer) => {
      worker.off('error', failed);
      if ('error' in answer) failed(new Error(answer.error));
      else resolve({ worker, report: answer.report });
    });
    worker.postMessage(order);
  });
}
