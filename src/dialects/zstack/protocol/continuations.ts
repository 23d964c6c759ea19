import type { Cloud } from '../../../cloud/cloud.ts';
import { describeError } from './describe-error.ts';
import type { ErrorBody } from './error-codes.ts';
import { errorBody } from './zstack-error.ts';

/** What goes on in this process after an action: why it failed, or undefined. Kept until its job was told of it. */
const running = new Map<string, Promise<ErrorBody | undefined>>();

/** No operation takes longer. */
const longestMs = 72 * 3600 * 1000;

/** How long the end of one is remembered: whoever waits for the job has written it down long before. */
const rememberMs = 60_000;

/**
 * Does the rest of a job once its action has succeeded. It is not in the journal: where the process ends before it has,
 * the job fails, and says so.
 */
export function continueJob(
  cloud: Cloud,
  jobId: string,
  actionId: string,
  afterwards: () => Promise<void>,
  requestId: string,
): void {
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
  running.set(jobId, work());
}

/** Why the rest of the job failed, undefined where it did not, `running` while it goes on. */
export async function endOfContinuation(jobId: string, waitMs: number): Promise<ErrorBody | undefined | 'running'> {
  const work = running.get(jobId);
  if (!work) return errorBody('SYS.1012', `the management node was restarted before job[${jobId}] was done`);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'running'>((resolve) => {
    timer = setTimeout(() => resolve('running'), waitMs);
  });
  const end = await Promise.race([work, late]);
  clearTimeout(timer);
  if (end !== 'running') setTimeout(() => running.delete(jobId), rememberMs).unref();
  return end;
}
