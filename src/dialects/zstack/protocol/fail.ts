import type { Failure, FailureAnswer } from '../../../api/dialect.ts';
import { InvalidRequest, NoSuchOperation, UnexpectedError } from '../../../api/dialect.ts';
import { maxParamLength } from '../../../api/routes.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { preflightHeaders } from './cross-origin.ts';
import { describeError } from './describe-error.ts';
import { acceptFailedJob } from './failed-job.ts';
import { isKnownPath, knownOperations } from './known-operations.ts';
import { factsOf, type SessionProblem } from './request-facts.ts';
import { bodyKeyOf, notOffered, pathOf } from './select-operation.ts';
import { errorBody, invalidArgument, MalformedRequest, ZStackError } from './zstack-error.ts';

/**
 * The dialect's failures: plain text for requests that are malformed as HTTP, and 503 with an `error` body for all that
 * the API itself refuses. Never 401: clients look for the code in the body.
 */
export async function fail(failure: Failure): Promise<FailureAnswer> {
  const { error, request } = failure;
  if (error instanceof NoSuchOperation) return noSuchOperation(failure);
  if (error instanceof MalformedRequest) return { status: error.status, body: error.message };
  if (error instanceof InvalidRequest && error.rule === 'json') return { status: 400, body: error.message };
  const problem = factsOf(request)?.sessionProblem;
  const isRefusedSession = error instanceof CloudError && error.code === 'unauthenticated';
  if (problem && isRefusedSession && !(error instanceof ZStackError)) return sessionFailure(problem);
  const cause = error instanceof UnexpectedError ? error.cause : error;
  const body = describeError(cause, failure.operation, failure.requestId);
  return (await acceptFailedJob(failure, body)) ?? { status: 503, body: { error: body } };
}

function sessionFailure(problem: SessionProblem): FailureAnswer {
  if (problem === 'missing') return { status: 400, body: "missing header 'Authorization'" };
  if (problem === 'wrong scheme') return { status: 400, body: "Authorization type must be 'OAuth'" };
  if (problem === 'ill-formed key') return { status: 400, body: "accessKey format is 'ZStack AccessKeyId:Signature'" };
  if (problem === 'no date') return { status: 400, body: "'Date' must be incuded in request header" };
  if (problem === 'skewed') return { status: 403, body: 'requestTimeTooSkewed' };
  if (problem === 'expired') return { status: 503, body: { error: errorBody('ID.1001', 'Session expired') } };
  const words = problem === 'unknown key' ? 'access key id is not found, or disabled' : 'wrong accessKey signature';
  return { status: 503, body: { error: errorBody('ID.1001', words) } };
}

function noSuchOperation({ request }: Failure): FailureAnswer {
  // A browser asks before it sends what it was told to send.
  if (request.method === 'OPTIONS') return { status: 204, headers: preflightHeaders, body: '' };
  const path = pathOf(request);
  const known = knownOperations(request.method, path);
  const long = path.split('/').find((part) => part.length > maxParamLength);
  if (known && long !== undefined) return { status: 503, body: { error: tooLong(long).body } };
  if (known) return { status: 503, body: { error: notOffered(likeliest(known, request.body)).body } };
  if (path.startsWith('/api-jobs/')) return { status: 405, body: 'only GET method is allowed for querying job status' };
  if (isKnownPath(path)) {
    return { status: 405, body: `The method[${request.method}] is not allowed for the path[/v1${path}]` };
  }
  return { status: 404, body: `no api mapping to /v1${path}` };
}

function tooLong({ length }: string): ZStackError {
  return invalidArgument(`an id in the URL exceeds max length of string. expected was <= 64, actual was ${length}`);
}

function likeliest(ids: readonly string[], body: unknown): string {
  const named = typeof body === 'object' && body !== null && ids.find((id) => Object.hasOwn(body, bodyKeyOf(id)));
  return named || ids.join(', ');
}
