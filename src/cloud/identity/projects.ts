import type { Tx } from '../../database/database.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import { forgetSchedulesOf } from '../schedules/orphans.ts';
import { followProject } from './account-names.ts';
import type { Assignments } from './assignments.ts';
import { extraText, extraWith } from './extra.ts';
import { conflictOn, missing } from './failures.ts';
import { adminAccountId, defaultDomainId, type Options, type Project, projectOfRow } from './model.ts';
import type { Revocations } from './revocations.ts';
import type { SessionChanges } from './session-changes.ts';
import { mayReadDomain, requireAdmin, requireManager, type Subject } from './subject.ts';

export interface ProjectFilters {
  name?: string;
  domainId?: string;
  parentId?: string;
  enabled?: boolean;
  ids?: readonly string[];
  tags?: TagFilters;
}

/** Keystone's four filters by tags. */
export interface TagFilters {
  all?: readonly string[];
  any?: readonly string[];
  notAll?: readonly string[];
  notAny?: readonly string[];
}

export interface NewProject {
  /** Chosen by the engine unless given. */
  id?: string;
  name: string;
  domainId?: string;
  parentId?: string;
  description?: string;
  enabled?: boolean;
  tags?: string[];
  options?: Options;
  extra?: Options;
}

/** Undefined leaves a member as it is. */
export interface ProjectChanges {
  name?: string;
  description?: string;
  enabled?: boolean;
  /** Or those to be of those that are, which nobody else changes meanwhile. */
  tags?: string[] | ((before: string[]) => string[]);
  options?: Options;
  /** Over what there is. */
  extra?: Options;
}

/** How deep projects may lie below their domain. */
const maxDepth = 5;

/** What owns resources. */
export class Projects {
  readonly #core: CloudCore;
  readonly #assignments: Assignments;
  readonly #revocations: Revocations;
  readonly #sessionChanges: SessionChanges;

  constructor(core: CloudCore, assignments: Assignments, revocations: Revocations, sessionChanges: SessionChanges) {
    this.#core = core;
    this.#assignments = assignments;
    this.#revocations = revocations;
    this.#sessionChanges = sessionChanges;
  }

  async list(filters: ProjectFilters = {}): Promise<Project[]> {
    const rows = await this.#core.db.read
      .selectFrom('projects')
      .selectAll()
      .$if(filters.name !== undefined, (query) => query.where('name', '=', filters.name!))
      .$if(filters.domainId !== undefined, (query) => query.where('domain_id', '=', filters.domainId!))
      .$if(filters.enabled !== undefined, (query) => query.where('enabled', '=', filters.enabled ? 1 : 0))
      .$if(filters.parentId !== undefined, (query) =>
        // Keystone counts a domain as the parent of its topmost projects.
        query.where((eb) =>
          eb.or([
            eb('parent_id', '=', filters.parentId!),
            eb.and([eb('parent_id', 'is', null), eb('domain_id', '=', filters.parentId!)]),
          ]),
        ),
      )
      .$if(filters.ids !== undefined, (query) => query.where('id', 'in', [...filters.ids!, '']))
      .orderBy('name')
      .orderBy('id')
      .execute();
    return rows.map(projectOfRow).filter(({ tags }) => fitsTags(tags, filters.tags ?? {}));
  }

  /** The projects below it, each after its parent. */
  async below(id: string): Promise<Project[]> {
    const children = await this.#core.db.read
      .selectFrom('projects')
      .selectAll()
      .where('parent_id', '=', id)
      .orderBy('name')
      .execute();
    const all: Project[] = [];
    for (const child of children.map(projectOfRow)) all.push(child, ...(await this.below(child.id)));
    return all;
  }

  /** The projects above it, the nearest first. */
  async above(project: Project): Promise<Project[]> {
    const parent = project.parentId === undefined ? undefined : await this.find(project.parentId);
    return parent ? [parent, ...(await this.above(parent))] : [];
  }

  /** The projects on which the user has a role by whatever way, enabled ones only. */
  async listOf(userId: string): Promise<Project[]> {
    const ids = await this.#assignments.targetsOf(userId, 'project');
    return ids.length === 0 ? [] : await this.list({ ids, enabled: true });
  }

  /** Throws `not_found`, and `forbidden` for those who are neither of the project nor may look at its domain. */
  async get(subject: Subject, id: string): Promise<Project> {
    const project = await this.find(id);
    if (subject.projectId !== id && !mayReadDomain(subject, project?.domainId)) requireAdmin(subject, 'get_project');
    if (!project) throw missing('project', id);
    return project;
  }

  async find(id: string): Promise<Project | undefined> {
    const row = await this.#core.db.read.selectFrom('projects').selectAll().where('id', '=', id).executeTakeFirst();
    return row && projectOfRow(row);
  }

