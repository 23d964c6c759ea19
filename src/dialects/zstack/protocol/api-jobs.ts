import { Type as T } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { parseId } from '../../../env/env.ts';
import { withJavaClasses } from '../query/java-classes.ts';
import { concludeJob } from './job-result.ts';
import { giveTraits, traitsOfId } from './traits.ts';
import { MalformedRequest } from './zstack-error.ts';

/** How long a poll waits for the job to end: shorter than any client's pause between two polls. */
const pollWaitMs = 1000;

/** Where 202 answers lead. It needs no session: who knows a job's id may know how it ended. */
export const queryJob = giveTraits(
  operation({
    id: 'QueryApiJob',
    dialect: 'zstack',
    group: 'jobs',
    method: 'GET',
    path: '/api-jobs/{jobUuid}',
    since: '1.0',
    mode: 'sync',
    allow: 'anyone',
    params: T.Object({ jobUuid: T.String({ description: 'The id of the job.' }) }),
    responses: { 200: T.Unknown(), 202: T.Object({}) },
    errors: [404, 503],
    title: 'Get the result of a job',
    summary:
      'Answers 202 while the job runs, 200 with its result or 503 with its error once it has ended, and 404 from three hours after that.',
    examples: [
      { title: 'A running job', params: { jobUuid: '7b2a4c0f8e5d4f6f9b1c2d3e4f5a6b7c' }, status: 202, response: {} },
    ],
    handle: async ({ cloud, params, raw }) => {
      const id = parseId(params.jobUuid);
      const job = id ? await cloud.jobs.find(id) : undefined;
      if (!job) throw new MalformedRequest('the job has been expired', 404);
      const result = await concludeJob(cloud, job, pollWaitMs);
      if (!result) return { status: 202, body: {} };
      return {
        status: result.status,
        body: withJavaClasses(traitsOfId(job.operation)?.response, raw, result.body),
      };
    },
  }),
  { message: 'GET /api-jobs', timeoutSeconds: 60 },
);
