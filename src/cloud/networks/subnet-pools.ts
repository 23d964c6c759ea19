import type { Tx } from '../../database/database.ts';
import type { SubnetPoolsTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import type { Quotas } from '../quotas/quotas.ts';
import type { AddressScopes } from './address-scopes.ts';
import { adminOnly, invalidInput } from './failures.ts';
import { type Cidr, parseCidr, rangesOverlap } from './ip.ts';
import { flag } from './model.ts';
import { commonOf, type Owned, OwnedResources } from './owned-resources.ts';
import { ownerOfNew } from './ownership.ts';
import { chooseCidr, type PoolPlan, planOf, type WantedCidr } from './subnet-pool-plan.ts';

export type SubnetPoolField =
  | 'id'
  | 'projectId'
  | 'name'
  | 'description'
  | 'ipVersion'
  | 'minPrefixlen'
  | 'maxPrefixlen'
  | 'defaultPrefixlen'
  | 'defaultQuota'
  | 'addressScopeId'
  | 'shared'
  | 'isDefault'
  | 'createdAt'
  | 'updatedAt'
  | 'revision';

/** Addresses from which subnets are cut. */
export interface SubnetPool extends Owned, PoolPlan {
  defaultQuota: number | null;
  addressScopeId: string | null;
  shared: boolean;
  isDefault: boolean;
}

export interface SubnetPoolChanges {
  name?: string;
  description?: string;
  /** CIDRs; those of a pool that exists can only become more. */
  prefixes?: readonly string[];
  minPrefixLength?: number;
  maxPrefixLength?: number;
  defaultPrefixLength?: number;
  defaultQuota?: number | null;
  addressScopeId?: string | null;
  /** Administrators only. */
  isDefault?: boolean;
}

export interface NewSubnetPool extends SubnetPoolChanges {
  projectId?: string;
  prefixes: readonly string[];
  /** Administrators only. */
  shared?: boolean;
}

function poolOf(row: SubnetPoolsTable): SubnetPool {
  return {
    ...commonOf(row),
    ipVersion: row.ip_version as 4 | 6,
    prefixes: JSON.parse(row.prefixes) as string[],
    minPrefixLength: row.min_prefixlen,
    maxPrefixLength: row.max_prefixlen,
    defaultPrefixLength: row.default_prefixlen,
    defaultQuota: row.default_quota,
    addressScopeId: row.address_scope_id,
    shared: row.shared === 1,
    isDefault: row.is_default === 1,
  };
}

const kind = {
  table: 'subnet_pools',
  name: 'subnetpool',
  hasSharedFlag: true,
  modelOf: async (rows: readonly SubnetPoolsTable[]) => rows.map(poolOf),
} as const;

/** Pools of addresses. What of them is taken follows from the subnets that were cut from them. */
export class SubnetPools extends OwnedResources<'subnet_pools', SubnetPoolField, SubnetPool> {
  readonly #core: CloudCore;
  readonly #quotas: Quotas;
  readonly #scopes: AddressScopes;

  constructor(core: CloudCore, quotas: Quotas, scopes: AddressScopes) {
    super(core, kind);
    this.#core = core;
    this.#quotas = quotas;
    this.#scopes = scopes;
  }

  /** Makes all of them or none. */
  create(subject: Subject, pools: readonly NewSubnetPool[]): Promise<SubnetPool[]> {
    return this.#core.db.write(async (tx) => {
      const made: SubnetPool[] = [];
      for (const pool of pools) made.push(await this.#createIn(tx, subject, pool));
      return made;
    });
  }

  update(subject: Subject, id: string, changes: SubnetPoolChanges, expectedRevision?: number): Promise<SubnetPool> {
    return this.#core.db.write(async (tx) => {
      const pool = poolOf(await this.claim(tx, subject, id, expectedRevision));
      const plan = planOf({ ...pool, ...defined(changes), prefixes: changes.prefixes ?? pool.prefixes });
      const place = { isDefault: changes.isDefault ?? pool.isDefault, addressScopeId: scopeAfter(pool, changes) };
      refuseShrinking(pool, plan);
      await this.#checkPlace(tx, subject, { ...plan, ...place }, id);
      const { defaultQuota, addressScopeId, isDefault } = changes;
      await tx
        .updateTable('subnet_pools')
        .set({
          name: changes.name ?? pool.name,
          description: changes.description,
          ...rowOfPlan(plan),
          default_quota: defaultQuota,
          address_scope_id: addressScopeId,
          is_default: isDefault === undefined ? undefined : flag(isDefault),
        })
        .where('id', '=', id)
        .execute();
      return this.get(subject, id, tx);
    });
  }

  /** Throws `conflict` (`subnet_pool_delete_error`) while a subnet has addresses of it. */
  delete(subject: Subject, id: string): Promise<void> {
    return this.#core.db.write(async (tx) => {
      await this.claimToRemove(tx, subject, id);
      const used = await tx.selectFrom('subnets').select('id').where('subnet_pool_id', '=', id).limit(1).execute();
      if (used.length > 0) {
        const message = 'Unable to delete subnet pool: Subnet pool has existing allocations.';
        throw new CloudError('conflict', message, { resource: 'subnetpool', id, reason: 'subnet_pool_delete_error' });
      }
      await this.remove(tx, id);
    });
  }

  /** The CIDR of a new subnet: as asked for, or cut from a pool. Two at once would cut the same, so they take turns. */
  async cidrFor(
    tx: Tx,
    subject: Subject,
    projectId: string,
    wanted: WantedCidr & { networkId: string; subnetPoolId?: string | null; useDefaultPool?: boolean },
  ): Promise<{ cidr: string; poolId: string | null }> {
    const poolId = wanted.useDefaultPool
      ? await this.#defaultPool(tx, wanted.ipVersion)
      : (wanted.subnetPoolId ?? null);
    await this.#refuseMixedPools(tx, wanted.networkId, wanted.ipVersion, poolId);
    if (poolId === null) {
      if (wanted.cidr !== undefined) return { cidr: wanted.cidr, poolId };
      throw badSubnet('a subnetpool must be specified in the absence of a cidr');
    }
    await tx.selectFrom('subnet_pools').select('id').where('id', '=', poolId).forNoKeyUpdate().execute();
    const pool = await this.get(subject, poolId, tx);
    const subnets = await tx
      .selectFrom('subnets')
      .select(['cidr', 'project_id'])
      .where('subnet_pool_id', '=', poolId)
      .execute();
    const own = subnets.filter((row) => row.project_id === projectId).map(({ cidr }) => cidr);
    const cidr = chooseCidr(
      pool,
      wanted,
      subnets.map((row) => row.cidr),
    );
    refuseBeyondQuota(pool, [...own, cidr]);
    return { cidr, poolId };
  }

  async #createIn(tx: Tx, subject: Subject, input: NewSubnetPool): Promise<SubnetPool> {
    const projectId = ownerOfNew(subject, input.projectId);
    if (input.shared && !subject.isAdmin) throw adminOnly('share a subnet pool');
    const plan = planOf(input);
    const addressScopeId = input.addressScopeId ?? null;
    await this.#checkPlace(tx, subject, { ...plan, isDefault: input.isDefault ?? false, addressScopeId }, '');
    await this.#quotas.check(tx, projectId, { subnet_pools: 1 });
    const now = this.#core.env.now();
    const row: SubnetPoolsTable = {
      id: newId(this.#core.env),
      project_id: projectId,
      name: input.name ?? '',
      description: input.description ?? '',
      ...rowOfPlan(plan),
      default_quota: input.defaultQuota ?? null,
      address_scope_id: addressScopeId,
      shared: flag(input.shared ?? false),
      is_default: flag(input.isDefault ?? false),
      created_at: now,
      updated_at: now,
      revision: 0,
    };
    await tx.insertInto('subnet_pools').values(row).execute();
    return poolOf(row);
  }

  /** One default pool for each family; and in a scope every address once. */
  async #checkPlace(
    tx: Tx,
    subject: Subject,
    pool: Pick<SubnetPool, 'prefixes' | 'ipVersion' | 'isDefault' | 'addressScopeId'>,
    id: string,
  ): Promise<void> {
    if (pool.isDefault) {
      if (!subject.isAdmin) throw adminOnly('make a subnet pool the default one');
      const other = await this.#findDefault(tx, pool.ipVersion);
      if (other !== undefined && other !== id) {
        throw invalidInput(
          `A default subnetpool for this IP family has already been set. Only one default may exist per IP family`,
        );
      }
    }
    if (pool.addressScopeId === null) return;
    // Pools of one scope take turns: two at once would not see that they overlap.
    await tx.selectFrom('address_scopes').select('id').where('id', '=', pool.addressScopeId).forNoKeyUpdate().execute();
    const scope = await this.#scopes.get(subject, pool.addressScopeId, tx);
    if (scope.ipVersion !== pool.ipVersion) {
      const message = `Illegal subnetpool association: subnetpool ${id} cannot associate with address scope ${scope.id} because subnetpool ip_version is not ${scope.ipVersion}.`;
      throw new CloudError('invalid', message, { reason: 'illegal_subnet_pool_ip_version_association' });
    }
    const others = await tx
      .selectFrom('subnet_pools')
      .select(['id', 'prefixes'])
      .where('address_scope_id', '=', scope.id)
      .where('id', '<>', id)
      .execute();
    const taken = others.flatMap(({ prefixes }) => JSON.parse(prefixes) as string[]).map((text) => parseCidr(text)!);
    if (!pool.prefixes.some((text) => taken.some((other) => rangesOverlap(parseCidr(text)!, other)))) return;
    const message = `Subnetpool cannot be associated with address scope ${scope.id} because one of its prefixes overlaps with another subnetpool of it.`;
    throw new CloudError('conflict', message, { reason: 'address_scope_prefix_conflict' });
  }

  async #defaultPool(tx: Tx, ipVersion: number): Promise<string> {
    const id = await this.#findDefault(tx, ipVersion);
    if (id === undefined) throw badSubnet(`No default subnetpool found for IPv${ipVersion}`);
    return id;
  }

  async #findDefault(tx: Tx, ipVersion: number): Promise<string | undefined> {
    const row = await tx
      .selectFrom('subnet_pools')
      .select('id')
      .where('is_default', '=', 1)
      .where('ip_version', '=', ipVersion)
      .executeTakeFirst();
    return row?.id;
  }

  /** Subnets of one family on a network are of one pool, or of none. */
  async #refuseMixedPools(tx: Tx, networkId: string, ipVersion: number, poolId: string | null): Promise<void> {
    const others = await tx
      .selectFrom('subnets')
      .select('subnet_pool_id')
      .where('network_id', '=', networkId)
      .where('ip_version', '=', ipVersion)
      .execute();
    if (poolId === null || others.every((row) => row.subnet_pool_id === poolId)) return;
    const message = 'Subnets hosted on the same network must be allocated from the same subnet pool.';
    throw new CloudError('invalid', message, { reason: 'network_subnet_pool_affinity_error' });
  }
}

