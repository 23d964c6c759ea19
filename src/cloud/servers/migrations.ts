import type { ActionsTable } from '../../database/schema.ts';
import type { Cloud } from '../cloud.ts';
import type { FlavorFacts } from './model.ts';

/** A server that got another size, and so another place on a host. */
export interface ServerMigration {
  id: string;
  kind: 'resize';
  serverId: string;
  projectId: string;
  userId: string;
  status: 'migrating' | 'finished' | 'confirming' | 'confirmed' | 'reverting' | 'reverted' | 'error';
  /** Names of hosts, as far as they are there. */
  sourceHost: string | null;
  targetHost: string | null;
  oldFlavor: FlavorFacts;
  newFlavor: FlavorFacts;
  /** Microseconds. */
  createdAt: number;
  updatedAt: number;
}

/** What of the journal's actions is a migration, and what ends one. */
const kinds = ['server.resize', 'server.confirm-resize', 'server.revert-resize'] as const;

/** Which servers were moved between sizes: read from the journal of their actions. */
export class ServerMigrations {
  readonly #cloud: Cloud;

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  /** The newest first. For administrators, which the caller has checked. */
  async list(filter: { serverId?: string } = {}): Promise<ServerMigration[]> {
    let query = this.#cloud.db.read
      .selectFrom('actions')
      .selectAll()
      .where('resource_type', '=', 'server')
      .where('kind', 'in', kinds)
      .orderBy('created_at')
      .orderBy('id');
    if (filter.serverId) query = query.where('resource_id', '=', filter.serverId);
    const hosts = new Map((await this.#cloud.hosts.list()).map(({ id, name }) => [id, name]));
    const migrations: ServerMigration[] = [];
    const last = new Map<string, ServerMigration>();
    for (const row of await query.execute()) {
      if (row.kind !== 'server.resize') {
        end(last.get(row.resource_id), row);
        continue;
      }
      const migration = begun(row, hosts);
      migrations.push(migration);
      last.set(row.resource_id, migration);
    }
    return migrations.reverse();
  }
}

function begun(row: ActionsTable, hosts: ReadonlyMap<string, string>): ServerMigration {
  const input = JSON.parse(row.input) as { hostId: string; oldFlavor: FlavorFacts; newFlavor: FlavorFacts };
  const host = hosts.get(input.hostId) ?? null;
  return {
    id: row.id,
    kind: 'resize',
    serverId: row.resource_id,
    projectId: row.project_id,
    userId: row.user_id,
    status: row.finished_at === null ? 'migrating' : row.state === 'succeeded' ? 'finished' : 'error',
    sourceHost: host,
    targetHost: host,
    oldFlavor: input.oldFlavor,
    newFlavor: input.newFlavor,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

/** A confirmation, or a way back, ends the migration before it; one that failed leaves it as it was. */
function end(migration: ServerMigration | undefined, row: ActionsTable): void {
  if (migration?.status !== 'finished') return;
  const isConfirmed = row.kind === 'server.confirm-resize';
  if (row.finished_at === null) migration.status = isConfirmed ? 'confirming' : 'reverting';
  else if (row.state === 'succeeded') migration.status = isConfirmed ? 'confirmed' : 'reverted';
  migration.updatedAt = row.updated_at;
}
