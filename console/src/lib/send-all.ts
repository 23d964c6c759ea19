import { type ApiCall, send } from './api.ts';

/** So many are under way at once, however many are chosen. */
const maxAtOnce = 8;

/** Makes many calls, none waiting for another's failure. Says how many were taken, and what the others failed with. */
export async function sendAll(calls: readonly ApiCall[]): Promise<{ done: number; failures: Error[] }> {
  const failures: Error[] = [];
  const waiting = calls.values();
  const work = async () => {
    for (const call of waiting) await send(call).catch((failure: Error) => failures.push(failure));
  };
  await Promise.all(Array.from({ length: Math.min(maxAtOnce, calls.length) }, work));
  return { done: calls.length - failures.length, failures };
}
