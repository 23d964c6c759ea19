/** What is to be done at which times, and what was. */
import type { Flag, Json, Micros } from './columns.ts';

export interface ScheduleJobsTable {
  id: string;
  project_id: string;
  user_id: string;
  name: string;
  description: string | null;
  /** What is done: `server.stop` and the like. */
  kind: string;
  target_id: string;
  parameters: Json;
  enabled: Flag;
  created_at: Micros;
  updated_at: Micros;
}

export interface ScheduleTriggersTable {
  id: string;
  project_id: string;
  user_id: string;
  name: string;
  description: string | null;
  kind: 'simple' | 'cron';
  interval_seconds: number | null;
  /** How often; 0 without end. */
  repeat_count: number;
  cron: string | null;
  /** Null where it begins when a job is added to it. */
  start_at: Micros | null;
  created_at: Micros;
  updated_at: Micros;
}

/** A job that a trigger fires. */
export interface ScheduleLinksTable {
  id: string;
  job_id: string;
  trigger_id: string;
  project_id: string;
  /** When it is due; null while its job is disabled or in a group, and after the last time. */
  next_at: Micros | null;
  created_at: Micros;
  updated_at: Micros;
}

/** Jobs of one kind that their triggers fire together. */
export interface ScheduleGroupsTable {
  id: string;
  project_id: string;
  user_id: string;
  name: string;
  description: string | null;
  /** What its jobs do. */
  kind: string;
  /** In the place of what its jobs say, where there are any. */
  parameters: Json;
  enabled: Flag;
  created_at: Micros;
  updated_at: Micros;
}

/** A job that is in a group. */
export interface ScheduleGroupJobsTable {
  group_id: string;
  job_id: string;
  created_at: Micros;
  updated_at: Micros;
}

/** A group that a trigger fires. */
export interface ScheduleGroupLinksTable {
  id: string;
  group_id: string;
  trigger_id: string;
  project_id: string;
  /** When it is due; null while the group is disabled, and after the last time. */
  next_at: Micros | null;
  created_at: Micros;
  updated_at: Micros;
}

/** A job that was due at a time: there is one for each, whatever became of it. */
export interface ScheduleFiringsTable {
  id: string;
  job_id: string;
  trigger_id: string;
  project_id: string;
  user_id: string;
  kind: string;
  target_id: string;
  parameters: Json;
  due_at: Micros;
  state: 'due' | 'begun' | 'succeeded' | 'failed';
  /** Until then one process of the control plane begins it, and no other one does. */
  held_until: Micros;
  /** What does it. */
  action_id: string | null;
  error: string | null;
  created_at: Micros;
  finished_at: Micros | null;
  /** Where it was due as a part of this group. */
  group_id: string | null;
  /** What all have in common that the group had done at that time. */
  batch_id: string | null;
}
