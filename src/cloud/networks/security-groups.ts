import { sql } from 'kysely';
import { ConstraintViolation, type Queryable, type Tx } from '../../database/database.ts';
import { oneOf } from '../../database/expressions.ts';
import type { SecurityGroupsTable } from '../../database/schema.ts';
import { statement } from '../../database/statement.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import type { Quotas } from '../quotas/quotas.ts';
import { defaultGroupName, ensureDefaultGroup, hasDefaultGroup, insertFirstRules } from './default-security-group.ts';
import { revisionMismatch } from './failures.ts';
import { inOrder, Listing, type ListRequest } from './listing.ts';
import { flag, ruleOf, type SecurityGroup, securityGroupOf } from './model.ts';
import { owned, ownerOfNew, visibleShared } from './ownership.ts';
import { forgetTags } from './tags.ts';

export type SecurityGroupField =
  | 'id'
  | 'projectId'
  | 'name'
  | 'description'
  | 'stateful'
  | 'createdAt'
  | 'updatedAt'
  | 'revision';

export interface NewSecurityGroup {
  /** The client's own id, 32 hex digits. */
  id?: string;
  projectId?: string;
  name: string;
  description?: string;
  stateful?: boolean;
}

const listing = new Listing<SecurityGroupField>('security_groups');

/**
 * Security groups. They say what a port's traffic should be; whether anything filters by them is the
 * host's network driver's business (user networking, where nothing reaches a guest from outside, does not).
 */
export class SecurityGroups {
  readonly #core: CloudCore;
  readonly #quotas: Quotas;

  constructor(core: CloudCore, quotas: Quotas) {
    this.#core = core;
    this.#quotas = quotas;
  }

  async list(subject: Subject, request: ListRequest<SecurityGroupField> = {}): Promise<SecurityGroup[]> {
    await this.ensureDefault(subject);
    const db = this.#core.db.read;
    const query = db
      .selectFrom('security_groups')
      .selectAll('security_groups')
      .where(visibleShared(subject, 'security_groups', false));
    const rows = await (await listing.apply(db, query, request)).execute();
    return inOrder(await withRules(db, rows), request);
  }

  async get(subject: Subject, id: string, db: Queryable = this.#core.db.read): Promise<SecurityGroup> {
    const visible = visibleShared(subject, 'security_groups', false);
    const query = db.selectFrom('security_groups').selectAll().where('id', '=', id);
    const [group] = await withRules(db, await query.where(visible).execute());
    if (!group) throw noSuchGroup(id);
    return group;
  }

