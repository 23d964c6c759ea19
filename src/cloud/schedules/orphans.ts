import type { Tx } from '../../database/database.ts';

const owned = ['schedule_jobs', 'schedule_triggers', 'schedule_groups'] as const;

/** Nothing is done any more for a project that is deleted. What was done is remembered as long as anything. */
export async function forgetSchedulesOf(tx: Tx, projectId: string): Promise<void> {
  for (const table of owned) await tx.deleteFrom(table).where('project_id', '=', projectId).execute();
}

/** The same for all projects that are gone: who was asking for something when they were deleted may have got it. */
export async function forgetOrphans(tx: Tx): Promise<void> {
  for (const table of owned) {
    await tx
      .deleteFrom(table)
      .where('project_id', 'not in', (e) => e.selectFrom('projects').select('id'))
      .execute();
  }
}
