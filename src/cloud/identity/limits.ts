import type { Expression, Selectable, SqlBool } from 'kysely';
import type { Queryable } from '../../database/database.ts';
import type { RegisteredLimitsTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, isTaken } from '../errors.ts';
import { missing } from './failures.ts';
import { isOfDomain, mayReadIdentity, requireAdmin, type Subject } from './subject.ts';

/** What a limit is about. The same thing in two regions has two limits. */
export interface Limited {
  serviceId: string;
  regionId: string | null;
  /** In the service's own words, as `image_count_total`. */
  resourceName: string;
}

/** What every project may have of something, unless a `Limit` says otherwise. */
export interface RegisteredLimit extends Limited {
  id: string;
  /** -1 for no limit. */
  defaultLimit: number;
  description: string | null;
}

/** What one project, or one domain, may have of something that is registered. */
export interface Limit extends Limited {
  id: string;
  projectId: string | null;
  domainId: string | null;
  /** -1 for no limit. */
  resourceLimit: number;
  description: string | null;
}

interface LimitFilters extends Partial<Omit<Limited, 'regionId'>> {
  regionId?: string | null;
  projectId?: string;
  domainId?: string;
}

type NewLimit = Limited & Pick<Limit, 'projectId' | 'domainId' | 'resourceLimit' | 'description'>;

/**
 * Keystone's unified limits, in its `flat` model: limits of a project are looked at by themselves, whatever is above it.
 * Limits are for whoever asks; they hold nobody back by being here.
 */
export class Limits {
  readonly #core: CloudCore;

  constructor(core: CloudCore) {
    this.#core = core;
  }

  async registered(filters: Partial<Limited> = {}): Promise<RegisteredLimit[]> {
    const rows = await this.#core.db.read
      .selectFrom('registered_limits')
      .selectAll()
      .where((eb) => {
        const { serviceId, regionId, resourceName } = filters;
        const conditions: Expression<SqlBool>[] = [];
        if (serviceId !== undefined) conditions.push(eb('service_id', '=', serviceId));
        if (regionId !== undefined) conditions.push(eb('region_id', regionId === null ? 'is' : '=', regionId));
        if (resourceName !== undefined) conditions.push(eb('resource_name', '=', resourceName));
        return eb.and(conditions);
      })
      .orderBy('service_id')
      .orderBy('resource_name')
      .orderBy('id')
      .execute();
    return rows.map(registeredOf);
  }

  /** Throws `not_found`. */
  async getRegistered(id: string, db: Queryable = this.#core.db.read): Promise<RegisteredLimit> {
    const row = await db.selectFrom('registered_limits').selectAll().where('id', '=', id).executeTakeFirst();
    if (!row) throw missing('registered_limit', id);
    return registeredOf(row);
  }

  /** All of them or none. Throws `duplicate` where one is registered already. The caller knows services and regions. */
  async register(subject: Subject, wanted: readonly Omit<RegisteredLimit, 'id'>[]): Promise<RegisteredLimit[]> {
    requireAdmin(subject, 'create_registered_limits');
    const made = wanted.map((one) => ({ ...one, id: newId(this.#core.env) }));
    await this.#core.db
      .write((tx) => tx.insertInto('registered_limits').values(made.map(registeredRow)).execute())
      .catch(conflictOf('registered_limit'));
    return made;
  }

  /** Throws `forbidden` while a project or a domain has a limit of its own by it: Keystone changes nothing under them. */
  async updateRegistered(
    subject: Subject,
    id: string,
    changes: Partial<Omit<RegisteredLimit, 'id'>>,
  ): Promise<RegisteredLimit> {
    requireAdmin(subject, 'update_registered_limit');
    const change = this.#core.db.write(async (tx) => {
      const changed = { ...(await this.getRegistered(id, tx)), ...changes };
      await refuseInUse(tx, id);
      await tx.updateTable('registered_limits').set(registeredRow(changed)).where('id', '=', id).execute();
      return changed;
    });
    return await change.catch(conflictOf('registered_limit'));
  }

  /** Throws `forbidden` while it is in use. */
  async unregister(subject: Subject, id: string): Promise<void> {
    requireAdmin(subject, 'delete_registered_limit');
    await this.#core.db.write(async (tx) => {
      await this.getRegistered(id, tx);
      await refuseInUse(tx, id);
      await tx.deleteFrom('registered_limits').where('id', '=', id).execute();
    });
  }

