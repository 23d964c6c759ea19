import type { Failure, FailureAnswer } from '../../../api/dialect.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { ErrorBody } from './error-codes.ts';
import { jobLocation } from './job-location.ts';
import { factsOf } from './request-facts.ts';
import { readJobHeaders } from './request-headers.ts';
import { traitsOf } from './traits.ts';

/**
 * The Java SDK understands the failure of an asynchronous operation only where it polls for it: it gets a job that has
 * failed already; so does whoever named a web hook, which is told. Undefined for other callers and operations.
 */
export async function acceptFailedJob(
  { request, origin, operation }: Failure,
  error: ErrorBody,
): Promise<FailureAnswer | undefined> {
  const facts = factsOf(request);
  if (!facts || operation?.mode !== 'async') return undefined;
  try {
    const headers = readJobHeaders(request);
    const { webHook, wantsSchema } = headers;
    if (!wantsSchema && !webHook) return undefined;
    const { jobs } = facts.cloud;
    const job = await jobs.begin(undefined, { id: headers.chosenJobId, operation: operation.id, webHook });
    await jobs.finish(job.id, { status: 503, body: { error } });
    return { status: 202, body: jobLocation(origin, job.id, traitsOf(operation).timeoutSeconds) };
  } catch (problem) {
    // The id is taken, or is none: then the failure is told at once.
    if (problem instanceof CloudError) return undefined;
    throw problem;
  }
}
