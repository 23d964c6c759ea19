import type { ActionFailure } from '../../actions/definition.ts';
import type { Tx } from '../../database/database.ts';
import type { VolumeMessagesTable } from '../../database/schema.ts';
import { newId, withDashes } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import type { CloudCore } from '../core.ts';
import { notFound } from '../errors.ts';
import { ownsOrAdmin, projectOf, type Subject } from '../identity/subject.ts';

/** What a user is told of a failure, until it is old. */
export interface VolumeMessage {
  id: string;
  projectId: string;
  requestId: string;
  /** As `VOLUME_VOLUME_001_002`: resource, what was done, what went wrong. */
  eventId: string;
  resourceType: string;
  resourceId: string | null;
  level: 'ERROR';
  text: string;
  createdAt: number;
  expiresAt: number;
}

function fromRow(row: VolumeMessagesTable): VolumeMessage {
  return {
    id: row.id,
    projectId: row.project_id,
    requestId: row.request_id,
    eventId: row.event_id,
    resourceType: row.resource_type,
    resourceId: row.resource_id,
    level: row.level,
    text: row.text,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}

/** How long a message is kept, microseconds: 30 days, as Cinder keeps them. */
const lifetime = 30 * 24 * 3600 * 1_000_000;

/** Cinder's numbers of what was being done. */
const doings = {
  schedule: ['001', 'schedule allocate volume'],
  copyToImage: ['003', 'copy volume to image'],
  extend: ['007', 'extend volume'],
  createBackup: ['013', 'create backup'],
  restoreBackup: ['015', 'restore backup'],
  createSnapshot: ['016', 'create snapshot'],
  revert: ['018', 'revert volume to snapshot'],
  create: ['021', 'create volume from backend storage'],
  reimage: ['023', 'reimage volume'],
} as const;

/** What went wrong: Cinder's number and its words. What hosts say of themselves is not for users. */
const details: Record<string, readonly [string, string]> = {
  no_valid_host: ['002', 'Could not find any available weighted backend.'],
  no_space: ['010', 'Storage has no room for it.'],
};
const unknown = ['001', 'An unknown error occurred.'] as const;

/** Tells the owner of a thing that something failed, in the transaction that settles it. */
export async function noteFailure(
  core: Pick<CloudCore, 'env'>,
  tx: Tx,
  about: {
    doing: keyof typeof doings;
    actionId: string;
    kind: 'VOLUME' | 'VOLUME_SNAPSHOT' | 'VOLUME_BACKUP';
    id: string;
  },
  failure: ActionFailure,
): Promise<void> {
  const action = await tx
    .selectFrom('actions')
    .select(['project_id', 'request_id'])
    .where('id', '=', about.actionId)
    .executeTakeFirst();
  if (!action?.project_id) return;
  const [number, doing] = doings[about.doing];
  const [detail, words] = details[failure.code] ?? unknown;
  const now = core.env.now();
  await tx
    .insertInto('volume_messages')
    .values({
      id: newId(core.env),
      project_id: action.project_id,
      request_id: action.request_id,
      event_id: `VOLUME_${about.kind}_${number}_${detail}`,
      resource_type: about.kind,
      resource_id: about.id,
      level: 'ERROR',
      text: `${doing}:${words}`,
      created_at: now,
      expires_at: now + lifetime,
    })
    .execute();
}

export interface MessageFilter {
  eventId?: string;
  resourceType?: string;
  resourceId?: string;
  requestId?: string;
  level?: string;
}

export class VolumeMessages {
  readonly #cloud: Cloud;

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  /** The messages of the subject's project, the newest first. */
  async list(subject: Subject, filter: MessageFilter = {}): Promise<VolumeMessage[]> {
    const { db, env } = this.#cloud;
    let query = db.read
      .selectFrom('volume_messages')
      .selectAll()
      .where('project_id', '=', projectOf(subject))
      .where('expires_at', '>', env.now());
    const columns = {
      event_id: filter.eventId,
      resource_type: filter.resourceType,
      resource_id: filter.resourceId,
      request_id: filter.requestId,
      level: filter.level,
    } as const;
    for (const [column, value] of Object.entries(columns)) {
      if (value !== undefined) query = query.where(column as keyof typeof columns, '=', value as never);
    }
    const rows = await query.orderBy('created_at', 'desc').orderBy('id').execute();
    return rows.map(fromRow);
  }

  async get(subject: Subject, id: string): Promise<VolumeMessage> {
    const row = await this.#cloud.db.read
      .selectFrom('volume_messages')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst();
    if (!row || row.expires_at <= this.#cloud.env.now() || !ownsOrAdmin(subject, row.project_id)) {
      throw notFound('message', id, `Message ${withDashes(id)} could not be found.`);
    }
    return fromRow(row);
  }

  async delete(subject: Subject, id: string): Promise<void> {
    await this.get(subject, id);
    await this.#cloud.db.write((tx) => tx.deleteFrom('volume_messages').where('id', '=', id).execute());
  }

  /** Removes what is old. */
  async sweep(): Promise<void> {
    const now = this.#cloud.env.now();
    await this.#cloud.db.write((tx) => tx.deleteFrom('volume_messages').where('expires_at', '<=', now).execute());
  }
}
