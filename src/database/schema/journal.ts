/** The action journal, and what clients hold of it. */
import type { Flag, Json, Micros } from './columns.ts';

export type ActionState = 'pending' | 'running' | 'unwinding' | 'succeeded' | 'failed' | 'parked';

/** One long operation. Its steps and events are below; all three are what users read as the operation's log. */
export interface ActionsTable {
  id: string;
  /** The registered action, as `server.rebuild`. */
  kind: string;
  /** The name its users know, as `rebuild`. */
  name: string;
  resource_type: string;
  resource_id: string;
  project_id: string;
  user_id: string;
  /** `req-` and a dashed UUID: the API request that asked for it. */
  request_id: string;
  state: ActionState;
  input: Json;
  /** 0 to 100, as far as a step tells. */
  progress: number;
  /** `ActionFailure`: the first cause. */
  error: Json | null;
  cancel_requested: Flag;
  /** The control plane process that walks it, until `lease_expires_at`. */
  lease_owner: string | null;
  lease_expires_at: Micros;
  created_at: Micros;
  updated_at: Micros;
  finished_at: Micros | null;
}

/** Steps that ended, in the order in which they ended; and spans that are, or were, undone to be tried again. */
export interface ActionStepsTable {
  action_id: string;
  seq: number;
  /** The step's place in the action's definition, as `0.3`. */
  path: string;
  name: string;
  outcome: 'done' | 'failed' | 'undone' | 'undo_failed' | 'unwinding' | 'unwound';
  /** What the step added to the action's state. */
  state: Json | null;
  /** What its undo needs. */
  undo: Json | null;
  error: Json | null;
  ended_at: Micros;
}

/** Spans of work that a user sees. A retried span has a row for each attempt. */
export interface ActionEventsTable {
  action_id: string;
  seq: number;
  path: string;
  name: string;
  host: string | null;
  started_at: Micros;
  finished_at: Micros | null;
  result: 'Success' | 'Error' | null;
  traceback: string | null;
}

/** A client's handle on a request whose work goes on (ZStack's api-jobs). */
export interface JobsTable {
  id: string;
  operation: string;
  user_id: string;
  project_id: string;
  action_id: string | null;
  /** The answer, once there is one: `{status, body}`. */
  result: Json | null;
  web_hook: string | null;
  /** When the web hook is next to be looked after; null where nothing is owed to it (any more). */
  hook_due_at: Micros | null;
  /** How often it was told in vain. */
  hook_tries: number;
  /** Until when a process says that it goes on with the job after its action. */
  continued_until: Micros | null;
  created_at: Micros;
  finished_at: Micros | null;
}

/** Members of a job's answer that are large and soon worthless. */
export interface JobBriefResultsTable {
  job_id: string;
  project_id: string;
  body: Json;
  created_at: Micros;
  expires_at: Micros;
}

/** ZStack's user and system tags. */
export interface ResourceTagsTable {
  id: string;
  kind: 'user' | 'system';
  /** The engine's name of the resource type, as `server`. */
  resource_type: string;
  resource_id: string;
  project_id: string;
  tag: string;
  inherent: Flag;
  created_at: Micros;
  updated_at: Micros;
  /** The pattern that it was made of. */
  pattern_id: string | null;
}

/** Tags that many resources wear: a name, a colour, and the text, perhaps with words to be filled in. */
export interface TagPatternsTable {
  id: string;
  project_id: string;
  name: string;
  value: string;
  description: string | null;
  color: string | null;
  type: 'simple' | 'withToken';
  created_at: Micros;
  updated_at: Micros;
}