function rowOfPlan(plan: PoolPlan) {
  return {
    ip_version: plan.ipVersion,
    prefixes: JSON.stringify(plan.prefixes),
    min_prefixlen: plan.minPrefixLength,
    max_prefixlen: plan.maxPrefixLength,
    default_prefixlen: plan.defaultPrefixLength,
  };
}

function defined<T extends object>(changes: T): Partial<{ [K in keyof T]: Exclude<T[K], undefined> }> {
  const members = Object.entries(changes).filter(([, value]) => value !== undefined);
  return Object.fromEntries(members) as Partial<{ [K in keyof T]: Exclude<T[K], undefined> }>;
}

function scopeAfter(pool: SubnetPool, { addressScopeId }: SubnetPoolChanges): string | null {
  return addressScopeId === undefined ? pool.addressScopeId : addressScopeId;
}

function refuseShrinking(before: PoolPlan, after: PoolPlan): void {
  const ranges = after.prefixes.map((text) => parseCidr(text)!);
  const isKept = ({ first, last }: Cidr) => ranges.some((range) => range.first <= first && range.last >= last);
  if (before.ipVersion === after.ipVersion && before.prefixes.every((text) => isKept(parseCidr(text)!))) return;
  const message = 'Illegal update to prefixes: existing prefixes must be a subset of the new prefixes.';
  throw new CloudError('invalid', message, { reason: 'illegal_subnet_pool_prefix_update' });
}

/** A quota counts addresses, in IPv6 networks of 64 bits. */
function refuseBeyondQuota({ defaultQuota, ipVersion }: SubnetPool, cidrs: readonly string[]): void {
  if (defaultQuota === null) return;
  const unit = ipVersion === 4 ? 32 : 64;
  const used = cidrs.reduce((sum, text) => sum + 2 ** Math.max(0, unit - parseCidr(text)!.prefix), 0);
  if (used <= defaultQuota) return;
  throw new CloudError('conflict', 'Per-tenant subnet pool prefix quota exceeded.', {
    reason: 'subnet_pool_quota_exceeded',
  });
}

function badSubnet(what: string): CloudError {
  return new CloudError('invalid', `Bad subnets request: ${what}.`, { reason: 'bad_request' });
}
