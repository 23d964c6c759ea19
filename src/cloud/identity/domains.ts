import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import { extraText, extraWith } from './extra.ts';
import { conflictOn, missing } from './failures.ts';
import { type Domain, domainOf, type Options } from './model.ts';
import type { Revocations } from './revocations.ts';
import { requireAdmin, type Subject } from './subject.ts';

export interface DomainChanges {
  name?: string;
  description?: string;
  enabled?: boolean;
  tags?: string[];
  options?: Options;
  /** Over what there is. */
  extra?: Options;
}

/** Name spaces of users and projects. */
export class Domains {
  readonly #core: CloudCore;
  readonly #revocations: Revocations;

  constructor(core: CloudCore, revocations: Revocations) {
    this.#core = core;
    this.#revocations = revocations;
  }

  async list(filters: { id?: string; name?: string; enabled?: boolean } = {}): Promise<Domain[]> {
    const rows = await this.#core.db.read
      .selectFrom('domains')
      .selectAll()
      .$if(filters.id !== undefined, (query) => query.where('id', '=', filters.id!))
      .$if(filters.name !== undefined, (query) => query.where('name', '=', filters.name!))
      .$if(filters.enabled !== undefined, (query) => query.where('enabled', '=', filters.enabled ? 1 : 0))
      .orderBy('name')
      .execute();
    return rows.map(domainOf);
  }

  /** Throws `not_found`. */
  async get(id: string): Promise<Domain> {
    const domain = await this.find(id);
    if (!domain) throw missing('domain', id);
    return domain;
  }

  async find(id: string): Promise<Domain | undefined> {
    const row = await this.#core.db.read.selectFrom('domains').selectAll().where('id', '=', id).executeTakeFirst();
    return row && domainOf(row);
  }

  /** Throws `duplicate` for a name or an id that is taken. */
  async create(subject: Subject, wanted: { name: string; id?: string } & DomainChanges): Promise<Domain> {
    requireAdmin(subject, 'create_domain');
    const domain: Domain = {
      id: wanted.id ?? newId(this.#core.env),
      name: wanted.name,
      description: wanted.description ?? '',
      enabled: wanted.enabled ?? true,
      tags: wanted.tags ?? [],
      options: wanted.options ?? {},
      extra: wanted.extra ?? {},
    };
    const row = {
      ...domain,
      enabled: domain.enabled ? (1 as const) : (0 as const),
      tags: JSON.stringify(domain.tags),
      options: JSON.stringify(domain.options),
      extra: extraText(domain.extra),
    };
    await this.#core.db
      .write((tx) => tx.insertInto('domains').values(row).execute())
      .catch(conflictOn('domain', `Duplicate entry found with name ${wanted.name}.`));
    return domain;
  }

  /** Disabling a domain ends every token of its users and for its projects. */
  async update(subject: Subject, id: string, changes: DomainChanges): Promise<Domain> {
    requireAdmin(subject, 'update_domain');
    const { name, description, enabled, tags, options, extra } = changes;
    const isDisabled = enabled === undefined ? undefined : enabled ? (1 as const) : (0 as const);
    const change = this.#core.db.write(async (tx) => {
      const extraAfter = await extraWith(tx, 'domains', id, extra);
      const row = await tx
        .updateTable('domains')
        // Sets at least one column, so that an empty change is a statement too.
        .set((eb) => ({
          name: name ?? eb.ref('name'),
          description,
          enabled: isDisabled,
          tags: textOf(tags),
          options: textOf(options),
          extra: extraAfter,
        }))
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirst();
      if (!row) throw missing('domain', id);
      if (enabled === false) await this.#revocations.revoke(tx, 'domain', id);
      return domainOf(row);
    });
    return change.catch(conflictOn('domain', `Duplicate entry found with name ${name}.`));
  }

  /** Deletes the domain with its users and projects. It must have been disabled before. */
  async delete(subject: Subject, id: string): Promise<void> {
    requireAdmin(subject, 'delete_domain');
    await this.#core.db.write(async (tx) => {
      const row = await tx.selectFrom('domains').selectAll().where('id', '=', id).executeTakeFirst();
      if (!row) throw missing('domain', id);
      if (row.enabled === 1) {
        throw new CloudError('forbidden', 'Cannot delete a domain that is enabled, please disable it first.', {
          resource: 'domain',
          id,
        });
      }
      await this.#revocations.revoke(tx, 'domain', id);
      const users = tx.selectFrom('users').select('id').where('domain_id', '=', id);
      const projects = tx.selectFrom('projects').select('id').where('domain_id', '=', id);
      const groups = tx.selectFrom('groups').select('id').where('domain_id', '=', id);
      const roles = tx.selectFrom('roles').select('id').where('domain_id', '=', id);
      await tx
        .deleteFrom('role_assignments')
        .where((eb) =>
          eb.or([
            eb('actor_id', 'in', users),
            eb('actor_id', 'in', groups),
            eb('role_id', 'in', roles),
            eb('target_id', 'in', projects),
            eb('target_id', '=', id),
          ]),
        )
        .execute();
      await tx
        .deleteFrom('group_members')
        .where((eb) => eb.or([eb('user_id', 'in', users), eb('group_id', 'in', groups)]))
        .execute();
      await tx
        .deleteFrom('implied_roles')
        .where((eb) => eb.or([eb('prior_id', 'in', roles), eb('implied_id', 'in', roles)]))
        .execute();
      await tx
        .deleteFrom('application_credentials')
        .where((eb) => eb.or([eb('user_id', 'in', users), eb('project_id', 'in', projects)]))
        .execute();
      for (const table of ['access_rules', 'credentials'] as const) {
        await tx.deleteFrom(table).where('user_id', 'in', users).execute();
      }
      await tx.deleteFrom('groups').where('domain_id', '=', id).execute();
      await tx.deleteFrom('roles').where('domain_id', '=', id).execute();
      await tx.deleteFrom('keypairs').where('user_id', 'in', users).execute();
      await tx.deleteFrom('quotas').where('project_id', 'in', projects).execute();
      await tx.deleteFrom('users').where('domain_id', '=', id).execute();
      await tx.deleteFrom('projects').where('domain_id', '=', id).execute();
      await tx.deleteFrom('domains').where('id', '=', id).execute();
    });
  }
}

function textOf(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}
