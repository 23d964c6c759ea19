import type { SendProgress } from '../../agent/contract.ts';
import type { ActionStepsTable, ActionsTable } from '../../database/schema.ts';
import type { Cloud } from '../cloud.ts';
import type { FlavorFacts } from './model.ts';

/** How a server gets another place: Nova's words. */
export type MigrationKind = 'resize' | 'migration' | 'live-migration' | 'evacuation';

/** A server that got another place: another size, or another host. */
export interface ServerMigration {
  id: string;
  kind: MigrationKind;
  serverId: string;
  projectId: string;
  userId: string;
  /** Nova's words, which are others for each kind. */
  status: string;
  isUnderWay: boolean;
  /** Names of hosts, as far as they are there and chosen. */
  sourceHost: string | null;
  targetHost: string | null;
  oldFlavor: FlavorFacts;
  newFlavor: FlavorFacts;
  /** Microseconds. */
  createdAt: number;
  updatedAt: number;
}

/** What of the journal's actions is a migration. */
const kinds: Readonly<Record<string, MigrationKind>> = {
  'server.resize': 'resize',
  'server.migrate': 'migration',
  'server.live-migrate': 'live-migration',
  'server.evacuate': 'evacuation',
};
/** And what ends one that can be reverted. */
const endings = ['server.confirm-resize', 'server.revert-resize'] as const;
/** Steps after which a migration has come further. */
const milestones = ['claimTarget', 'copyDisks', 'makeEmptyDisks'] as const;

/** Which servers were moved between sizes and hosts: read from the journal of their actions. */
export class ServerMigrations {
  readonly #cloud: Cloud;

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  /** The newest first. For administrators, which the caller has checked. */
  async list(filter: { serverId?: string } = {}): Promise<ServerMigration[]> {
    const { read } = this.#cloud.db;
    let query = read
      .selectFrom('actions')
      .selectAll()
      .where('resource_type', '=', 'server')
      .where('kind', 'in', [...Object.keys(kinds), ...endings])
      .orderBy('created_at')
      .orderBy('id');
    if (filter.serverId) query = query.where('resource_id', '=', filter.serverId);
    const rows = await query.execute();
    const steps = await read
      .selectFrom('action_steps')
      .innerJoin('actions', 'actions.id', 'action_steps.action_id')
      .selectAll('action_steps')
      .where('actions.kind', 'in', Object.keys(kinds))
      .where('action_steps.name', 'in', milestones)
      .where('outcome', '=', 'done')
      .execute();
    const stepsOf = Map.groupBy(steps, ({ action_id }) => action_id);
    const hosts = new Map((await this.#cloud.hosts.list()).map(({ id, name }) => [id, name]));
    const migrations: ServerMigration[] = [];
    const last = new Map<string, ServerMigration>();
    for (const row of rows) {
      const kind = kinds[row.kind];
      if (!kind) {
        end(last.get(row.resource_id), row);
        continue;
      }
      const migration = begun(row, kind, stepsOf.get(row.id) ?? [], hosts);
      migrations.push(migration);
      last.set(row.resource_id, migration);
    }
    return migrations.reverse();
  }

  /** The live migrations of a server that are under way. */
  async live(serverId: string): Promise<ServerMigration[]> {
    const all = await this.list({ serverId });
    return all.filter(({ kind, isUnderWay }) => kind === 'live-migration' && isUnderWay);
  }

  /** How far the server's guest has been sent, if it is being sent now. Bytes. */
  progress(serverId: string): Promise<SendProgress | undefined> {
    return this.#cloud.servers.sendings.progress(serverId);
  }
}

function begun(
  row: ActionsTable,
  kind: MigrationKind,
  steps: readonly ActionStepsTable[],
  hosts: ReadonlyMap<string, string>,
): ServerMigration {
  const input = JSON.parse(row.input) as { hostId: string; oldFlavor?: FlavorFacts; newFlavor: FlavorFacts };
  const done = new Set(steps.map(({ name }) => name));
  const claimed = steps.find(({ name }) => name === 'claimTarget')?.state;
  const { targetHostId } = JSON.parse(claimed ?? '{}') as { targetHostId?: string };
  return {
    id: row.id,
    kind,
    serverId: row.resource_id,
    projectId: row.project_id,
    userId: row.user_id,
    status: row.finished_at === null ? statusUnderWay(kind, done) : finalStatus(kind, row),
    isUnderWay: row.finished_at === null,
    sourceHost: hosts.get(input.hostId) ?? null,
    targetHost: targetHostId === undefined ? null : (hosts.get(targetHostId) ?? null),
    oldFlavor: input.oldFlavor ?? input.newFlavor,
    newFlavor: input.newFlavor,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function statusUnderWay(kind: MigrationKind, done: ReadonlySet<string>): string {
  if (kind === 'live-migration') {
    if (!done.has('claimTarget')) return 'queued';
    return done.has('makeEmptyDisks') ? 'running' : 'preparing';
  }
  if (kind === 'evacuation') return done.has('claimTarget') ? 'pre-migrating' : 'accepted';
  if (!done.has('claimTarget')) return 'pre-migrating';
  return done.has('copyDisks') ? 'post-migrating' : 'migrating';
}

function finalStatus(kind: MigrationKind, { state, error }: ActionsTable): string {
  const isDone = state === 'succeeded';
  if (kind === 'live-migration') {
    if (isDone) return 'completed';
    return error?.includes('was aborted') ? 'cancelled' : 'error';
  }
  if (kind === 'evacuation') return isDone ? 'done' : 'failed';
  return isDone ? 'finished' : 'error';
}

/** A confirmation, or a way back, ends the migration before it; one that failed leaves it as it was. */
function end(migration: ServerMigration | undefined, row: ActionsTable): void {
  if (migration?.status !== 'finished') return;
  const isConfirmed = row.kind === 'server.confirm-resize';
  if (row.finished_at === null) migration.status = isConfirmed ? 'confirming' : 'reverting';
  else if (row.state === 'succeeded') migration.status = isConfirmed ? 'confirmed' : 'reverted';
  migration.updatedAt = row.updated_at;
}
