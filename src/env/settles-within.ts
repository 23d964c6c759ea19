import type { Env } from './env.ts';

/** Whether the promise is settled, either way, before so many milliseconds are over. It goes on if not. */
export async function settlesWithin(env: Pick<Env, 'sleep'>, ms: number, promise: Promise<unknown>): Promise<boolean> {
  const decided = new AbortController();
  const settled = promise.then(
    () => true,
    () => true,
  );
  const late = env.sleep(ms, decided.signal).then(() => false);
  try {
    return await Promise.race([settled, late]);
  } finally {
    decided.abort();
  }
}
