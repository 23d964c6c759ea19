import type { Cloud } from '../../../cloud/cloud.ts';
import type { Job } from '../../../cloud/jobs/model.ts';
import { describeError } from './describe-error.ts';
import type { ErrorBody } from './error-codes.ts';
import { errorBody } from './zstack-error.ts';

/** What goes on in this process after an action: why it failed, or undefined. Kept until its job was told of it. */
const running = new Map<string, Promise<ErrorBody | undefined>>();

/** No operation takes longer. */
const longestMs = 72 * 3600 * 1000;

/** How often a process says that it goes on with a job, and how long that is believed. */
const sayMs = 10_000;
const believedMs = 30_000;

/** How long the end of one is remembered: whoever waits for the job has written it down long before. */
const rememberMs = 60_000;

/**
 * Does the rest of a job once its action has succeeded, and calls `conclude` at the end. It is not in the journal: where
 * the process ends before it has, the job fails, and says so. Other processes wait for this one meanwhile.
 */
export async function continueJob(
  cloud: Cloud,
  jobId: string,
  actionId: string,
  afterwards: () => Promise<void>,
  requestId: string,
  conclude: () => Promise<unknown>,
): Promise<void> {
  const say = () => cloud.jobs.continueUntil(jobId, cloud.env.now() + believedMs * 1000);
  await say();
  const work = async (): Promise<ErrorBody | undefined> => {
    const outcome = await cloud.runner.wait(actionId, { timeoutMs: longestMs });
    if (outcome?.state !== 'succeeded') return undefined;
    try {
      await afterwards();
      return undefined;
    } catch (error) {
      return describeError(error, undefined, requestId);
    }
  };
  const end = work();
  running.set(jobId, end);
  const stop = cloud.env.every(sayMs, () => void say().catch(() => undefined));
  // Where the cloud is closed meanwhile, there is nobody left to conclude it.
  void end
    .finally(stop)
    .then(conclude)
    .catch(() => undefined);
}

/** Why the rest of the job failed, undefined where it did not, `running` while it goes on. */
export async function endOfContinuation(
  cloud: Cloud,
  { id: jobId, continuedUntil = 0 }: Job,
  waitMs: number,
): Promise<ErrorBody | undefined | 'running'> {
  const work = running.get(jobId);
  if (!work) {
    if (continuedUntil > cloud.env.now()) return 'running';
    return errorBody('SYS.1012', `the management node was restarted before job[${jobId}] was done`);
  }
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'running'>((resolve) => {
    timer = setTimeout(() => resolve('running'), waitMs);
  });
  const end = await Promise.race([work, late]);
  clearTimeout(timer);
  if (end !== 'running') setTimeout(() => running.delete(jobId), rememberMs).unref();
  return end;
}
