import type { ActionState, ActionsTable } from '../../database/schema.ts';
import type { SpanNode } from './span-tree.ts';

/** A long operation as those who watch the cloud see it. Times are microseconds. */
export interface Activity {
  id: string;
  /** The registered action, as `server.rebuild`. */
  kind: string;
  /** The name its users know, as `rebuild`. */
  name: string;
  resourceType: string;
  resourceId: string;
  /** Null for resources that have none, or that are gone for good. */
  resourceName: string | null;
  projectId: string;
  userId: string;
  requestId: string;
  state: ActionState;
  /** 0 to 100. */
  progress: number;
  /** The first cause of a failure. */
  failure: { code: string; message: string; step: string } | null;
  createdAt: number;
  updatedAt: number;
  finishedAt: number | null;
}

/** A step that ended, by its place in the action's definition. */
export interface StepEnd {
  name: string;
  path: string;
  outcome: string;
  endedAt: number;
}

export interface ActivityDetail extends Activity {
  spans: SpanNode[];
  steps: StepEnd[];
}

export function activityFromRow(row: ActionsTable, resourceName: string | null): Activity {
  return {
    id: row.id,
    kind: row.kind,
    name: row.name,
    resourceType: row.resource_type,
    resourceId: row.resource_id,
    resourceName,
    projectId: row.project_id,
    userId: row.user_id,
    requestId: row.request_id,
    state: row.state,
    progress: row.finished_at === null ? row.progress : 100,
    failure: failureOf(row.error),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    finishedAt: row.finished_at,
  };
}

function failureOf(text: string | null): Activity['failure'] {
  if (!text) return null;
  const { code, message, step } = JSON.parse(text) as { code?: string; message?: string; step?: string };
  return { code: code ?? 'failed', message: message ?? '', step: step ?? '' };
}
