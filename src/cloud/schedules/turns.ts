import { sql } from 'kysely';
import type { Database, PreparedQuery } from '../../database/database.ts';
import type { ScheduleFiringsTable } from '../../database/schema.ts';

/** How long one process has to begin what it took up; then another one looks what became of it. Microseconds. */
export const holdUs = 60_000_000;

/** How many firings of a project are taken up within a second. What is due beyond that waits for its turn. */
export const maxPerSecond = 10;

const second = 1_000_000;

/** A link that is due: of a job, or of a group of jobs. */
export interface DueLink {
  id: string;
  owner: 'job' | 'group';
  owner_id: string;
  trigger_id: string;
  next_at: number;
  created_at: number;
  /** How many links of its project are due now. */
  crowd: number;
}

/** Who is next: projects take turns, and within a project whoever has waited the longest. */
export interface Turns {
  /** Links that are due. */
  links(now: number, limit: number): Promise<DueLink[]>;
  /** Firings that nobody has begun yet, or whose process had a minute for that. */
  firings(now: number, limit: number): Promise<ScheduleFiringsTable[]>;
}

interface Params {
  now: number;
  /** Who is held until later was taken up within the last second. */
  heldAfter: number;
  most: number;
  limit: number;
}

/** `turn` is which one within the last second it would be in its project. */
const recent = (heldAfter: unknown) =>
  sql`recent as (select project_id, count(*) as taken from schedule_firings where held_until > ${heldAfter}
    group by project_id)`;

export function turnsOf(db: Database): Turns {
  const links: PreparedQuery<Params, DueLink> = db.prepare<Params, DueLink>((q, p) =>
    q
      .selectFrom(
        sql<DueLink & { turn: number }>`(
          with ${recent(p.heldAfter)},
          due as (
            select id, 'job' as owner, job_id as owner_id, trigger_id, project_id, next_at, created_at
              from schedule_links where next_at <= ${p.now}
            union all
            select id, 'group' as owner, group_id as owner_id, trigger_id, project_id, next_at, created_at
              from schedule_group_links where next_at <= ${p.now})
          select due.*, count(*) over (partition by due.project_id) as crowd,
            row_number() over (partition by due.project_id order by due.next_at, due.id) + coalesce(recent.taken, 0) as turn
          from due left join recent on recent.project_id = due.project_id)`.as('link'),
      )
      .selectAll()
      .where('turn', '<=', p.most)
      .orderBy('turn')
      .orderBy('next_at')
      .limit(p.limit),
  );
  const firings = db.prepare<Params, ScheduleFiringsTable>((q, p) =>
    q
      .selectFrom(
        sql<ScheduleFiringsTable & { turn: number }>`(
          with ${recent(p.heldAfter)}
          select firing.*,
            row_number() over (partition by firing.project_id order by firing.created_at, firing.id)
              + coalesce(recent.taken, 0) as turn
          from schedule_firings as firing left join recent on recent.project_id = firing.project_id
          where firing.finished_at is null and firing.state = 'due' and firing.held_until < ${p.now})`.as('firing'),
      )
      .selectAll()
      .where('turn', '<=', p.most)
      .orderBy('turn')
      .orderBy('created_at')
      .limit(p.limit),
  );
  const paramsOf = (now: number, limit: number): Params => ({
    ...{ now, limit, most: maxPerSecond },
    heldAfter: now + holdUs - second,
  });
  return {
    links: (now, limit) => links.all(paramsOf(now, limit)),
    firings: (now, limit) => firings.all(paramsOf(now, limit)),
  };
}
