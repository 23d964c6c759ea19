import type { ActionEventsTable, ActionsTable } from '../../database/schema.ts';
import type { Cloud } from '../cloud.ts';
import { notFound } from '../errors.ts';
import { ownsOrAdmin, type Subject } from '../identity/subject.ts';
import { serverNotFound } from './transition.ts';

/** One thing that was asked of a server, as its user reads it. */
export interface LoggedAction {
  id: string;
  name: string;
  requestId: string;
  serverId: string;
  projectId: string;
  userId: string;
  /** Microseconds. */
  startedAt: number;
  updatedAt: number;
  finishedAt: number | null;
  hasFailed: boolean;
  /** The host that it was done on, as far as its request knew. */
  hostId: string | null;
}

/** A span of work within it. A retried span is there several times. */
export interface LoggedEvent {
  name: string;
  startedAt: number;
  finishedAt: number | null;
  result: 'Success' | 'Error' | null;
  /** For administrators. */
  traceback: string | null;
}

/** What was done with servers: the journal of their actions, which outlives them. */
export class ServerLog {
  readonly #cloud: Cloud;
  readonly #ofServer;
  readonly #byRequest;
  readonly #events;

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
    this.#ofServer = cloud.db.prepare<{ serverId: string }, ActionsTable>((q, p) =>
      q
        .selectFrom('actions')
        .selectAll()
        .where('resource_id', '=', p.serverId)
        .where('resource_type', '=', 'server')
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .limit(1000),
    );
    this.#byRequest = cloud.db.prepare<{ serverId: string; requestId: string }, ActionsTable>((q, p) =>
      q
        .selectFrom('actions')
        .selectAll()
        .where('resource_id', '=', p.serverId)
        .where('request_id', '=', p.requestId)
        .orderBy('created_at', 'desc'),
    );
    this.#events = cloud.db.prepare<{ actionId: string }, ActionEventsTable>((q, p) =>
      q
        .selectFrom('action_events')
        .selectAll()
        .where('action_id', '=', p.actionId)
        .orderBy('started_at', 'desc')
        .orderBy('seq', 'desc'),
    );
  }

  /** The action that built the server, or is building it. */
  async creationOf(serverId: string): Promise<string | undefined> {
    return (await this.#ofServer.all({ serverId })).findLast(({ kind }) => kind === 'server.create')?.id;
  }

  /** Newest first; also of a server that is deleted. */
  async list(subject: Subject, serverId: string): Promise<LoggedAction[]> {
    await this.#mayRead(subject, serverId);
    return (await this.#ofServer.all({ serverId })).map(loggedAction);
  }

  /** One action by the id of the request that asked for it, with its events, those that began last first. */
  async get(
    subject: Subject,
    serverId: string,
    requestId: string,
  ): Promise<{ action: LoggedAction; events: LoggedEvent[] }> {
    await this.#mayRead(subject, serverId);
    const row = await this.#byRequest.first({ serverId, requestId });
    if (!row) throw notFound('action', requestId, `Action ${requestId} could not be found.`);
    const events = await this.#events.all({ actionId: row.id });
    return { action: loggedAction(row), events: events.map(loggedEvent) };
  }

  async #mayRead(subject: Subject, serverId: string): Promise<void> {
    const server = await this.#cloud.servers.byId(serverId);
    if (!ownsOrAdmin(subject, server.projectId)) throw serverNotFound(serverId);
  }
}

function loggedAction(row: ActionsTable): LoggedAction {
  return {
    id: row.id,
    name: row.name,
    requestId: row.request_id,
    serverId: row.resource_id,
    projectId: row.project_id,
    userId: row.user_id,
    startedAt: row.created_at,
    updatedAt: row.updated_at,
    finishedAt: row.finished_at,
    hostId: (JSON.parse(row.input) as { hostId?: string }).hostId ?? null,
    hasFailed: row.state === 'failed' || row.state === 'unwinding',
  };
}

function loggedEvent(row: ActionEventsTable): LoggedEvent {
  return {
    name: row.name,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    result: row.result,
    traceback: row.traceback,
  };
}
