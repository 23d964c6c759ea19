import type { Queryable, Tx } from '../../database/database.ts';
import type { ServerGroupsTable } from '../../database/schema.ts';
import { newId, withDashes } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError, notFound } from '../errors.ts';
import { type GroupPolicy, groupRefusal, type Neighbours } from '../hosts/scheduler.ts';
import { ownsOrAdmin, projectOf, type Subject } from '../identity/subject.ts';
import { lockServer } from './transition.ts';

export interface ServerGroup {
  id: string;
  projectId: string;
  userId: string;
  name: string;
  policy: GroupPolicy;
  /** How many of a group of `anti-affinity` may be on one host; null is one. */
  maxPerHost: number | null;
  /** For servers of this zone only; of any where it is null. */
  zoneId: string | null;
  /** Ids of the servers in it that are not deleted, in the order in which they were made. */
  memberIds: string[];
  description: string | null;
  /** Where it is not, hosts are chosen without it, and no server comes into it. */
  enabled: boolean;
  createdAt: number;
  updatedAt: number;
}

export interface NewServerGroup {
  id?: string;
  name: string;
  policy: GroupPolicy;
  maxPerHost?: number;
  zoneId?: string;
  description?: string;
}

interface GroupChanges {
  name?: string;
  description?: string;
  enabled?: boolean;
}

/**
 * Groups of servers that the scheduler keeps together on one host, or apart. Nova's servers are in one from their creation
 * on; the engine takes them in and lets them go later, too, as ZStack's affinity groups do.
 */
export class ServerGroups {
  readonly #core: Cloud;

  constructor(core: Cloud) {
    this.#core = core;
  }

  /** Throws `invalid` for a rule that the policy does not have. */
  async create(subject: Subject, wanted: NewServerGroup): Promise<ServerGroup> {
    if (wanted.maxPerHost !== undefined && wanted.policy !== 'anti-affinity') {
      throw new CloudError('invalid', 'Only anti-affinity policy supports rules.', { field: 'rules' });
    }
    const { db, env } = this.#core;
    const row: ServerGroupsTable = {
      id: wanted.id ?? newId(env),
      project_id: projectOf(subject),
      user_id: subject.userId,
      name: wanted.name,
      policy: wanted.policy,
      max_per_host: wanted.maxPerHost ?? null,
      zone_id: wanted.zoneId ?? null,
      description: wanted.description ?? null,
      enabled: 1,
      created_at: env.now(),
      updated_at: env.now(),
    };
    await db.write(async (tx) => {
      await this.#core.quotas.check(tx, row.project_id, { server_groups: 1 });
      await tx.insertInto('server_groups').values(row).execute();
    });
    return fromRow(row, []);
  }

  /** The project's groups; those of all projects where an administrator asks for them. The oldest first. */
  async list(subject: Subject, options: { allProjects?: boolean } = {}): Promise<ServerGroup[]> {
    const { read } = this.#core.db;
    let query = read.selectFrom('server_groups').selectAll().orderBy('created_at').orderBy('id');
    if (!options.allProjects || !subject.isAdmin) query = query.where('project_id', '=', projectOf(subject));
    const rows = await query.execute();
    const members = await this.#membersOf(rows.map(({ id }) => id));
    return rows.map((row) => fromRow(row, members.get(row.id) ?? []));
  }

