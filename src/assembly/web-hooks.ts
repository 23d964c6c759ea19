import type { Cloud } from '../cloud/cloud.ts';
import type { OwedWebHook } from '../cloud/jobs/web-hooks.ts';

/** How often this process looks for what is due: what other processes left, and what was told in vain. */
const roundMs = 1000;
/** How many web hooks this process looks after at once. */
const maxAtOnce = 100;

/**
 * Has this process tell web hooks what they are owed, its own and those that other processes left. Returns what stops
 * it: what it was telling then is told again by whoever comes next.
 */
export function startWebHooks(cloud: Cloud): () => Promise<void> {
  const stopping = new AbortController();
  const underWay = new Set<Promise<void>>();
  const { webHooks } = cloud.jobs;
  let round: Promise<void> | undefined;
  let isWanted = false;

  const attend = async (owed: OwedWebHook) => {
    // How an answer is made is said by the dialect's operations, which need not have been loaded yet.
    const [{ attendWebHook }] = await Promise.all([
      import('../dialects/zstack/protocol/web-hook.ts'),
      import('../dialects/zstack/zstack.ts'),
    ]);
    await attendWebHook(cloud, owed, stopping.signal);
  };
  const claimDue = async () => {
    for (const owed of await webHooks.claim(maxAtOnce - underWay.size)) {
      const work = attend(owed)
        .catch((err) => report(err, owed.job.id))
        .finally(() => {
          underWay.delete(work);
          wake();
        });
      underWay.add(work);
    }
  };
  const report = (err: unknown, jobId?: string) => {
    if (!stopping.signal.aborted) cloud.log.error({ err, jobId }, 'a web hook could not be looked after');
  };
  /** One round at a time; what becomes due during one is for the next. */
  const wake = (work = claimDue) => {
    isWanted = true;
    if (round || stopping.signal.aborted || underWay.size >= maxAtOnce) return;
    isWanted = false;
    round = work()
      .catch((err) => report(err))
      .finally(() => {
        round = undefined;
        if (isWanted) wake();
      });
  };

  const stops = [webHooks.onDue(() => wake()), cloud.env.every(roundMs, () => wake())];
  // SQLite has one process: what is held was held by one that is gone.
  wake(async () => {
    if (cloud.db.kind === 'sqlite') await webHooks.takeOver();
    await claimDue();
  });
  return async () => {
    for (const stop of stops) stop();
    stopping.abort();
    await round;
  };
}
