import type { Cloud } from '../../../cloud/cloud.ts';
import type { Job, JobResult } from '../../../cloud/jobs/model.ts';
import { actionOf, concludeJob } from './job-result.ts';

const maxTries = 15;
const pauseMs = 2000;
const answerTimeoutMs = 10_000;
/** How long one look at a running job lasts. */
const lookMs = 10_000;

/** POSTs the result to the client's URL, again and again until it answers with a 2xx; gives up after `maxTries`. */
export function deliverWebHook(cloud: Cloud, jobId: string, url: string, result: JobResult): void {
  void deliver(cloud, jobId, url, result);
}

async function deliver(cloud: Cloud, jobId: string, url: string, result: JobResult): Promise<void> {
  const headers = {
    'content-type': 'application/json;charset=UTF-8',
    'x-job-uuid': jobId,
    'x-job-success': String(result.status === 200),
  };
  const body = JSON.stringify(result.body);
  for (let attempt = 1; attempt <= maxTries; attempt += 1) {
    if (await post(url, headers, body)) return;
    if (attempt < maxTries) await cloud.env.sleep(pauseMs);
  }
}

/** The answer's body is of no interest, and following redirects would lead to places that nobody named. */
async function post(url: string, headers: Record<string, string>, body: string): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(answerTimeoutMs);
    const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

/** Follows the job to its end and then tells the web hook. */
export function watchForWebHook(cloud: Cloud, job: Job): void {
  void watch(cloud, job);
}

async function watch(cloud: Cloud, job: Job): Promise<void> {
  try {
    for (;;) {
      const result = await concludeJob(cloud, job, lookMs);
      if (!result) continue;
      return await deliver(cloud, job.id, job.webHook!, result);
    }
  } catch {
    // The database or the runner is closing: whoever starts next takes the job up again.
  }
}

/** Takes up the web hooks that an earlier process still owed. */
export async function resumeWebHooks(cloud: Cloud): Promise<void> {
  for (const job of await cloud.jobs.withPendingWebHooks()) {
    const actionId = await actionOf(cloud, job);
    if (actionId) watchForWebHook(cloud, { ...job, actionId });
  }
}
