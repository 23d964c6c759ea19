import type { AddressScopesTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import { adminOnly } from './failures.ts';
import { flag } from './model.ts';
import { commonOf, type Owned, OwnedResources } from './owned-resources.ts';
import { ownerOfNew } from './ownership.ts';

export type AddressScopeField =
  | 'id'
  | 'projectId'
  | 'name'
  | 'description'
  | 'ipVersion'
  | 'shared'
  | 'createdAt'
  | 'updatedAt'
  | 'revision';

/** Where every address stands for one thing only: pools in one scope don't overlap. */
export interface AddressScope extends Owned {
  ipVersion: 4 | 6;
  shared: boolean;
}

export interface NewAddressScope {
  projectId?: string;
  name: string;
  description?: string;
  ipVersion: 4 | 6;
  /** Administrators only. */
  shared?: boolean;
}

function scopeOf(row: AddressScopesTable): AddressScope {
  return { ...commonOf(row), ipVersion: row.ip_version as 4 | 6, shared: row.shared === 1 };
}

const kind = {
  table: 'address_scopes',
  name: 'address_scope',
  hasSharedFlag: true,
  modelOf: async (rows: readonly AddressScopesTable[]) => rows.map(scopeOf),
} as const;

export class AddressScopes extends OwnedResources<'address_scopes', AddressScopeField, AddressScope> {
  readonly #core: CloudCore;

  constructor(core: CloudCore) {
    super(core, kind);
    this.#core = core;
  }

  /** Makes all of them or none. */
  create(subject: Subject, scopes: readonly NewAddressScope[]): Promise<AddressScope[]> {
    const now = this.#core.env.now();
    const rows = scopes.map((scope): AddressScopesTable => {
      if (scope.shared && !subject.isAdmin) throw adminOnly('share an address scope');
      return {
        id: newId(this.#core.env),
        project_id: ownerOfNew(subject, scope.projectId),
        name: scope.name,
        description: scope.description ?? '',
        ip_version: scope.ipVersion,
        shared: flag(scope.shared ?? false),
        created_at: now,
        updated_at: now,
        revision: 0,
      };
    });
    return this.#core.db.write(async (tx) => {
      await tx.insertInto('address_scopes').values(rows).execute();
      return rows.map(scopeOf);
    });
  }

  update(
    subject: Subject,
    id: string,
    changes: { name?: string; description?: string; shared?: boolean },
    expectedRevision?: number,
  ): Promise<AddressScope> {
    return this.#core.db.write(async (tx) => {
      const { name, description, shared } = changes;
      if (shared !== undefined && !subject.isAdmin) throw adminOnly('share an address scope');
      const before = await this.claim(tx, subject, id, expectedRevision);
      if (shared === false && before.shared === 1) {
        const message = `Unable to update address scope ${id}: Shared address scope can't be unshared`;
        throw new CloudError('invalid', message, { reason: 'address_scope_update_error' });
      }
      const changed = {
        name: name ?? before.name,
        description,
        shared: shared === undefined ? undefined : flag(shared),
      };
      await tx.updateTable('address_scopes').set(changed).where('id', '=', id).execute();
      return this.get(subject, id, tx);
    });
  }

  /** Throws `conflict` (`address_scope_in_use`) while a pool is in it. */
  delete(subject: Subject, id: string): Promise<void> {
    return this.#core.db.write(async (tx) => {
      await this.claimToRemove(tx, subject, id);
      const used = await tx
        .selectFrom('subnet_pools')
        .select('id')
        .where('address_scope_id', '=', id)
        .limit(1)
        .execute();
      if (used.length > 0) {
        const message = `Unable to complete operation on address scope ${id}. There are one or more subnet pools in use on the address scope`;
        throw new CloudError('conflict', message, { resource: 'address_scope', id, reason: 'address_scope_in_use' });
      }
      await this.remove(tx, id);
    });
  }
}
