import type { Database, Tx } from '../../database/database.ts';
import type { Schema } from '../../database/schema.ts';
import { takeTurn } from '../../database/turns.ts';
import { CloudError } from '../errors.ts';
import { ownsOrAdmin, type Subject } from '../identity/subject.ts';
import { groupNotFound, jobNotFound, triggerNotFound } from './model.ts';

/** What projects have of schedules. */
type OwnedTable = 'schedule_jobs' | 'schedule_triggers' | 'schedule_groups';

/** How many of each a project may have. */
const maxPerProject = 80;

const missing = {
  schedule_jobs: jobNotFound,
  schedule_triggers: triggerNotFound,
  schedule_groups: groupNotFound,
} as const;

/**
 * One of them that the subject may look after. Throws `not_found`.
 * @param lock held until the transaction ends
 */
export async function ownedRow<Table extends OwnedTable>(
  tx: Tx,
  table: Table,
  subject: Subject,
  id: string,
  { lock = false } = {},
): Promise<Schema[Table]> {
  const query = tx
    .selectFrom(table as OwnedTable)
    .selectAll()
    .where('id', '=', id);
  const row = await (lock ? query.forUpdate() : query).executeTakeFirst();
  if (!row || !ownsOrAdmin(subject, row.project_id)) throw missing[table](id);
  return row as Schema[Table];
}

/** Throws `quota_exceeded` where the project has as many as it may have. Others of the same project wait meanwhile. */
export async function requireRoom(
  { kind }: Pick<Database, 'kind'>,
  tx: Tx,
  table: OwnedTable,
  projectId: string,
): Promise<void> {
  await takeTurn({ kind }, tx, `${table} ${projectId}`);
  const count = tx.selectFrom(table).select((e) => e.fn.countAll<number>().as('count'));
  const { count: has } = await count.where('project_id', '=', projectId).executeTakeFirstOrThrow();
  if (Number(has) < maxPerProject) return;
  const what = {
    schedule_jobs: 'scheduled jobs',
    schedule_triggers: 'triggers of scheduled jobs',
    schedule_groups: 'groups of scheduled jobs',
  }[table];
  throw new CloudError('quota_exceeded', `A project can have ${maxPerProject} ${what}.`, { reason: table });
}

/** What is undefined stays as it is. */
export function given<Values extends object>(values: Values): Values {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Values;
}
