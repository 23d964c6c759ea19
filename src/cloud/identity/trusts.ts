import type { TrustsTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import { requireSelf } from './application-credentials.ts';
import type { Assignments } from './assignments.ts';
import { missing } from './failures.ts';
import { type Role, roleOf } from './model.ts';
import type { Revocations } from './revocations.ts';
import { mayReadIdentity, requireAdmin, type Subject } from './subject.ts';

/** Lets one user act for another, on a project and with some of their roles. */
export interface Trust {
  id: string;
  trustorId: string;
  trusteeId: string;
  projectId: string | null;
  roleIds: string[];
  /** Tokens are the trustor's, as if they had signed in themselves. */
  isImpersonation: boolean;
  allowRedelegation: boolean;
  redelegationCount: number;
  redelegatedFromId: string | null;
  remainingUses: number | null;
  expiresAt: number | null;
  deletedAt: number | null;
}

export interface NewTrust {
  trustorId: string;
  trusteeId: string;
  projectId?: string | null;
  roles: Array<{ id?: string; name?: string }>;
  isImpersonation: boolean;
  allowRedelegation?: boolean;
  redelegationCount?: number;
  remainingUses?: number | null;
  expiresAt?: number | null;
}

/** How often a trust may be handed on. */
const maxRedelegation = 3;

function fromRow(row: TrustsTable): Trust {
  return {
    id: row.id,
    trustorId: row.trustor_id,
    trusteeId: row.trustee_id,
    projectId: row.project_id,
    roleIds: JSON.parse(row.roles) as string[],
    isImpersonation: row.impersonation === 1,
    allowRedelegation: row.allow_redelegation === 1,
    redelegationCount: row.redelegation_count,
    redelegatedFromId: row.redelegated_from_id,
    remainingUses: row.remaining_uses,
    expiresAt: row.expires_at,
    deletedAt: row.deleted_at,
  };
}

export class Trusts {
  readonly #core: CloudCore;
  readonly #assignments: Assignments;
  readonly #revocations: Revocations;

  constructor(core: CloudCore, assignments: Assignments, revocations: Revocations) {
    this.#core = core;
    this.#assignments = assignments;
    this.#revocations = revocations;
  }

  /** Those of one trustor or trustee: their own; all for administrators. */
  async list(subject: Subject, filters: { trustorId?: string; trusteeId?: string } = {}): Promise<Trust[]> {
    const { trustorId, trusteeId } = filters;
    const isOwn = trustorId === subject.userId || trusteeId === subject.userId;
    if (!isOwn && !mayReadIdentity(subject)) requireAdmin(subject, 'list_trusts');
    const rows = await this.#core.db.read
      .selectFrom('trusts')
      .selectAll()
      .where('deleted_at', 'is', null)
      .$if(trustorId !== undefined, (query) => query.where('trustor_id', '=', trustorId!))
      .$if(trusteeId !== undefined, (query) => query.where('trustee_id', '=', trusteeId!))
      .orderBy('created_at')
      .execute();
    return rows.map(fromRow).filter((trust) => this.#isGood(trust));
  }

  /** Throws `not_found`, also for those who are not of the trust. */
  async get(subject: Subject, id: string): Promise<Trust> {
    const trust = await this.find(id);
    const isOwn = trust && (trust.trustorId === subject.userId || trust.trusteeId === subject.userId);
    if (!trust || (!isOwn && !mayReadIdentity(subject))) throw missing('trust', id);
    return trust;
  }

  /** A trust that is good now. */
  async find(id: string): Promise<Trust | undefined> {
    const row = await this.#core.db.read.selectFrom('trusts').selectAll().where('id', '=', id).executeTakeFirst();
    const trust = row && fromRow(row);
    return trust && this.#isGood(trust) ? trust : undefined;
  }

  async rolesOf(trust: Trust): Promise<Role[]> {
    if (trust.roleIds.length === 0) return [];
    const rows = await this.#core.db.read.selectFrom('roles').selectAll().where('id', 'in', trust.roleIds).execute();
    return rows.map(roleOf);
  }

  /** Made by the trustor only; with a trust that allows it, by its trustee for the same trustor. */
  async create(subject: Subject, wanted: NewTrust): Promise<Trust> {
    const from = await this.#redelegated(subject, wanted);
    if (!from) requireSelf(subject, wanted.trustorId, 'create_trust');
    const { env, db } = this.#core;
    const { projectId = null, remainingUses = null, expiresAt = null } = wanted;
    if (remainingUses !== null && (!Number.isSafeInteger(remainingUses) || remainingUses < 1)) {
      throw new CloudError('invalid', 'remaining_uses must be a positive integer or null.', {
        field: 'remaining_uses',
      });
    }
    if (expiresAt !== null && expiresAt <= env.now()) {
      throw new CloudError('invalid', 'The expiry of the trust is in the past.', { field: 'expires_at' });
    }
    const roleIds = await this.#rolesFor(wanted, from);
    const row: TrustsTable = {
      id: newId(env),
      trustor_id: wanted.trustorId,
      trustee_id: wanted.trusteeId,
      project_id: projectId,
      roles: JSON.stringify(roleIds),
      impersonation: wanted.isImpersonation ? 1 : 0,
      allow_redelegation: wanted.allowRedelegation ? 1 : 0,
      redelegation_count: redelegationCountOf(wanted, from),
      redelegated_from_id: from?.id ?? null,
      remaining_uses: remainingUses,
      expires_at: from?.expiresAt ? Math.min(from.expiresAt, expiresAt ?? from.expiresAt) : expiresAt,
      created_at: env.now(),
      deleted_at: null,
    };
    await db.write(async (tx) => {
      const trustee = await tx.selectFrom('users').select('id').where('id', '=', row.trustee_id).executeTakeFirst();
      if (!trustee) throw missing('user', row.trustee_id);
      const project =
        projectId === null ||
        (await tx.selectFrom('projects').select('id').where('id', '=', projectId).executeTakeFirst());
      if (!project) throw missing('project', projectId!);
      await tx.insertInto('trusts').values(row).execute();
    });
    return fromRow(row);
  }

  /** Ends it, what was handed on of it, and their tokens. */
  async delete(subject: Subject, id: string): Promise<void> {
    const trust = await this.find(id);
    if (!trust || (trust.trustorId !== subject.userId && !subject.isAdmin)) {
      if (trust && (trust.trusteeId === subject.userId || mayReadIdentity(subject))) {
        throw new CloudError('forbidden', 'Only admin or trustor can delete a trust', { reason: 'delete_trust' });
      }
      throw missing('trust', id);
    }
    await this.#core.db.write(async (tx) => {
      const open = [id];
      for (let at = open.pop(); at !== undefined; at = open.pop()) {
        await tx.updateTable('trusts').set({ deleted_at: this.#core.env.now() }).where('id', '=', at).execute();
        await this.#revocations.revoke(tx, 'credential', at);
        const next = await tx
          .selectFrom('trusts')
          .select('id')
          .where('redelegated_from_id', '=', at)
          .where('deleted_at', 'is', null)
          .execute();
        open.push(...next.map((one) => one.id));
      }
    });
  }

  /** Takes one of the uses that are left. False when there is none. */
  async use(trust: Trust): Promise<boolean> {
    if (trust.remainingUses === null) return true;
    return await this.#core.db.write(async (tx) => {
      const { numUpdatedRows } = await tx
        .updateTable('trusts')
        .set((e) => ({ remaining_uses: e('remaining_uses', '-', 1) }))
        .where('id', '=', trust.id)
        .where('remaining_uses', '>', 0)
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    });
  }

  #isGood({ deletedAt, expiresAt, remainingUses }: Trust): boolean {
    if (deletedAt !== null || remainingUses === 0) return false;
    return expiresAt === null || expiresAt > this.#core.env.now();
  }

  async #redelegated(subject: Subject, wanted: NewTrust): Promise<Trust | undefined> {
    const via = subject.via;
    if (via?.kind !== 'trust' || via.trustorId !== wanted.trustorId) return undefined;
    const from = await this.find(via.id);
    if (!from?.allowRedelegation || from.redelegationCount <= 0) {
      throw new CloudError('forbidden', 'Remaining redelegation depth of 0 out of allowed range.', {
        reason: 'create_trust',
      });
    }
    return from;
  }

  async #rolesFor({ trustorId, projectId, roles }: NewTrust, from: Trust | undefined): Promise<string[]> {
    if (projectId && roles.length === 0) {
      throw new CloudError('forbidden', 'At least one role should be specified.', { field: 'roles' });
    }
    if (roles.length === 0) return [];
    const known = await this.#core.db.read
      .selectFrom('roles')
      .select(['id', 'name'])
      .where('domain_id', '=', '')
      .execute();
    const has = projectId
      ? await this.#assignments.effectiveRoleIds(trustorId, { kind: 'project', id: projectId })
      : new Set<string>();
    return roles.map((one) => {
      const role = known.find(({ id, name }) => id === one.id || (one.id === undefined && name === one.name));
      if (!role || !has.has(role.id) || (from && !from.roleIds.includes(role.id))) {
        throw missing('role', one.id ?? one.name ?? '');
      }
      return role.id;
    });
  }
}

function redelegationCountOf({ allowRedelegation, redelegationCount }: NewTrust, from: Trust | undefined): number {
  if (!allowRedelegation) return 0;
  const most = from ? from.redelegationCount - 1 : maxRedelegation;
  if (redelegationCount === undefined) return most;
  if (redelegationCount >= 0 && redelegationCount <= most) return redelegationCount;
  throw new CloudError(
    'forbidden',
    `Requested redelegation depth of ${redelegationCount} is greater than allowed ${most}.`,
  );
}
