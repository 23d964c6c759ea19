import type { JobsTable, Json } from '../../database/schema.ts';

/** A client's handle on a request whose work goes on after the answer. */
export interface Job {
  /** Chosen by the client, or made here. */
  id: string;
  /** The operation that was asked for, in the words of the dialect that keeps the job. */
  operation: string;
  userId: string;
  projectId: string;
  /** The action that does the work; absent for work that was done before the answer, or not yet begun. */
  actionId?: string;
  /** How the answer is to be made once the action has ended; the dialect's own. */
  plan?: Record<string, unknown>;
  /** The answer, once there is one; without the members that are kept apart (`Jobs.resultOf`). */
  result?: JobResult;
  /** Where the answer is to be sent when there is one. */
  webHook?: string;
  /** Until when a process says that it goes on with the job after its action, microseconds. */
  continuedUntil?: number;
  /** Microseconds. */
  createdAt: number;
  finishedAt?: number;
}

export interface JobResult {
  /** The HTTP status that goes with the body. */
  status: number;
  body: Record<string, unknown>;
  /** Whether members of the body are kept apart, and not for long. */
  isBrief?: true;
}

/** The column `result` holds the plan until the job is finished, and the answer from then on. */
export function jobFromRow(row: JobsTable): Job {
  const job: Job = {
    id: row.id,
    operation: row.operation,
    userId: row.user_id,
    projectId: row.project_id,
    createdAt: row.created_at,
  };
  if (row.action_id !== null) job.actionId = row.action_id;
  if (row.continued_until !== null) job.continuedUntil = row.continued_until;
  if (row.web_hook !== null) job.webHook = row.web_hook;
  if (row.finished_at === null) {
    if (row.result !== null) job.plan = parsed(row.result);
    return job;
  }
  job.finishedAt = row.finished_at;
  if (row.result !== null) job.result = parsed(row.result) as unknown as JobResult;
  return job;
}

function parsed(json: Json): Record<string, unknown> {
  return JSON.parse(json) as Record<string, unknown>;
}
