import type { Database, Tx } from '../database/database.ts';
import type { ActionEventsTable, ActionState, ActionStepsTable, ActionsTable } from '../database/schema.ts';
import type { ActionFailure } from './definition.ts';

/** Statements over the three tables of the journal, prepared once. */
export function journalStatements(db: Database) {
  return {
    action: db.prepare<{ id: string }, ActionsTable>((q, p) =>
      q.selectFrom('actions').selectAll().where('id', '=', p.id),
    ),
    steps: db.prepare<{ id: string }, ActionStepsTable>((q, p) =>
      q.selectFrom('action_steps').selectAll().where('action_id', '=', p.id).orderBy('seq'),
    ),
    events: db.prepare<{ id: string }, ActionEventsTable>((q, p) =>
      q.selectFrom('action_events').selectAll().where('action_id', '=', p.id).orderBy('seq'),
    ),
    insertAction: db.prepare<ActionsTable, never>((q, p) =>
      q.insertInto('actions').values({
        id: p.id,
        kind: p.kind,
        name: p.name,
        resource_type: p.resource_type,
        resource_id: p.resource_id,
        project_id: p.project_id,
        user_id: p.user_id,
        request_id: p.request_id,
        state: p.state,
        input: p.input,
        progress: p.progress,
        error: p.error,
        cancel_requested: p.cancel_requested,
        lease_owner: p.lease_owner,
        lease_expires_at: p.lease_expires_at,
        created_at: p.created_at,
        updated_at: p.updated_at,
        finished_at: p.finished_at,
      }),
    ),
    insertStep: db.prepare<ActionStepsTable, never>((q, p) =>
      q.insertInto('action_steps').values({
        action_id: p.action_id,
        seq: p.seq,
        path: p.path,
        name: p.name,
        outcome: p.outcome,
        state: p.state,
        undo: p.undo,
        error: p.error,
        ended_at: p.ended_at,
      }),
    ),
    openEvent: db.prepare<Omit<ActionEventsTable, 'finished_at' | 'result' | 'traceback'>, never>((q, p) =>
      q.insertInto('action_events').values({
        action_id: p.action_id,
        seq: p.seq,
        path: p.path,
        name: p.name,
        host: p.host,
        started_at: p.started_at,
        finished_at: null,
        result: null,
        traceback: null,
      }),
    ),
    closeEvent: db.prepare<
      Pick<ActionEventsTable, 'action_id' | 'seq' | 'finished_at' | 'result' | 'traceback'>,
      never
    >((q, p) =>
      q
        .updateTable('action_events')
        .set({ finished_at: p.finished_at, result: p.result, traceback: p.traceback })
        .where('action_id', '=', p.action_id)
        .where('seq', '=', p.seq),
    ),
    /** Touches the action if `owner` still holds it: the fence before every other write of a walk. */
    advance: db.prepare<
      {
        id: string;
        owner: string;
        state: ActionState;
        error: string | null;
        progress: number;
        now: number;
        expires: number;
      },
      never
    >((q, p) =>
      q
        .updateTable('actions')
        .set({ state: p.state, error: p.error, progress: p.progress, updated_at: p.now, lease_expires_at: p.expires })
        .where('id', '=', p.id)
        .where('lease_owner', '=', p.owner),
    ),
    finish: db.prepare<{ id: string; owner: string; state: ActionState; now: number }, never>((q, p) =>
      q
        .updateTable('actions')
        .set({ state: p.state, updated_at: p.now, finished_at: p.now, lease_owner: null })
        .where('id', '=', p.id)
        .where('lease_owner', '=', p.owner),
    ),
    /** Lets go of a parked action until `until`. */
    release: db.prepare<{ id: string; owner: string; until: number }, never>((q, p) =>
      q
        .updateTable('actions')
        .set({ lease_owner: null, lease_expires_at: p.until })
        .where('id', '=', p.id)
        .where('lease_owner', '=', p.owner),
    ),
    claim: db.prepare<{ id: string; owner: string; now: number; expires: number }, never>((q, p) =>
      q
        .updateTable('actions')
        .set({ lease_owner: p.owner, lease_expires_at: p.expires })
        .where('id', '=', p.id)
        .where('finished_at', 'is', null)
        .where((e) => e.or([e('lease_owner', 'is', null), e('lease_expires_at', '<', p.now)])),
    ),
    renew: db.prepare<{ owner: string; expires: number }, never>((q, p) =>
      q
        .updateTable('actions')
        .set({ lease_expires_at: p.expires })
        .where('lease_owner', '=', p.owner)
        .where('finished_at', 'is', null),
    ),
    /** The action that comes next for a resource: unfinished, the oldest; a parked one only while somebody walks it. */
    head: db.prepare<{ resourceId: string }, Pick<ActionsTable, 'id' | 'lease_owner' | 'lease_expires_at'>>((q, p) =>
      q
        .selectFrom('actions')
        .select(['id', 'lease_owner', 'lease_expires_at'])
        .where('resource_id', '=', p.resourceId)
        .where('finished_at', 'is', null)
        .where((e) => e.or([e('state', '!=', 'parked'), e('lease_owner', 'is not', null)]))
        .orderBy('created_at')
        .orderBy('id')
        .limit(1),
    ),
    /** What was asked of a resource after `since`. */
    later: db.prepare<{ resourceId: string; since: number }, Pick<ActionsTable, 'id'>>((q, p) =>
      q
        .selectFrom('actions')
        .select('id')
        .where('resource_id', '=', p.resourceId)
        .where('created_at', '>', p.since)
        .limit(1),
    ),
    requestCancel: db.prepare<{ resourceId: string }, never>((q, p) =>
      q
        .updateTable('actions')
        .set({ cancel_requested: 1 })
        .where('resource_id', '=', p.resourceId)
        .where('finished_at', 'is', null),
    ),
    requestCancelOf: db.prepare<{ id: string }, never>((q, p) =>
      q.updateTable('actions').set({ cancel_requested: 1 }).where('id', '=', p.id).where('finished_at', 'is', null),
    ),
  };
}