  /** Those that the subject may know of: of its project, of its domain and the projects there, or all. */
  async list(subject: Subject, filters: LimitFilters = {}): Promise<Limit[]> {
    const found = await this.#limits(filters);
    if (mayReadIdentity(subject) || subject.isSystem || subject.roles.includes('service')) return found;
    const inDomain = isOfDomain(subject) ? await this.#projectsOf(subject.domainId) : new Set<string>();
    return found.filter((limit) => isVisible(subject, limit, inDomain));
  }

  /** Throws `not_found`, and `forbidden` for one of others. */
  async get(subject: Subject, id: string): Promise<Limit> {
    const limit = await this.#get(id, this.#core.db.read);
    if (mayReadIdentity(subject)) return limit;
    const inDomain = isOfDomain(subject) ? await this.#projectsOf(subject.domainId) : new Set<string>();
    if (!isVisible(subject, limit, inDomain)) requireAdmin(subject, 'get_limit');
    return limit;
  }

  /**
   * All of them or none. Throws `forbidden` for what is not registered, `duplicate` where the project or the domain has
   * one already, and `invalid` for a project or a domain that is not there.
   */
  async create(subject: Subject, wanted: readonly NewLimit[]): Promise<Limit[]> {
    requireAdmin(subject, 'create_limits');
    const create = this.#core.db.write(async (tx) => {
      const made: Limit[] = [];
      for (const one of wanted) {
        const owner = await ownerOf(tx, one);
        const registered = await registeredFor(tx, one);
        const limit = { ...one, ...owner, id: newId(this.#core.env) };
        const row = {
          id: limit.id,
          registered_limit_id: registered,
          project_id: owner.projectId,
          domain_id: owner.domainId,
          resource_limit: limit.resourceLimit,
          description: limit.description,
        };
        await tx.insertInto('limits').values(row).execute();
        made.push(limit);
      }
      return made;
    });
    return await create.catch(conflictOf('limit'));
  }

  async update(
    subject: Subject,
    id: string,
    changes: Partial<Pick<Limit, 'resourceLimit' | 'description'>>,
  ): Promise<Limit> {
    requireAdmin(subject, 'update_limit');
    return await this.#core.db.write(async (tx) => {
      const changed = { ...(await this.#get(id, tx)), ...changes };
      const row = { resource_limit: changed.resourceLimit, description: changed.description };
      await tx.updateTable('limits').set(row).where('id', '=', id).execute();
      return changed;
    });
  }

  async delete(subject: Subject, id: string): Promise<void> {
    requireAdmin(subject, 'delete_limit');
    const { numDeletedRows } = await this.#core.db.write((tx) =>
      tx.deleteFrom('limits').where('id', '=', id).executeTakeFirstOrThrow(),
    );
    if (numDeletedRows === 0n) throw missing('limit', id);
  }

  async #get(id: string, db: Queryable): Promise<Limit> {
    const row = await allLimits(db).where('limits.id', '=', id).executeTakeFirst();
    if (!row) throw missing('limit', id);
    return limitOf(row);
  }

  async #limits(filters: LimitFilters): Promise<Limit[]> {
    const rows = await allLimits(this.#core.db.read)
      .where((eb) => {
        const { serviceId, regionId, resourceName, projectId, domainId } = filters;
        const conditions: Expression<SqlBool>[] = [];
        if (serviceId !== undefined) conditions.push(eb('service_id', '=', serviceId));
        if (regionId !== undefined) conditions.push(eb('region_id', regionId === null ? 'is' : '=', regionId));
        if (resourceName !== undefined) conditions.push(eb('resource_name', '=', resourceName));
        if (projectId !== undefined) conditions.push(eb('project_id', '=', projectId));
        if (domainId !== undefined) conditions.push(eb('domain_id', '=', domainId));
        return eb.and(conditions);
      })
      .orderBy('service_id')
      .orderBy('resource_name')
      .orderBy('limits.id')
      .execute();
    return rows.map(limitOf);
  }

  async #projectsOf(domainId: string): Promise<Set<string>> {
    const query = this.#core.db.read.selectFrom('projects').select('id').where('domain_id', '=', domainId);
    return new Set((await query.execute()).map(({ id }) => id));
  }
}

