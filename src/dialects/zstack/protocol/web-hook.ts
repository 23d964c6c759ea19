import type { Cloud } from '../../../cloud/cloud.ts';
import type { JobResult } from '../../../cloud/jobs/model.ts';
import type { OwedWebHook } from '../../../cloud/jobs/web-hooks.ts';
import { withClasses } from '../query/java-classes.ts';
import { concludeJob } from './job-result.ts';
import { traitsOfId } from './traits.ts';

const maxTries = 15;
const pauseMs = 2000;
const answerTimeoutMs = 10_000;
/** How long one look at a running job lasts. */
const lookMs = 5000;

/**
 * Looks after a web hook once: waits a moment for the job's end, and POSTs the result to the client's URL. It is to be
 * done again until the hook has answered with a 2xx, `maxTries` times at the most. Where a process dies between
 * that answer and writing it down, the hook hears of the job twice.
 */
export async function attendWebHook(cloud: Cloud, owed: OwedWebHook, signal: AbortSignal): Promise<void> {
  const { job } = owed;
  const { webHooks } = cloud.jobs;
  const begun = cloud.env.now();
  const result = await concludeJob(cloud, job, lookMs);
  if (!result) {
    const looked = (cloud.env.now() - begun) / 1000;
    return await webHooks.postpone(owed, Math.max(0, pauseMs - looked));
  }
  // Whether its client wants to know the classes is not on record; who does not passes over them.
  const typed = { ...result, body: withClasses(traitsOfId(job.operation)?.response, result.body) };
  if (await post(job.webHook, job.id, typed, signal)) return await webHooks.settle(owed);
  if (signal.aborted) return;
  const tries = owed.tries + 1;
  if (tries < maxTries) return await webHooks.postpone({ ...owed, tries }, pauseMs);
  cloud.log.warn({ jobId: job.id, host: new URL(job.webHook).host, tries }, 'a web hook was given up');
  await webHooks.settle(owed);
}

/** The answer's body is of no interest, and following redirects would lead to places that nobody named. */
async function post(url: string, jobId: string, result: JobResult, ending: AbortSignal): Promise<boolean> {
  const headers = {
    'content-type': 'application/json;charset=UTF-8',
    'x-job-uuid': jobId,
    'x-job-success': String(result.status === 200),
  };
  try {
    const signal = AbortSignal.any([ending, AbortSignal.timeout(answerTimeoutMs)]);
    const body = JSON.stringify(result.body);
    const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
