import { sql } from 'kysely';
import type { Tx } from '../../database/database.ts';
import type { RbacPoliciesTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import type { Quotas } from '../quotas/quotas.ts';
import { adminOnly, invalidInput } from './failures.ts';
import { OwnedResources } from './owned-resources.ts';
import { ownerOfNew } from './ownership.ts';

export type RbacPolicyField =
  | 'id'
  | 'projectId'
  | 'objectType'
  | 'objectId'
  | 'action'
  | 'targetProject'
  | 'createdAt'
  | 'updatedAt'
  | 'revision';

/** Who may use a resource of another project. */
export interface RbacPolicy {
  id: string;
  projectId: string;
  objectType: RbacObjectType;
  objectId: string;
  action: 'access_as_shared';
  /** A project's id, or `*` for all. */
  targetProject: string;
  description: string;
  createdAt: number;
  updatedAt: number;
  revision: number;
}

const tables = {
  network: 'networks',
  qos_policy: 'qos_policies',
  security_group: 'security_groups',
  address_scope: 'address_scopes',
  subnetpool: 'subnet_pools',
  address_group: 'address_groups',
} as const;

export type RbacObjectType = keyof typeof tables;
export const rbacObjectTypes = Object.keys(tables) as RbacObjectType[];

export interface NewRbacPolicy {
  projectId?: string;
  objectType: RbacObjectType;
  objectId: string;
  action: string;
  targetProject: string;
}

function policyOf(row: RbacPoliciesTable): RbacPolicy {
  return {
    id: row.id,
    projectId: row.project_id,
    objectType: row.object_type as RbacObjectType,
    objectId: row.object_id,
    action: 'access_as_shared',
    targetProject: row.target_project,
    description: '',
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    revision: row.revision,
  };
}

const kind = {
  table: 'rbac_policies',
  name: 'rbac_policy',
  hasSharedFlag: false,
  modelOf: async (rows: readonly RbacPoliciesTable[]) => rows.map(policyOf),
} as const;

export class RbacPolicies extends OwnedResources<'rbac_policies', RbacPolicyField, RbacPolicy> {
  readonly #core: CloudCore;
  readonly #quotas: Quotas;

  constructor(core: CloudCore, quotas: Quotas) {
    super(core, kind);
    this.#core = core;
    this.#quotas = quotas;
  }

  /** Makes all of them or none. Throws `duplicate` for one that there is already. */
  create(subject: Subject, policies: readonly NewRbacPolicy[]): Promise<RbacPolicy[]> {
    return this.#core.db.write(async (tx) => {
      const made: RbacPolicy[] = [];
      for (const policy of policies) made.push(await this.#createIn(tx, subject, policy));
      return made;
    });
  }

  /** Shares it with somebody else instead. */
  update(
    subject: Subject,
    id: string,
    targetProject: string | undefined,
    expectedRevision?: number,
  ): Promise<RbacPolicy> {
    return this.#core.db.write(async (tx) => {
      const before = policyOf(await this.claim(tx, subject, id, expectedRevision));
      if (targetProject === undefined || targetProject === before.targetProject) return this.get(subject, id, tx);
      refuseAllByMembers(subject, targetProject);
      await claimObject(tx, before.objectType, before.objectId);
      await this.#refuseTwin(tx, { ...before, targetProject });
      await this.#refuseWhileUsed(tx, before);
      await tx.updateTable('rbac_policies').set({ target_project: targetProject }).where('id', '=', id).execute();
      await this.#setFlag(tx, before.objectType, before.objectId);
      return this.get(subject, id, tx);
    });
  }

  /** Throws `conflict` (`rbac_policy_in_use`) while somebody uses what it shares. */
  delete(subject: Subject, id: string): Promise<void> {
    return this.#core.db.write(async (tx) => {
      const policy = policyOf(await this.claim(tx, subject, id));
      await this.#refuseWhileUsed(tx, policy);
      await this.remove(tx, id);
      await this.#setFlag(tx, policy.objectType, policy.objectId);
    });
  }

  async #createIn(tx: Tx, subject: Subject, input: NewRbacPolicy): Promise<RbacPolicy> {
    const projectId = ownerOfNew(subject, input.projectId);
    const { objectType, objectId, action, targetProject } = input;
    if (action !== 'access_as_shared') {
      throw invalidInput(`'${action}' is not one of [access_as_shared]`, 'action');
    }
    refuseAllByMembers(subject, targetProject);
    const owner = await claimObject(tx, objectType, objectId);
    if (owner === undefined) throw notFound(objectType, objectId);
    if (owner !== subject.projectId && !subject.isAdmin) throw notFound(objectType, objectId);
    await this.#refuseTwin(tx, { objectId, action, targetProject });
    await this.#quotas.check(tx, projectId, { rbac_policies: 1 });
    const now = this.#core.env.now();
    const row: RbacPoliciesTable = {
      id: newId(this.#core.env),
      project_id: projectId,
      object_type: objectType,
      object_id: objectId,
      action,
      target_project: targetProject,
      created_at: now,
      updated_at: now,
      revision: 0,
    };
    await tx.insertInto('rbac_policies').values(row).execute();
    await this.#setFlag(tx, objectType, objectId);
    return policyOf(row);
  }

  async #refuseTwin(tx: Tx, policy: { objectId: string; action: string; targetProject: string }): Promise<void> {
    const twin = await tx
      .selectFrom('rbac_policies')
      .select('id')
      .where('object_id', '=', policy.objectId)
      .where('action', '=', policy.action)
      .where('target_project', '=', policy.targetProject)
      .executeTakeFirst();
    if (!twin) return;
    throw new CloudError('duplicate', 'RBAC policy already exists for this object, action and project.', {
      resource: 'rbac_policy',
      id: twin.id,
      reason: 'duplicated_exception',
    });
  }

  /** A network that others are on by this policy stays theirs to use; its owner needs no policy. */
  async #refuseWhileUsed(tx: Tx, { objectType, objectId, targetProject, id }: RbacPolicy): Promise<void> {
    if (objectType !== 'network') return;
    const others = sql`project_id not in ((select project_id from networks where id = ${objectId}), '')`;
    const who = targetProject === '*' ? others : sql`${others} and project_id = ${targetProject}`;
    const { rows } = await sql`
      select 1 from ports where network_id = ${objectId} and ${who}
        and not exists (select 1 from rbac_policies where object_id = ${objectId} and id <> ${id}
          and target_project in ('*', ports.project_id))
      limit 1`.execute(tx);
    if (rows.length === 0) return;
    const message = `RBAC policy on object ${objectId} cannot be removed because other objects depend on it.`;
    throw new CloudError('conflict', message, { resource: 'rbac_policy', id, reason: 'rbac_policy_in_use' });
  }

  /** What is shared with all says so itself. */
  async #setFlag(tx: Tx, objectType: RbacObjectType, objectId: string): Promise<void> {
    if (objectType !== 'network') return;
    await sql`update networks set shared = case when exists (
        select 1 from rbac_policies where object_id = ${objectId} and target_project = '*'
          and action = 'access_as_shared') then 1 else 0 end
      where id = ${objectId}`.execute(tx);
  }
}

/** Gives whose it is. Nobody else shares it, or deletes it, until the transaction ends. */
async function claimObject(tx: Tx, objectType: RbacObjectType, objectId: string): Promise<string | undefined> {
  const row = await tx
    .selectFrom(tables[objectType] as 'networks')
    .select('project_id')
    .where('id', '=', objectId)
    .forNoKeyUpdate()
    .executeTakeFirst();
  return row?.project_id;
}

function refuseAllByMembers(subject: Subject, targetProject: string): void {
  if (targetProject === '*' && !subject.isAdmin) throw adminOnly('share with all projects');
}
