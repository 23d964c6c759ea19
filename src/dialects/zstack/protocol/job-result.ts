import type { Cloud } from '../../../cloud/cloud.ts';
import type { Job, JobResult } from '../../../cloud/jobs/model.ts';
import { withDashes } from '../../../env/env.ts';
import { readInventory } from '../query/query.ts';
import { endOfContinuation } from './continuations.ts';
import { describeActionFailure } from './describe-error.ts';
import { allBuilt } from './server-builds.ts';
import { type Traits, traitsOfId } from './traits.ts';
import { errorBody, ZStackError } from './zstack-error.ts';

/** How a job's answer is to be made once its action has ended: all that outlives the process which began it. */
export interface JobPlan {
  timeoutSeconds?: number;
  uuid?: string;
  body?: Record<string, unknown>;
  /** What the failure's text needs to know of the request. */
  about?: Record<string, string>;
  /** Servers that the action begins to build: the job ends with the last of them. */
  builds?: string[];
  /** There is more to do than the action, by the process that began it. */
  continued?: boolean;
}

/**
 * Gives the job's answer, waiting up to `waitMs` for its action to end; undefined when it has not by then. The first
 * one to see the end writes the answer down; everyone else gets the same.
 */
export async function concludeJob(cloud: Cloud, job: Job, waitMs: number): Promise<JobResult | undefined> {
  if (job.result) return (await cloud.jobs.resultOf(job)) ?? gone(job);
  const plan: JobPlan = job.plan ?? {};
  const actionId = await actionOf(cloud, job);
  const result = actionId ? await resultOf(cloud, job, plan, actionId, waitMs) : undefined;
  const final = result ?? timedOut(cloud, job, plan, actionId !== undefined);
  if (!final) return undefined;
  if (await cloud.jobs.finish(job.id, final)) return final;
  return (await cloud.jobs.find(job.id))?.result ?? final;
}

function gone({ id }: Job): JobResult {
  const words = `the result of the job[${id}] was kept for ten minutes, or until there were newer ones`;
  return { status: 503, body: { error: errorBody('SYS.1006', words) } };
}

async function resultOf(cloud: Cloud, job: Job, plan: JobPlan, actionId: string, waitMs: number) {
  const outcome = await cloud.runner.wait(actionId, { timeoutMs: waitMs });
  if (!outcome) return undefined;
  const traits = traitsOfId(job.operation);
  if (outcome.state === 'failed') {
    const cause = describeActionFailure(outcome.failure);
    return { status: 503, body: { error: traits?.describeFailure?.(cause, plan.about ?? {}) ?? cause } };
  }
  if (plan.builds && !(await allBuilt(cloud, plan.builds, waitMs))) return undefined;
  if (plan.continued) {
    const failure = await endOfContinuation(cloud, job, waitMs);
    if (failure === 'running') return undefined;
    if (failure)
      return { status: 503, body: { error: traits?.describeFailure?.(failure, plan.about ?? {}) ?? failure } };
  }
  // A deletion that is parked has ended for its user; what remains of it is the cloud's own business.
  try {
    return { status: 200, body: await presentOutcome(cloud, traits, plan) };
  } catch (error) {
    if (!(error instanceof ZStackError)) throw error;
    return { status: 503, body: { error: error.body } };
  }
}

/** The action behind the job, also where the process that began it died before it could write that down. */
export async function actionOf(cloud: Cloud, job: Job): Promise<string | undefined> {
  return job.actionId ?? (await cloud.jobs.actionOfRequest(`req-${withDashes(job.id)}`));
}

/** Work that was never handed to an action by then was lost with its process. */
const abandonedAfterSeconds = 300;

function timedOut(cloud: Cloud, job: Job, plan: JobPlan, hasAction: boolean): JobResult | undefined {
  if (!hasAction && cloud.env.now() > job.createdAt + abandonedAfterSeconds * 1e6) {
    const error = errorBody('SYS.1012', `the management node was restarted before it began the job[${job.id}]`);
    return { status: 503, body: { error } };
  }
  const seconds = plan.timeoutSeconds ?? traitsOfId(job.operation)?.timeoutSeconds;
  if (!seconds || cloud.env.now() < job.createdAt + seconds * 1e6) return undefined;
  const error = errorBody('SYS.1001', `the operation[${job.operation}] did not end within ${seconds} seconds`);
  return { status: 503, body: { error } };
}

/** The body of a success: the inventory as it is now, or what the operation has to say instead. */
export async function presentOutcome(
  cloud: Cloud,
  traits: Traits | undefined,
  outcome: { uuid?: string; body?: Record<string, unknown> },
): Promise<Record<string, unknown>> {
  const body: Record<string, unknown> = { ...outcome.body };
  if (traits?.answer && outcome.uuid) return { ...body, ...(await traits.answer(cloud, outcome.uuid)) };
  if (!traits?.result || !outcome.uuid) return body;
  const inventory = await readInventory(cloud, traits.result, outcome.uuid);
  if (inventory) body['inventory'] = inventory;
  body['success'] = true;
  return body;
}
