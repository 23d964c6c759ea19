import { sql } from 'kysely';
import type { Database } from '../../database/database.ts';
import { type ScheduledKind, timingOf } from './model.ts';
import { plannedTimes } from './planned-times.ts';

/** What is asked for: so many spans of time, the first one around `startAt` (microseconds). */
export interface ReportWish {
  startAt: number;
  unit: 'hour' | 'day' | 'month';
  spans: number;
  kinds: readonly ScheduledKind[];
  /** All projects where it is left out. */
  projectId?: string;
}

/** For each span how often something was done. What a group had done at one time counts once. */
export interface Report {
  succeeded: number[];
  failed: number[];
  /** Of a group, by some of its jobs. */
  partly: number[];
  /** What goes on, and what is planned. */
  waiting: number[];
}

type Outcome = keyof Report;

/** What became of scheduled jobs over time, and what will be due. */
export async function reportOf(db: Database, wish: ReportWish): Promise<Report> {
  const limits = limitsOf(wish);
  const empty = () => Array<number>(wish.spans).fill(0);
  const report: Report = { succeeded: empty(), failed: empty(), partly: empty(), waiting: empty() };
  if (wish.spans === 0 || wish.kinds.length === 0) return report;
  for (const { span, outcome, times } of await whatWas(db, wish, limits)) report[outcome][span]! += times;
  for (const { next_at, created_at, ...trigger } of await whatWillBe(db, wish)) {
    const timing = timingOf(trigger, created_at);
    for (let span = 0; span < wish.spans; span += 1) {
      report.waiting[span]! += plannedTimes(timing, Math.max(next_at, limits[span]!), limits[span + 1]!);
    }
  }
  return report;
}

/** Where the spans begin, and where the last one ends; in UTC. */
function limitsOf({ startAt, unit, spans }: ReportWish): number[] {
  const date = new Date(startAt / 1000);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  const [dayOfMonth, hour] = [unit === 'month' ? 1 : date.getUTCDate(), unit === 'hour' ? date.getUTCHours() : 0];
  return Array.from({ length: spans + 1 }, (_, span) => {
    const [months, days, hours] = [unit === 'month', unit === 'day', unit === 'hour'].map((is) => (is ? span : 0));
    return Date.UTC(year, month + months!, dayOfMonth + days!, hour + hours!) * 1000;
  });
}

async function whatWas(db: Database, { kinds, projectId }: ReportWish, limits: readonly number[]) {
  const [begin, ...ends] = limits as [number, ...number[]];
  const branches = ends.map((end, span) => sql`when due_at < ${sql.lit(end)} then ${sql.lit(span)}`);
  // What is due is taken up at that time at the soonest: so an index leads there.
  const owned = projectId === undefined ? sql`` : sql`and project_id = ${projectId} and created_at >= ${begin}`;
  const { rows } = await sql<{ span: number; outcome: Outcome; times: number }>`
    select span, outcome, count(*) as times from (
      select case ${sql.join(branches, sql` `)} end as span,
        case when unfinished > 0 then 'waiting' when failed = 0 then 'succeeded' when succeeded = 0 then 'failed'
          else 'partly' end as outcome
      from (
        select min(due_at) as due_at,
          sum(case when finished_at is null then 1 else 0 end) as unfinished,
          sum(case when state = 'failed' then 1 else 0 end) as failed,
          sum(case when state = 'succeeded' then 1 else 0 end) as succeeded
        from schedule_firings
        where due_at >= ${begin} and due_at < ${ends.at(-1)!} and kind in (${sql.join(kinds)}) ${owned}
        group by coalesce(batch_id, id)) as times) as outcomes
    group by span, outcome`.execute(db.read);
  return rows.map(({ span, outcome, times }) => ({ span: Number(span), outcome, times: Number(times) }));
}

async function whatWillBe({ read }: Database, { kinds, projectId }: ReportWish) {
  const times = [
    ...(['trigger.kind', 'trigger.start_at', 'trigger.interval_seconds', 'trigger.repeat_count'] as const),
    ...(['trigger.cron', 'link.created_at'] as const),
  ];
  const jobs = read
    .selectFrom('schedule_links as link')
    .innerJoin('schedule_triggers as trigger', 'trigger.id', 'link.trigger_id')
    .innerJoin('schedule_jobs as job', 'job.id', 'link.job_id')
    .select(times)
    .select((e) => e.ref('link.next_at').$notNull().as('next_at'))
    .where('link.next_at', 'is not', null)
    .where('job.kind', 'in', kinds);
  const groups = read
    .selectFrom('schedule_group_links as link')
    .innerJoin('schedule_triggers as trigger', 'trigger.id', 'link.trigger_id')
    .innerJoin('schedule_groups as owner', 'owner.id', 'link.group_id')
    .select(times)
    .select((e) => e.ref('link.next_at').$notNull().as('next_at'))
    .where('link.next_at', 'is not', null)
    .where('owner.kind', 'in', kinds);
  return [
    ...(await (projectId === undefined ? jobs : jobs.where('job.project_id', '=', projectId)).execute()),
    ...(await (projectId === undefined ? groups : groups.where('owner.project_id', '=', projectId)).execute()),
  ];
}
