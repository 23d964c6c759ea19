import type { FastifyRequest } from 'fastify';
import type { TObject } from 'typebox';
import type { AnyOperation, Call } from '../../../api/operation.ts';
import { checkStorable } from '../../../api/storable-text.ts';
import { validatorCompiler } from '../../../api/validation.ts';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { LongJob } from '../../../cloud/long-jobs/long-jobs.ts';
import { type Env, newId, withDashes } from '../../../env/env.ts';
import type { ErrorBody } from './error-codes.ts';
import { readFields } from './field-types.ts';
import { concludeJob } from './job-result.ts';
import { requirePermission } from './permission.ts';
import { operationOfMessage } from './traits.ts';
import { invalidArgument, ZStackError } from './zstack-error.ts';

/** A request as somebody wrote it into a long job: checked, and ready to be made. */
export interface PlannedRequest {
  operation: AnyOperation;
  params: Record<string, unknown>;
  query: Record<string, unknown>;
  body: Record<string, unknown> | undefined;
  /** The uuid of what it makes, where it makes something. */
  makes?: string;
}

const compile = validatorCompiler({ unknownMembers: 'keep' });

/** Reads a long job's request, and chooses what it leaves to chance. Throws for names of no asynchronous operation, and for fields that it does not take. */
export function planRequest(env: Env, subject: Subject, jobName: string, jobData: string): PlannedRequest {
  const operation = operationOfMessage(jobName);
  if (operation?.mode !== 'async') throw invalidArgument(`no long job handler is found for jobName[${jobName}]`);
  if (operation.allow === 'admin' && !subject.isAdmin) {
    throw new ZStackError('ID.1002', `operation[API:${operation.id}] is denied, the account is no administrator`);
  }
  requirePermission(subject, operation);
  let data: unknown;
  try {
    data = JSON.parse(jobData || '{}');
  } catch {
    data = undefined;
  }
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    throw invalidArgument('field[jobData] must be a JSON object');
  }
  checkStorable(jobData, data);
  const fields = data as Record<string, unknown>;
  const read = (schema: unknown) => (schema ? readFields(schema as TObject, fields) : undefined);
  const planned = {
    operation,
    params: read(operation.params) ?? {},
    query: read(operation.query) ?? {},
    body: read(operation.body),
  };
  const validate = compile(operation);
  validate.params(planned.params);
  validate.query(planned.query);
  if (planned.body) validate.body(planned.body);
  if (!planned.body || !('resourceUuid' in (operation.body as unknown as TObject).properties)) return planned;
  // Chosen now, so that the long job can say from its beginning what it makes.
  const makes = (planned.body['resourceUuid'] as string | undefined) ?? newId(env);
  return { ...planned, body: { ...planned.body, resourceUuid: makes }, makes };
}

/** Makes the request of a long job, as a job of the id that the long job says. */
export async function startLongJob(
  call: Pick<Call, 'cloud' | 'subject' | 'raw' | 'origin'>,
  longJob: LongJob,
  { operation, params, query, body }: PlannedRequest,
): Promise<void> {
  const { cloud, origin } = call;
  const requestId = `req-${withDashes(longJob.jobId)}`;
  const request: Call = {
    cloud,
    origin,
    params,
    query,
    body,
    requestId,
    subject: { ...call.subject, requestId },
    mount: {},
    base: '',
    context: {},
    raw: withoutJobHeaders(call.raw),
    reply: undefined as never,
  };
  // What it refuses is the job's answer already.
  const handle = async () => operation.handle(request as Parameters<typeof operation.handle>[0]);
  await handle().catch(() => undefined);
  void settleLater(cloud, longJob);
}

/** The request without what its headers say of the job that submits the long job. */
function withoutJobHeaders(raw: FastifyRequest): FastifyRequest {
  const own = ['x-job-uuid', 'x-web-hook', 'x-json-schema'];
  const headers = Object.fromEntries(Object.entries(raw.headers).filter(([name]) => !own.includes(name)));
  return Object.create(raw, { headers: { value: { ...headers, prefer: 'wait=0' } } }) as FastifyRequest;
}

const pollMs = 30_000;

async function settleLater(cloud: Cloud, longJob: LongJob): Promise<void> {
  try {
    while (!(await settle(cloud, longJob, pollMs)));
  } catch (error) {
    // The cloud was closed, or the database is away: whoever asks for the long job settles it.
    if (error instanceof CloudError) return;
  }
}

/** Operations say in their own words what failed, and under these why. */
function isCancelled(error: ErrorBody | undefined): boolean {
  return error !== undefined && (error.code === 'SYS.1017' || isCancelled(error.cause));
}

/** Writes down how a long job ended, if it has. */
export async function settle(cloud: Cloud, longJob: LongJob, waitMs: number): Promise<boolean> {
  const job = await cloud.jobs.find(longJob.jobId);
  if (!job) {
    const result = { error: { code: 'SYS.1012', details: 'the job has been expired' } };
    await cloud.longJobs.finish(longJob.id, 'Failed', result);
    return true;
  }
  // Lists show what a long job's result is: what is kept apart stays so.
  const result = job.result?.isBrief ? job.result : await concludeJob(cloud, job, waitMs);
  if (!result) return false;
  const error = result.body['error'] as ErrorBody | undefined;
  const state = result.status === 200 ? 'Succeeded' : isCancelled(error) ? 'Canceled' : 'Failed';
  await cloud.longJobs.finish(longJob.id, state, result.body);
  return true;
}