  async findByName(name: string, domainId: string): Promise<Project | undefined> {
    const row = await this.#core.db.read
      .selectFrom('projects')
      .selectAll()
      .where('name', '=', name)
      .where('domain_id', '=', domainId)
      .executeTakeFirst();
    return row && projectOfRow(row);
  }

  async create(subject: Subject, wanted: NewProject): Promise<Project> {
    requireManager(subject, await this.#domainOf(wanted), 'create_project');
    return this.#core.db.write((tx) => this.createIn(tx, wanted)).catch(conflictOn('project', sameName(wanted.name)));
  }

  /** Where a new project is to be; undefined where what is to be above it is not there. */
  async #domainOf({ domainId, parentId }: NewProject): Promise<string | undefined> {
    if (domainId !== undefined || parentId === undefined) return domainId ?? defaultDomainId;
    const { read } = this.#core.db;
    const domain = await read.selectFrom('domains').select('id').where('id', '=', parentId).executeTakeFirst();
    return domain?.id ?? (await this.find(parentId))?.domainId;
  }

  /** Creates a project as part of a larger change; asks for no permission. */
  async createIn(tx: Tx, wanted: NewProject): Promise<Project> {
    const parent = await parentOf(tx, wanted.parentId);
    const domainId = wanted.domainId ?? parent?.domain_id ?? wanted.parentId ?? defaultDomainId;
    if (parent && parent.domain_id !== domainId) {
      throw new CloudError('invalid', 'A project must be in the domain of its parent.', { field: 'parent_id' });
    }
    await requireDepth(tx, parent);
    if (parent?.enabled === 0 && wanted.enabled !== false) {
      throw new CloudError('forbidden', `Cannot create project in a disabled branch: ${parent.id}.`, {
        resource: 'project',
      });
    }
    const now = this.#core.env.now();
    const row = await tx
      .insertInto('projects')
      .values({
        id: wanted.id ?? newId(this.#core.env),
        domain_id: domainId,
        parent_id: parent?.id ?? null,
        name: wanted.name,
        description: wanted.description ?? '',
        enabled: wanted.enabled === false ? 0 : 1,
        tags: JSON.stringify(wanted.tags ?? []),
        options: JSON.stringify(wanted.options ?? {}),
        extra: extraText(wanted.extra ?? {}),
        created_at: now,
        updated_at: now,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    return projectOfRow(row);
  }

  /** Disabling a project ends every token for it. */
  async update(subject: Subject, id: string, changes: ProjectChanges): Promise<Project> {
    requireManager(subject, (await this.find(id))?.domainId, 'update_project');
    const change = this.#core.db.write((tx) => this.changeIn(tx, id, changes));
    return change.catch(conflictOn('project', sameName(changes.name ?? '')));
  }

  /** Changes a project as part of a larger change; asks for no permission. */
  async changeIn(tx: Tx, id: string, changes: ProjectChanges): Promise<Project> {
    const { name, description, enabled, tags, options, extra } = changes;
    const now = this.#core.env.now();
    await refuseImmutable(tx, id, 'modify', isOnlyUnlocking(changes));
    if (enabled !== undefined) await requireBranch(tx, id, enabled);
    if (name !== undefined) {
      await followProject(tx, { id, name, now });
      await this.#sessionChanges.mark(tx, { projectId: id });
    }
    const row = await tx
      .updateTable('projects')
      .set({
        name,
        description,
        enabled: enabled === undefined ? undefined : enabled ? 1 : 0,
        tags: await tagsText(tx, id, tags),
        options: options === undefined ? undefined : JSON.stringify(options),
        extra: await extraWith(tx, 'projects', id, extra),
        updated_at: now,
      })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirst();
    if (!row) throw missing('project', id);
    if (enabled === false) await this.#revocations.revoke(tx, 'project', id);
    return projectOfRow(row);
  }

  /** What the project owned stays for administrators to see and delete, as in Keystone. */
  async delete(subject: Subject, id: string): Promise<void> {
    requireManager(subject, (await this.find(id))?.domainId, 'delete_project');
    if (id === adminAccountId) throw new CloudError('forbidden', 'The project of the cloud itself stays.');
    await this.#core.db.write((tx) => this.deleteIn(tx, id));
  }

  /** Deletes a project as part of a larger change; asks for no permission. */
  async deleteIn(tx: Tx, id: string): Promise<void> {
    await refuseImmutable(tx, id, 'delete', false);
    const child = await tx.selectFrom('projects').select('id').where('parent_id', '=', id).executeTakeFirst();
    if (child) {
      const words = `Cannot delete the project ${id} since it is not a leaf in the hierarchy.`;
      throw new CloudError('forbidden', words, { resource: 'project', id });
    }
    await tx.deleteFrom('role_assignments').where('target_kind', '=', 'project').where('target_id', '=', id).execute();
    await tx.deleteFrom('quotas').where('project_id', '=', id).execute();
    await tx.deleteFrom('application_credentials').where('project_id', '=', id).execute();
    await tx.deleteFrom('credentials').where('project_id', '=', id).execute();
    await tx.deleteFrom('oauth_request_tokens').where('project_id', '=', id).execute();
    await tx.deleteFrom('oauth_access_tokens').where('project_id', '=', id).execute();
    await forgetSchedulesOf(tx, id);
    await tx.deleteFrom('project_endpoints').where('project_id', '=', id).execute();
    await tx.deleteFrom('project_endpoint_groups').where('project_id', '=', id).execute();
    await tx
      .updateTable('trusts')
      .set({ deleted_at: this.#core.env.now() })
      .where('project_id', '=', id)
      .where('deleted_at', 'is', null)
      .execute();
    await tx.updateTable('users').set({ default_project_id: null }).where('default_project_id', '=', id).execute();
    const { numDeletedRows } = await tx.deleteFrom('projects').where('id', '=', id).executeTakeFirst();
    if (numDeletedRows === 0n) throw missing('project', id);
    await this.#revocations.revoke(tx, 'project', id);
  }
}

/** The parent as a project; undefined for none, or where a domain is named as the parent. */
async function parentOf(tx: Tx, parentId: string | undefined) {
  if (parentId === undefined) return undefined;
  const parent = await tx.selectFrom('projects').selectAll().where('id', '=', parentId).executeTakeFirst();
  if (parent) return parent;
  const domain = await tx.selectFrom('domains').select('id').where('id', '=', parentId).executeTakeFirst();
  if (!domain) throw missing('project', parentId);
  return undefined;
}

function sameName(name: string): string {
  return `it is not permitted to have two projects with the same name in the same domain : ${name}.`;
}

/** Projects lie at most so deep, that nobody loops. */
async function requireDepth(tx: Tx, parent: { id: string; parent_id: string | null } | undefined): Promise<void> {
  let depth = 1;
  let at = parent?.parent_id ?? null;
  while (at !== null && depth <= maxDepth) {
    depth += 1;
    const row: { parent_id: string | null } | undefined = await tx
      .selectFrom('projects')
      .select('parent_id')
      .where('id', '=', at)
      .executeTakeFirst();
    at = row?.parent_id ?? null;
  }
  if (parent === undefined || depth < maxDepth) return;
  throw new CloudError('forbidden', `Max hierarchy depth reached for the branch below ${parent.id}.`);
}

/** What is below an enabled project is enabled or not; below a disabled one nothing is enabled. */
async function requireBranch(tx: Tx, id: string, enabled: boolean): Promise<void> {
  const row = await tx.selectFrom('projects').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) throw missing('project', id);
  if (enabled && row.parent_id !== null) {
    const parent = await tx.selectFrom('projects').select('enabled').where('id', '=', row.parent_id).executeTakeFirst();
    if (parent?.enabled !== 0) return;
    throw new CloudError('forbidden', `Cannot enable project ${id} since it has disabled parents.`, {
      resource: 'project',
    });
  }
  if (enabled) return;
  const child = await tx
    .selectFrom('projects')
    .select('id')
    .where('parent_id', '=', id)
    .where('enabled', '=', 1)
    .executeTakeFirst();
  if (!child) return;
  throw new CloudError('forbidden', `Cannot disable project ${id} since its subtree contains enabled projects.`, {
    resource: 'project',
  });
}

async function refuseImmutable(tx: Tx, id: string, verb: 'modify' | 'delete', isUnlocked: boolean): Promise<void> {
  const row = await tx.selectFrom('projects').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row || isUnlocked || projectOfRow(row).options['immutable'] !== true) return;
  throw new CloudError('forbidden', `Unable to ${verb} immutable project resource: ${id}.`, {
    resource: 'project',
    id,
  });
}

async function tagsText(tx: Tx, id: string, tags: ProjectChanges['tags']): Promise<string | undefined> {
  if (typeof tags !== 'function') return tags && JSON.stringify(tags);
  const row = await tx.selectFrom('projects').select('tags').where('id', '=', id).forUpdate().executeTakeFirst();
  return row && JSON.stringify(tags(JSON.parse(row.tags) as string[]));
}

function fitsTags(tags: readonly string[], { all, any, notAll, notAny }: TagFilters): boolean {
  const has = (tag: string) => tags.includes(tag);
  return (
    (all === undefined || all.every(has)) &&
    (any === undefined || any.some(has)) &&
    (notAll === undefined || !notAll.every(has)) &&
    (notAny === undefined || !notAny.some(has))
  );
}

/** An immutable project can only be made changeable again, by itself. */
function isOnlyUnlocking(changes: { options?: Options }): boolean {
  const given = Object.entries(changes).filter(([, value]) => value !== undefined);
  return given.length === 1 && changes.options?.['immutable'] === false;
}