  /** The groups stay there until the transaction ends. Throws `not_found` for the first that the subject does not see. */
  async keep(tx: Tx, subject: Subject, ids: readonly string[]): Promise<void> {
    const kept = await tx
      .selectFrom('security_groups')
      .select('id')
      .where(oneOf(this.#core.db, sql.ref('id'), ids))
      .where(visibleShared(subject, 'security_groups', false))
      .orderBy('id')
      .forKeyShare()
      .execute();
    const known = new Set(kept.map(({ id }) => id));
    const missing = ids.find((id) => !known.has(id));
    if (missing !== undefined) throw noSuchGroup(missing);
  }

  /** Makes all of them or none; each with the rules that new groups have. */
  create(subject: Subject, groups: readonly NewSecurityGroup[]): Promise<SecurityGroup[]> {
    return this.#core.db.write(async (tx) => {
      const made: SecurityGroup[] = [];
      for (const group of groups) made.push(await this.#createIn(tx, subject, group));
      return made;
    });
  }

  async #createIn(tx: Tx, subject: Subject, input: NewSecurityGroup): Promise<SecurityGroup> {
    const projectId = ownerOfNew(subject, input.projectId);
    await ensureDefaultGroup(this.#core, tx, projectId);
    if (input.name === defaultGroupName) throw defaultExists();
    await this.#quotas.check(tx, projectId, { security_groups: 1 });
    const now = this.#core.env.now();
    const row = await tx
      .insertInto('security_groups')
      .values({
        id: input.id ?? newId(this.#core.env),
        project_id: projectId,
        name: input.name,
        description: input.description ?? '',
        stateful: flag(input.stateful ?? true),
        enabled: 1,
        open: 0,
        created_at: now,
        updated_at: now,
        revision: 0,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    await insertFirstRules(this.#core, tx, { id: row.id, projectId, isDefault: false });
    return (await withRules(tx, [row]))[0]!;
  }

  update(
    subject: Subject,
    id: string,
    changes: { name?: string; description?: string; stateful?: boolean; enabled?: boolean },
    expectedRevision?: number,
  ): Promise<SecurityGroup> {
    return this.#core.db.write(async (tx) => {
      const { description, stateful, enabled } = changes;
      const group = await claimGroup(this.#core, tx, subject, id);
      if (stateful !== undefined && flag(stateful) !== group.stateful) await refuseWhileUsed(tx, id);
      if (expectedRevision !== undefined && group.revision - 1 !== expectedRevision) {
        throw revisionMismatch(expectedRevision);
      }
      if (group.name === defaultGroupName && changes.name !== undefined && changes.name !== defaultGroupName) {
        throw new CloudError('conflict', 'Updating default security group not allowed.', {
          reason: 'security_group_cannot_update_default',
        });
      }
      if (group.name !== defaultGroupName && changes.name === defaultGroupName) throw defaultExists();
      const row = await tx
        .updateTable('security_groups')
        .set({
          name: changes.name ?? group.name,
          description,
          stateful: stateful === undefined ? undefined : flag(stateful),
          enabled: enabled === undefined ? undefined : flag(enabled),
        })
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirstOrThrow();
      return (await withRules(tx, [row]))[0]!;
    });
  }

  /**
   * Throws `conflict` (`security_group_in_use`) while a port has it. Rules elsewhere that name it as peer go too.
   * @param empty takes it from ports first
   */
  async delete(subject: Subject, id: string, empty?: (tx: Tx) => Promise<void>): Promise<void> {
    try {
      await this.#core.db.write((tx) => this.#deleteIn(tx, subject, id, empty));
    } catch (error) {
      // A port got the group between the check and the end of the transaction.
      if (error instanceof ConstraintViolation && error.kind === 'foreign_key') throw groupInUse(id);
      throw error;
    }
  }

  async #deleteIn(tx: Tx, subject: Subject, id: string, empty?: (tx: Tx) => Promise<void>): Promise<void> {
    // Rules and ports that are just getting it come first: what they say of it goes with it, or keeps it.
    await tx.selectFrom('security_groups').select('id').where('id', '=', id).forUpdate().execute();
    const group = await claimGroup(this.#core, tx, subject, id);
    if (group.name === defaultGroupName && !subject.isAdmin) {
      throw new CloudError('conflict', 'Insufficient rights for removing default security group.', {
        reason: 'security_group_cannot_remove_default',
      });
    }
    await empty?.(tx);
    await refuseWhileUsed(tx, id);
    await tx
      .deleteFrom('security_group_rules')
      .where((eb) => eb.or([eb('security_group_id', '=', id), eb('remote_group_id', '=', id)]))
      .execute();
    await forgetTags(tx, [id]);
    await tx.deleteFrom('security_groups').where('id', '=', id).execute();
  }

  /** The subject's project gets its default group when it first looks for groups. */
  async ensureDefault({ projectId }: Subject): Promise<void> {
    if (!projectId || (await hasDefaultGroup(this.#core.db.read, projectId))) return;
    await this.#core.db.write((tx) => ensureDefaultGroup(this.#core, tx, projectId));
  }
}

/**
 * Counts the group's revision up, which also keeps others from changing it until the transaction ends. Throws `conflict`
 * (`security_group_open`) for the open one.
 */
export async function claimGroup(
  core: Pick<CloudCore, 'env'>,
  tx: Tx,
  subject: Subject,
  id: string,
): Promise<SecurityGroupsTable> {
  const row = await touchGroup(core, tx, id).where(owned(subject, 'security_groups')).returningAll().executeTakeFirst();
  if (!row) throw noSuchGroup(id);
  refuseOpen(row);
  return row;
}

/** What stands for having no group would else hold back what others rely on to come through. */
export function refuseOpen({ id, name, open }: Pick<SecurityGroupsTable, 'id' | 'name' | 'open'>): void {
  if (open === 0) return;
  const message = `Security group ${name} stands for interfaces without groups and lets everything through: it can not be changed or deleted.`;
  throw new CloudError('conflict', message, { resource: 'security_group', id, reason: 'security_group_open' });
}

/** The statement that counts the group's revision up. */
export function touchGroup(core: Pick<CloudCore, 'env'>, tx: Tx, id: string) {
  return tx
    .updateTable('security_groups')
    .set((eb) => ({ revision: eb('revision', '+', 1), updated_at: core.env.now() }))
    .where('id', '=', id);
}

const rulesOf = statement((q, p: { ids: string[] }, kind) =>
  q
    .selectFrom('security_group_rules')
    .selectAll()
    .where(oneOf({ kind }, sql.ref('security_group_id'), p.ids))
    .orderBy('created_at'),
);

async function withRules(db: Queryable, rows: SecurityGroupsTable[]): Promise<SecurityGroup[]> {
  if (rows.length === 0) return [];
  const rules = await rulesOf.all(db, { ids: rows.map((row) => row.id) });
  const byGroup = Map.groupBy(rules.map(ruleOf), (rule) => rule.securityGroupId);
  return rows.map((row) => securityGroupOf(row, byGroup.get(row.id) ?? []));
}

async function refuseWhileUsed(tx: Tx, id: string): Promise<void> {
  const users = tx.selectFrom('port_security_groups').select('port_id').where('security_group_id', '=', id);
  if (await users.limit(1).executeTakeFirst()) throw groupInUse(id);
}

function noSuchGroup(id: string): CloudError {
  return notFound('security_group', id, `Security group ${id} does not exist.`);
}

function groupInUse(id: string): CloudError {
  return new CloudError('conflict', `Security Group ${id} in use.`, {
    resource: 'security_group',
    id,
    reason: 'security_group_in_use',
  });
}

function defaultExists(): CloudError {
  return new CloudError('duplicate', 'Default security group already exists.', {
    reason: 'security_group_default_already_exists',
  });
}