  async get(subject: Subject, id: string): Promise<ServerGroup> {
    const row = await this.#rowOf(this.#core.db.read, subject, id);
    if (!row) throw groupNotFound(id);
    return fromRow(row, (await this.#membersOf([id])).get(id) ?? []);
  }

  async update(subject: Subject, id: string, changes: GroupChanges): Promise<void> {
    const { enabled, ...words } = changes;
    const columns = { ...words, ...(enabled === undefined ? {} : { enabled: enabled ? (1 as const) : (0 as const) }) };
    await this.#core.db.write(async (tx) => {
      if (!(await this.#rowOf(tx, subject, id))) throw groupNotFound(id);
      const changed = { ...columns, updated_at: this.#core.env.now() };
      await tx.updateTable('server_groups').set(changed).where('id', '=', id).execute();
    });
  }

  /**
   * Takes in a server that exists: it stays where it is. Throws `conflict` where it is in another group
   * (`other_group`), or would be where the group's policy does not have it (`group_policy`).
   */
  async add(subject: Subject, groupId: string, serverId: string): Promise<void> {
    await this.#core.db.write(async (tx) => {
      if (!(await this.#rowOf(tx, subject, groupId))) throw groupNotFound(groupId);
      const { zoneId } = await lockServer(tx, subject, serverId);
      const members = tx.selectFrom('server_group_members').select('group_id').where('server_id', '=', serverId);
      const present = (await members.executeTakeFirst())?.group_id;
      if (present === groupId) return;
      if (present !== undefined) throw refused(serverId, `is in the group ${withDashes(present)}`, 'other_group');
      await this.join(tx, subject, groupId, { serverId, zoneId });
      const neighbours = await this.neighbours(tx, serverId);
      const held = tx.selectFrom('allocations').select('host_id').where('server_id', '=', serverId);
      const host = await held.where('purpose', '=', 'current').executeTakeFirst();
      if (host && neighbours && groupRefusal(neighbours, host.host_id)) {
        throw refused(serverId, `is not where the policy ${neighbours.policy} has it`, 'group_policy');
      }
    });
  }

  /** Lets a server go, which stays where it is. Gives false where it was not in the group. */
  async remove(subject: Subject, groupId: string, serverId: string): Promise<boolean> {
    return await this.#core.db.write(async (tx) => {
      if (!(await this.#rowOf(tx, subject, groupId))) throw groupNotFound(groupId);
      const members = tx.deleteFrom('server_group_members').where('group_id', '=', groupId);
      const { numDeletedRows } = await members.where('server_id', '=', serverId).executeTakeFirstOrThrow();
      return numDeletedRows > 0n;
    });
  }

  /** Servers that are in it stay where they are. */
  async delete(subject: Subject, id: string): Promise<void> {
    await this.#core.db.write(async (tx) => {
      if (!(await this.#rowOf(tx, subject, id))) throw groupNotFound(id);
      await tx.deleteFrom('server_group_members').where('group_id', '=', id).execute();
      await tx.deleteFrom('server_groups').where('id', '=', id).execute();
    });
  }

  /** Puts a server that is being made into the group. Throws `invalid` when there is none such, or it is of another zone. */
  async join(
    tx: Tx,
    subject: Subject,
    groupId: string,
    { serverId, zoneId }: { serverId: string; zoneId: string },
  ): Promise<void> {
    const group = await this.#rowOf(tx, subject, groupId);
    const isElsewhere = group !== undefined && group.zone_id !== null && group.zone_id !== zoneId;
    if (!group || isElsewhere) {
      const where = isElsewhere ? ' in the availability zone of the server' : '';
      throw new CloudError('invalid', `Instance group ${withDashes(groupId)} could not be found${where}.`, {
        reason: 'server_group_not_found',
      });
    }
    if (group.enabled === 0) {
      throw new CloudError('invalid', `Instance group ${withDashes(groupId)} is disabled.`, {
        reason: 'server_group_disabled',
      });
    }
    const there = tx.selectFrom('server_group_members').select('server_id').where('group_id', '=', groupId);
    const members = (await there.execute()).length + 1;
    await this.#core.quotas.check(tx, group.project_id, { server_group_members: members });
    await tx.insertInto('server_group_members').values({ server_id: serverId, group_id: groupId }).execute();
  }

  /**
   * Where the other servers of its group are, and what that means for this one. In the transaction that then takes a
   * host: two of one group are never placed at the same time.
   */
  async neighbours(tx: Tx, serverId: string): Promise<Neighbours | undefined> {
    const membership = tx.selectFrom('server_group_members').select('group_id').where('server_id', '=', serverId);
    const query = tx.selectFrom('server_groups').selectAll().where('id', '=', membership);
    const group = await query.forUpdate().executeTakeFirst();
    if (!group || group.enabled === 0) return undefined;
    const rows = await tx
      .selectFrom('server_group_members')
      .innerJoin('allocations', 'allocations.server_id', 'server_group_members.server_id')
      .select('allocations.host_id')
      .where('group_id', '=', group.id)
      .where('server_group_members.server_id', '<>', serverId)
      .where('purpose', '=', 'current')
      .execute();
    return { policy: group.policy, maxPerHost: group.max_per_host, hostIds: rows.map(({ host_id }) => host_id) };
  }

  /** Server id → the group that it is in. */
  async ofServers(serverIds: readonly string[]): Promise<Map<string, string>> {
    if (serverIds.length === 0) return new Map();
    const rows = await this.#core.db.read
      .selectFrom('server_group_members')
      .selectAll()
      .where('server_id', 'in', serverIds)
      .execute();
    return new Map(rows.map(({ server_id, group_id }) => [server_id, group_id]));
  }

  async #rowOf(db: Queryable, subject: Subject, id: string): Promise<ServerGroupsTable | undefined> {
    const row = await db.selectFrom('server_groups').selectAll().where('id', '=', id).executeTakeFirst();
    return row && ownsOrAdmin(subject, row.project_id) ? row : undefined;
  }

  async #membersOf(groupIds: string[]): Promise<Map<string, string[]>> {
    if (groupIds.length === 0) return new Map();
    const rows = await this.#core.db.read
      .selectFrom('server_group_members')
      .innerJoin('servers', 'servers.id', 'server_group_members.server_id')
      .select(['group_id', 'server_group_members.server_id'])
      .where('group_id', 'in', groupIds)
      .where('servers.deleted_at', 'is', null)
      .orderBy('servers.created_at')
      .execute();
    const members = Map.groupBy(rows, ({ group_id }) => group_id);
    return new Map([...members].map(([id, list]) => [id, list.map(({ server_id }) => server_id)]));
  }
}

function refused(serverId: string, why: string, reason: string): CloudError {
  return new CloudError('conflict', `Instance ${withDashes(serverId)} ${why}.`, { reason });
}

function groupNotFound(id: string): CloudError {
  return notFound('server_group', id, `Instance group ${withDashes(id)} could not be found.`);
}

function fromRow(row: ServerGroupsTable, memberIds: string[]): ServerGroup {
  return {
    id: row.id,
    projectId: row.project_id,
    userId: row.user_id,
    name: row.name,
    policy: row.policy,
    maxPerHost: row.max_per_host,
    zoneId: row.zone_id,
    memberIds,
    description: row.description,
    enabled: row.enabled === 1,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
