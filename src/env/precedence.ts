import { getPriority, setPriority } from 'node:os';

/** Enough for the event loop to have a processor when it wants one, whatever hashes, copies or runs as a guest. */
const steps = 10;

/** By how much the event loop goes before what it starts. */
let ahead = 0;

/**
 * Has the event loop, which answers all requests, go before all that computes beside it (`nice`). It needs little of the
 * processors, and where both are busy each request would wait for others' turns. Only root may: elsewhere it takes its turn.
 * To be called once, when the threads of the process have been started: new ones, and programs, would go before others too
 * (see `inTurn`).
 */
export function goFirst(): void {
  // Linux counts threads here, and the first one has the process's number.
  if (process.platform !== 'linux' || ahead > 0) return;
  try {
    const usual = getPriority(process.pid);
    setPriority(process.pid, Math.max(usual - steps, -20));
    ahead = usual - getPriority(process.pid);
  } catch {
    ahead = 0;
  }
}

/** The words that start a program which takes its turn as all others do, or `later` steps behind them. */
export function inTurn(words: readonly string[], later = 0): string[] {
  const behind = ahead + later;
  return behind === 0 ? [...words] : ['nice', '-n', String(behind), ...words];
}