export type JournalStatements = ReturnType<typeof journalStatements>;

/** What a journal says of an action so far. */
export interface Journal {
  action: ActionsTable;
  steps: ActionStepsTable[];
  events: ActionEventsTable[];
}

export async function readJournal(statements: JournalStatements, id: string): Promise<Journal | undefined> {
  const action = await statements.action.first({ id });
  if (!action) return undefined;
  return { action, steps: await statements.steps.all({ id }), events: await statements.events.all({ id }) };
}

/** The action's state as the steps that are done, and not undone, have made it. */
export function stateOf(steps: readonly ActionStepsTable[]): Record<string, unknown> {
  const last = new Map(steps.map(({ path, outcome }) => [path, outcome]));
  const state = {};
  for (const { path, outcome, state: patch } of steps) {
    const counts = last.get(path) === 'done' || last.get(path) === 'undo_failed';
    if (counts && outcome === 'done' && patch) Object.assign(state, JSON.parse(patch));
  }
  return state;
}

/** The entry of a step's last run that was not undone since, if it is known when that ended. */
export function lastRun(steps: readonly ActionStepsTable[], path: string): ActionStepsTable | undefined {
  const undone = steps.findLastIndex((entry) => entry.path === path && entry.outcome === 'undone');
  const since = steps.slice(undone + 1).filter((entry) => entry.path === path);
  return since.findLast(({ outcome }) => outcome === 'done' || outcome === 'failed') ?? since[0];
}

/** The state that a step had when it last ran, whatever has been undone since: its undo needs the same. */
export function stateWhenRun(steps: readonly ActionStepsTable[], path: string): Record<string, unknown> {
  const ran = lastRun(steps, path);
  return stateOf(ran ? steps.slice(0, steps.indexOf(ran) + 1) : steps);
}

export function parseFailure(text: string | null): ActionFailure | undefined {
  return text === null ? undefined : (JSON.parse(text) as ActionFailure);
}

export type JournalWrite = (tx: Tx) => Promise<void>;
