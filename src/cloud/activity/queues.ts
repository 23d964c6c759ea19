import type { Queryable } from '../../database/database.ts';

/** A piece of work that is done on a resource, or waits for those before it: actions of one resource take turns. */
export interface QueuedWork {
  id: string;
  kind: string;
  /** As its users know it. */
  name: string;
  resourceType: string;
  resourceId: string;
  requestId: string;
  /** Microseconds; when its first step began is null while it waits. */
  createdAt: number;
  startedAt: number | null;
}

const maxRows = 1000;

/** What has not ended, the oldest first: of all resources, or of these. */
export async function queuedWork(db: Queryable, resourceIds?: readonly string[]): Promise<QueuedWork[]> {
  let query = db
    .selectFrom('actions')
    .select(['id', 'kind', 'name', 'resource_type', 'resource_id', 'request_id', 'state', 'created_at', 'updated_at'])
    .select((eb) =>
      eb
        .selectFrom('action_events')
        .select((e) => e.fn.min('started_at').as('at'))
        .whereRef('action_events.action_id', '=', 'actions.id')
        .as('began'),
    )
    .where('finished_at', 'is', null)
    .where('state', '!=', 'parked');
  if (resourceIds) query = query.where('resource_id', 'in', [...resourceIds]);
  const rows = await query.orderBy('created_at').orderBy('id').limit(maxRows).execute();
  return rows.map((row) => ({
    id: row.id,
    kind: row.kind,
    name: row.name,
    resourceType: row.resource_type,
    resourceId: row.resource_id,
    requestId: row.request_id,
    createdAt: row.created_at,
    startedAt: row.state === 'pending' ? null : Number(row.began ?? row.updated_at),
  }));
}
