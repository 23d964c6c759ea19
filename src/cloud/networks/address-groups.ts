import type { Tx } from '../../database/database.ts';
import type { AddressGroupsTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import { invalidInput } from './failures.ts';
import { parseIpPrefix } from './ip-prefix.ts';
import { commonOf, type Owned, OwnedResources } from './owned-resources.ts';
import { ownerOfNew } from './ownership.ts';

export type AddressGroupField = 'id' | 'projectId' | 'name' | 'description' | 'createdAt' | 'updatedAt' | 'revision';

/** A set of addresses that rules of security groups can name. */
export interface AddressGroup extends Owned {
  /** CIDRs in canonical form. */
  addresses: string[];
}

export interface NewAddressGroup {
  projectId?: string;
  name?: string;
  description?: string;
  addresses?: readonly string[];
}

/** Addresses of one group at most. */
const maxAddresses = 1000;

function groupOf(row: AddressGroupsTable): AddressGroup {
  return { ...commonOf(row), addresses: JSON.parse(row.addresses) as string[] };
}

const kind = {
  table: 'address_groups',
  name: 'address_group',
  hasSharedFlag: false,
  modelOf: async (rows: readonly AddressGroupsTable[]) => rows.map(groupOf),
} as const;

export class AddressGroups extends OwnedResources<'address_groups', AddressGroupField, AddressGroup> {
  readonly #core: CloudCore;

  constructor(core: CloudCore) {
    super(core, kind);
    this.#core = core;
  }

  /** Makes all of them or none. */
  create(subject: Subject, groups: readonly NewAddressGroup[]): Promise<AddressGroup[]> {
    const now = this.#core.env.now();
    const rows = groups.map((group): AddressGroupsTable => {
      const addresses = canonicalAddresses(group.addresses ?? []);
      refuseTooMany(addresses);
      return {
        id: newId(this.#core.env),
        project_id: ownerOfNew(subject, group.projectId),
        name: group.name ?? '',
        description: group.description ?? '',
        addresses: JSON.stringify([...new Set(addresses)]),
        created_at: now,
        updated_at: now,
        revision: 0,
      };
    });
    return this.#core.db.write(async (tx) => {
      await tx.insertInto('address_groups').values(rows).execute();
      return rows.map(groupOf);
    });
  }

  update(
    subject: Subject,
    id: string,
    changes: { name?: string; description?: string },
    expectedRevision?: number,
  ): Promise<AddressGroup> {
    return this.#core.db.write(async (tx) => {
      const before = await this.claim(tx, subject, id, expectedRevision);
      const { name, description } = changes;
      await tx
        .updateTable('address_groups')
        .set({ name: name ?? before.name, description })
        .where('id', '=', id)
        .execute();
      return this.get(subject, id, tx);
    });
  }

  /** Adds addresses. Throws `invalid` for those that the group has already. */
  add(subject: Subject, id: string, asked: readonly string[]): Promise<AddressGroup> {
    return this.#change(subject, id, (present) => {
      const addresses = canonicalAddresses(asked);
      const known = addresses.filter((address) => present.includes(address));
      if (known.length > 0) {
        const message = `Addresses ${known.join(', ')} already exist in the address group ${id}.`;
        throw new CloudError('invalid', message, { reason: 'addresses_already_exist' });
      }
      const all = [...present, ...new Set(addresses)];
      refuseTooMany(all);
      return all;
    });
  }

  /** Takes addresses away. Throws `invalid` for those that the group does not have. */
  removeAddresses(subject: Subject, id: string, asked: readonly string[]): Promise<AddressGroup> {
    return this.#change(subject, id, (present) => {
      const addresses = canonicalAddresses(asked);
      const missing = addresses.filter((address) => !present.includes(address));
      if (missing.length > 0) {
        const message = `Addresses ${missing.join(', ')} not found in the address group ${id}.`;
        throw new CloudError('not_found', message, { reason: 'addresses_not_found' });
      }
      return present.filter((address) => !addresses.includes(address));
    });
  }

  /** Throws `conflict` (`address_group_in_use`) while a rule names it. */
  delete(subject: Subject, id: string): Promise<void> {
    return this.#core.db.write(async (tx) => {
      await this.claimToRemove(tx, subject, id);
      const used = await tx
        .selectFrom('security_group_rules')
        .select('id')
        .where('remote_address_group_id', '=', id)
        .limit(1)
        .execute();
      if (used.length > 0) {
        const message = `Address group ${id} is in use on one or more security group rules.`;
        throw new CloudError('conflict', message, { resource: 'address_group', id, reason: 'address_group_in_use' });
      }
      await this.remove(tx, id);
    });
  }

  #change(subject: Subject, id: string, change: (present: string[]) => string[]): Promise<AddressGroup> {
    return this.#core.db.write(async (tx: Tx) => {
      const before = groupOf(await this.claim(tx, subject, id));
      const addresses = JSON.stringify(change(before.addresses));
      await tx.updateTable('address_groups').set({ addresses }).where('id', '=', id).execute();
      return this.get(subject, id, tx);
    });
  }
}

function canonicalAddresses(texts: readonly string[]): string[] {
  return texts.map((text) => {
    const prefix = parseIpPrefix(text);
    if (!prefix) throw invalidInput(`'${text}' is not a valid IP address or network`, 'addresses');
    return prefix.normalized;
  });
}

function refuseTooMany(addresses: readonly string[]): void {
  if (addresses.length > maxAddresses) {
    throw invalidInput(`an address group has at most ${maxAddresses} addresses`, 'addresses');
  }
}
