import type { Answer, Call } from '../../../api/operation.ts';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError, isTaken } from '../../../cloud/errors.ts';
import type { Job, JobResult } from '../../../cloud/jobs/model.ts';
import { parseId } from '../../../env/env.ts';
import { continueJob } from './continuations.ts';
import { describeError } from './describe-error.ts';
import { jobLocation } from './job-location.ts';
import { concludeJob, type JobPlan, presentOutcome } from './job-result.ts';
import { type JobHeaders, readJobHeaders } from './request-headers.ts';
import type { Traits } from './traits.ts';
import { invalidArgument, MalformedRequest } from './zstack-error.ts';

/** What the engine gave for an asynchronous operation. */
export interface AsyncOutcome {
  /** The action that does the work; absent where the work is done already. */
  actionId?: string;
  /** The resource whose inventory the answer shows, where the operation shows one. */
  uuid?: string;
  /** The answer itself, where it is no inventory. */
  body?: Record<string, unknown>;
  /** Members of the answer that are large and soon worthless: they are kept for ten minutes. Only where there is no action. */
  brief?: Record<string, unknown>;
  /** What the text of a later failure needs to know of the request. */
  about?: Record<string, string>;
  /** Servers that the action begins to build: the job ends with the last of them. */
  builds?: readonly string[];
  /** What is to be done once the action has succeeded, before the job has. It may begin actions and wait for them. */
  afterwards?: () => Promise<void>;
}

/**
 * Runs an asynchronous operation as a job. A client that can wait a moment gets the result in the first answer; any
 * other gets 202 and the place to ask at. The job is on record either way.
 */
export async function runJob(
  call: Pick<Call, 'cloud' | 'subject' | 'raw' | 'origin'>,
  operation: { id: string; traits: Traits },
  work: () => Promise<AsyncOutcome>,
): Promise<Answer> {
  const { cloud, subject } = call;
  const headers = readJobHeaders(call.raw);
  const job = await beginJob(cloud, subject, operation.id, headers);
  const seconds = headers.timeoutSeconds ?? operation.traits.timeoutSeconds;
  const accepted = { status: 202, headers: jobHeader(job), body: jobLocation(call.origin, job.id, seconds) };
  // The Java SDK tells its callbacks of nothing but what it polled.
  const pollsAlways = headers.webHook !== undefined || headers.wantsSchema;
  let outcome: AsyncOutcome;
  try {
    outcome = await work();
  } catch (failure) {
    // Clients may choose the uuid of what they make.
    const error = isTaken(failure) ? invalidArgument('a resource with this resourceUuid exists already') : failure;
    const result = { status: 503, body: { error: describeError(error, undefined, subject.requestId) } };
    await cloud.jobs.finish(job.id, result);
    if (pollsAlways) return accepted;
    throw error;
  }
  if (!outcome.actionId) {
    const result = { status: 200, body: await presentOutcome(cloud, operation.traits, outcome) };
    await cloud.jobs.finish(job.id, result, outcome.brief);
    return pollsAlways ? accepted : answerOf(job, { ...result, body: { ...result.body, ...outcome.brief } });
  }
  const plan: JobPlan = { timeoutSeconds: seconds };
  if (outcome.uuid) plan.uuid = outcome.uuid;
  if (outcome.body) plan.body = outcome.body;
  if (outcome.about) plan.about = outcome.about;
  if (outcome.builds) plan.builds = [...outcome.builds];
  if (outcome.afterwards) plan.continued = true;
  const planned: Job = { ...job, actionId: outcome.actionId, plan: { ...plan } };
  if (outcome.afterwards) {
    const conclude = () => concludeJob(cloud, planned, 0);
    await continueJob(cloud, job.id, outcome.actionId, outcome.afterwards, subject.requestId, conclude);
  }
  await cloud.jobs.attach(job.id, outcome.actionId, { ...plan });
  if (pollsAlways) return accepted;
  const result = await concludeJob(cloud, planned, headers.waitMs);
  return result ? answerOf(job, result) : accepted;
}

async function beginJob(cloud: Cloud, subject: Call['subject'], operation: string, headers: JobHeaders): Promise<Job> {
  // The request's own id becomes the job's, so that the action can be found by it whatever happens.
  const id = headers.chosenJobId ?? parseId(subject.requestId.replace(/^req-/, ''));
  try {
    return await cloud.jobs.begin(subject, { id, operation, webHook: headers.webHook });
  } catch (error) {
    if (error instanceof CloudError && error.code === 'duplicate') {
      throw new MalformedRequest(`Duplicate job uuid[${id}]`);
    }
    throw error;
  }
}

function answerOf(job: Job, result: JobResult): Answer {
  return { status: result.status, headers: jobHeader(job), body: result.body };
}

function jobHeader(job: Job): Record<string, string> {
  return { 'x-job-uuid': job.id };
}
