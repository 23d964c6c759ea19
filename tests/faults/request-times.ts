import { Agent, request } from 'node:http';
import { setPriority } from 'node:os';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

/** Between the end of a request and the next, milliseconds. */
const pause = 20;

interface Target {
  url: string;
  headers: Record<string, string>;
}

/**
 * Asks a server for one thing over and over, from a thread of its own: what else the test does is not a part of how long
 * it takes.
 */
export class RequestTimes {
  readonly #worker: Worker;
  readonly #times: Promise<number[]>;

  constructor(target: Target) {
    this.#worker = new Worker(new URL(import.meta.url), { workerData: target, execArgv: [] });
    this.#times = new Promise((resolve, reject) => {
      this.#worker.on('message', resolve);
      this.#worker.on('error', reject);
    });
    this.#times.catch(() => {});
  }

  /** What 99 of 100 requests took at the most, milliseconds. */
  async p99(): Promise<number> {
    this.#worker.postMessage('end');
    const sorted = (await this.#times).toSorted((a, b) => a - b);
    return sorted[Math.floor(sorted.length * 0.99)] ?? 0;
  }
}

async function ask({ url, headers }: Target, agent: Agent): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const asked = request(url, { agent, headers }, (answer) => {
      answer.resume();
      answer.on('error', reject);
      answer.on('end', resolve);
    });
    asked.on('error', reject);
    asked.end();
  });
}

/**
 * Clients have machines of their own: how long this one waits for a processor is no part of how fast the cloud is. Linux
 * counts 0 as the thread that asks.
 */
function goFirst(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(0, -15);
  } catch {
    // Only root may: then it waits for its turn.
  }
}

async function measure(target: Target): Promise<void> {
  goFirst();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const times: number[] = [];
  let isOver = false;
  parentPort!.once('message', () => {
    isOver = true;
  });
  // The first one opens the connection.
  await ask(target, agent);
  while (!isOver) {
    const from = performance.now();
    await ask(target, agent);
    times.push(performance.now() - from);
    await new Promise((next) => setTimeout(next, pause));
  }
  agent.destroy();
  parentPort!.postMessage(times);
}

if (!isMainThread && isTarget(workerData)) await measure(workerData);

/** The tests run in threads, too, which are given other things. */
function isTarget(data: unknown): data is Target {
  return typeof data === 'object' && data !== null && 'url' in data && 'headers' in data;
}
