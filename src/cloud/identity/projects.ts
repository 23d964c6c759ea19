import type { Tx } from '../../database/database.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import { conflictOn, missing } from './failures.ts';
import { adminAccountId, defaultDomainId, type Project, projectOfRow } from './model.ts';
import type { Revocations } from './revocations.ts';
import { requireAdmin, type Subject } from './subject.ts';

export interface ProjectFilters {
  name?: string;
  domainId?: string;
  parentId?: string;
  enabled?: boolean;
}

export interface NewProject {
  /** Chosen by the engine unless given. */
  id?: string;
  name: string;
  domainId?: string;
  parentId?: string;
  description?: string;
  enabled?: boolean;
}

/** What owns resources. */
export class Projects {
  readonly #core: CloudCore;
  readonly #revocations: Revocations;

  constructor(core: CloudCore, revocations: Revocations) {
    this.#core = core;
    this.#revocations = revocations;
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
      .orderBy('name')
      .orderBy('id')
      .execute();
    return rows.map(projectOfRow);
  }

  /** The projects on which the user has a role, enabled ones only. */
  async listOf(userId: string): Promise<Project[]> {
    const rows = await this.#core.db.read
      .selectFrom('projects')
      .selectAll()
      .where('enabled', '=', 1)
      .where('id', 'in', (eb) =>
        eb
          .selectFrom('role_assignments')
          .select('target_id')
          .where('target_kind', '=', 'project')
          .where('user_id', '=', userId),
      )
      .orderBy('name')
      .orderBy('id')
      .execute();
    return rows.map(projectOfRow);
  }

  /** Throws `not_found`, and `forbidden` for those who are neither of the project nor administrators. */
  async get(subject: Subject, id: string): Promise<Project> {
    if (subject.projectId !== id) requireAdmin(subject, 'get_project');
    const project = await this.find(id);
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
    requireAdmin(subject, 'create_project');
    return this.#core.db.write((tx) => this.createIn(tx, wanted)).catch(conflictOn('project', sameName(wanted.name)));
  }

  /** Creates a project as part of a larger change; asks for no permission. */
  async createIn(tx: Tx, wanted: NewProject): Promise<Project> {
    const parent = await parentOf(tx, wanted.parentId);
    const domainId = wanted.domainId ?? parent?.domain_id ?? wanted.parentId ?? defaultDomainId;
    if (parent && parent.domain_id !== domainId) {
      throw new CloudError('invalid', 'A project must be in the domain of its parent.', { field: 'parent_id' });
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
        created_at: now,
        updated_at: now,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    return projectOfRow(row);
  }

  /** Disabling a project ends every token for it. */
  async update(
    subject: Subject,
    id: string,
    changes: { name?: string; description?: string; enabled?: boolean },
  ): Promise<Project> {
    requireAdmin(subject, 'update_project');
    const { name, description, enabled } = changes;
    const change = this.#core.db.write(async (tx) => {
      const row = await tx
        .updateTable('projects')
        .set({
          name,
          description,
          enabled: enabled === undefined ? undefined : enabled ? 1 : 0,
          updated_at: this.#core.env.now(),
        })
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirst();
      if (!row) throw missing('project', id);
      if (enabled === false) await this.#revocations.revoke(tx, 'project', id);
      return projectOfRow(row);
    });
    return change.catch(conflictOn('project', sameName(name ?? '')));
  }

  /** What the project owned stays for administrators to see and delete, as in Keystone. */
  async delete(subject: Subject, id: string): Promise<void> {
    requireAdmin(subject, 'delete_project');
    if (id === adminAccountId) throw new CloudError('forbidden', 'The project of the cloud itself stays.');
    await this.#core.db.write(async (tx) => {
      const child = await tx.selectFrom('projects').select('id').where('parent_id', '=', id).executeTakeFirst();
      if (child) {
        const words = `Cannot delete the project ${id} since it is not a leaf in the hierarchy.`;
        throw new CloudError('forbidden', words, { resource: 'project', id });
      }
      await tx
        .deleteFrom('role_assignments')
        .where('target_kind', '=', 'project')
        .where('target_id', '=', id)
        .execute();
      await tx.deleteFrom('quotas').where('project_id', '=', id).execute();
      await tx.updateTable('users').set({ default_project_id: null }).where('default_project_id', '=', id).execute();
      const { numDeletedRows } = await tx.deleteFrom('projects').where('id', '=', id).executeTakeFirst();
      if (numDeletedRows === 0n) throw missing('project', id);
      await this.#revocations.revoke(tx, 'project', id);
    });
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
