import type { Cloud } from '../cloud.ts';

/** How long a process rests at the most: another one may have changed what is due. */
const longestRestMs = 30_000;
/** So that what another process has taken up at the same moment keeps nobody busy. */
const shortestRestMs = 20;
/** After a failure, so that a database that is away is not asked again and again. */
const restAfterFailureMs = 5000;

/**
 * Wakes when something is due, when this process has changed what is due, and now and then. Resolves the returned
 * function once nothing of it runs any more.
 */
export function watchSchedules(cloud: Cloud): () => Promise<void> {
  const stop = new AbortController();
  let wake = new AbortController();
  const forget = cloud.schedules.onChange(() => wake.abort());
  const activate = async (): Promise<number> => {
    try {
      await cloud.reconcilers.observe('schedules', () => cloud.schedules.firings.run());
      return await cloud.schedules.firings.restMs(longestRestMs);
    } catch (err) {
      cloud.log.error({ err }, 'what is due could not be looked after');
      return restAfterFailureMs;
    }
  };
  const loop = async () => {
    while (!stop.signal.aborted) {
      // Whatever changes from here on is seen: at once, or after a rest that is cut short.
      wake = new AbortController();
      const restMs = await activate();
      await cloud.env.sleep(Math.max(restMs, shortestRestMs), AbortSignal.any([stop.signal, wake.signal]));
    }
  };
  const running = loop();
  return async () => {
    forget();
    stop.abort();
    await running;
  };
}