function isVisible(subject: Subject, limit: Limit, inDomain: ReadonlySet<string>): boolean {
  if (limit.projectId !== null) return limit.projectId === subject.projectId || inDomain.has(limit.projectId);
  return isOfDomain(subject) && limit.domainId === subject.domainId;
}

function allLimits(db: Queryable) {
  return db
    .selectFrom('limits')
    .innerJoin('registered_limits', 'registered_limits.id', 'limits.registered_limit_id')
    .select(['limits.id', 'project_id', 'domain_id', 'resource_limit', 'limits.description'])
    .select(['service_id', 'region_id', 'resource_name']);
}

/** A domain may be named as a project, which it is to Keystone. */
async function ownerOf(tx: Queryable, { projectId, domainId }: Pick<Limit, 'projectId' | 'domainId'>) {
  const isThere = async (table: 'projects' | 'domains', id: string) =>
    (await tx.selectFrom(table).select('id').where('id', '=', id).executeTakeFirst()) !== undefined;
  if (projectId !== null) {
    if (await isThere('projects', projectId)) return { projectId, domainId: null };
    if (await isThere('domains', projectId)) return { projectId: null, domainId: projectId };
    throw unknownIn('limit', 'project_id');
  }
  if (domainId !== null && (await isThere('domains', domainId))) return { projectId: null, domainId };
  throw unknownIn('limit', 'domain_id');
}

/** Keystone's words for a member that names what is not there. */
export function unknownIn(target: 'limit' | 'registered_limit', attribute: string): CloudError {
  const words =
    `Expecting to find valid ${attribute} in ${target}. The server could not comply with the request since it is ` +
    'either malformed or otherwise incorrect. The client is assumed to be in error.';
  return new CloudError('invalid', words, { field: attribute });
}

async function registeredFor(tx: Queryable, { serviceId, regionId, resourceName }: Limited): Promise<string> {
  const found = await tx
    .selectFrom('registered_limits')
    .select('id')
    .where('service_id', '=', serviceId)
    .where('region_id', regionId === null ? 'is' : '=', regionId)
    .where('resource_name', '=', resourceName)
    .executeTakeFirst();
  if (found) return found.id;
  throw new CloudError('forbidden', 'Unable to create a limit that has no corresponding registered limit.');
}

async function refuseInUse(tx: Queryable, id: string): Promise<void> {
  const query = tx.selectFrom('limits').select('id').where('registered_limit_id', '=', id);
  if (!(await query.executeTakeFirst())) return;
  throw new CloudError(
    'forbidden',
    `Unable to update or delete registered limit ${id} because there are project limits associated with it.`,
    { resource: 'registered_limit', id },
  );
}

function conflictOf(type: 'registered_limit' | 'limit'): (error: unknown) => never {
  return (error) => {
    if (!isTaken(error)) throw error;
    throw new CloudError('duplicate', `Conflict occurred attempting to store ${type} - Duplicate entry.`, {
      resource: type,
      cause: error,
    });
  };
}

function registeredRow(limit: RegisteredLimit): RegisteredLimitsTable {
  return {
    id: limit.id,
    service_id: limit.serviceId,
    region_id: limit.regionId,
    resource_name: limit.resourceName,
    default_limit: limit.defaultLimit,
    description: limit.description,
  };
}

function registeredOf(row: Selectable<RegisteredLimitsTable>): RegisteredLimit {
  const { id, service_id, region_id, resource_name, default_limit, description } = row;
  return {
    ...{ id, serviceId: service_id, regionId: region_id, resourceName: resource_name },
    ...{ defaultLimit: default_limit, description },
  };
}

type LimitRow = Awaited<ReturnType<ReturnType<typeof allLimits>['execute']>>[number];

function limitOf(row: LimitRow): Limit {
  const { id, project_id, domain_id, resource_limit, description, service_id, region_id, resource_name } = row;
  return {
    ...{ id, projectId: project_id, domainId: domain_id, resourceLimit: resource_limit, description },
    ...{ serviceId: service_id, regionId: region_id, resourceName: resource_name },
  };
}
