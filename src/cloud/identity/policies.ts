import { sql } from 'kysely';
import type { Queryable } from '../../database/database.ts';
import type { PoliciesTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import type { CatalogEndpoint, CatalogRegion } from './catalog-rows.ts';
import { extraText, extraWith } from './extra.ts';
import { missing } from './failures.ts';
import type { Options } from './model.ts';
import { requireAdmin, type Subject } from './subject.ts';

/** A document that says who may do what in a service, in a form that the service knows. Nothing here obeys it. */
export interface Policy {
  id: string;
  /** The form of the blob, as `application/json`. */
  type: string;
  blob: string;
  /** Members that clients chose. */
  extra: Options;
}

function policyOf({ id, type, blob, extra }: PoliciesTable): Policy {
  return { id, type, blob, extra: JSON.parse(extra) as Options };
}

/** What a policy is for: an endpoint, all endpoints of a service, or those in a region and in the regions below it. */
export type PolicyTarget = { endpointId: string } | { serviceId: string; regionId?: string };

interface Association {
  policyId: string;
  endpointId: string | null;
  serviceId: string | null;
  regionId: string | null;
}

/**
 * Policies as Keystone keeps them: for services that ask for theirs. Whatever has a policy has one: another takes its place.
 */
export class Policies {
  readonly #core: CloudCore;

  constructor(core: CloudCore) {
    this.#core = core;
  }

  async list(filter: { type?: string } = {}): Promise<Policy[]> {
    const query = this.#core.db.read.selectFrom('policies').selectAll().orderBy('id');
    const rows = await (filter.type === undefined ? query : query.where('type', '=', filter.type)).execute();
    return rows.map(policyOf);
  }

  async get(id: string, db: Queryable = this.#core.db.read): Promise<Policy> {
    const query = db.selectFrom('policies').selectAll().where('id', '=', id);
    const found = await query.executeTakeFirst();
    if (!found) throw missing('policy', id);
    return policyOf(found);
  }

  async create(subject: Subject, wanted: Omit<Policy, 'id' | 'extra'> & { extra?: Options }): Promise<Policy> {
    requireAdmin(subject, 'create_policy');
    const row = {
      id: newId(this.#core.env),
      type: wanted.type,
      blob: wanted.blob,
      extra: extraText(wanted.extra ?? {}),
    };
    await this.#core.db.write((tx) => tx.insertInto('policies').values(row).execute());
    return policyOf(row);
  }

  async update(subject: Subject, id: string, changes: Partial<Omit<Policy, 'id'>>): Promise<Policy> {
    requireAdmin(subject, 'update_policy');
    return await this.#core.db.write(async (tx) => {
      await tx
        .updateTable('policies')
        .set({ id, ...changes, extra: await extraWith(tx, 'policies', id, changes.extra) })
        .where('id', '=', id)
        .execute();
      return await this.get(id, tx);
    });
  }

  /** What it was for has no policy then. */
  async delete(subject: Subject, id: string): Promise<void> {
    requireAdmin(subject, 'delete_policy');
    const { numDeletedRows } = await this.#core.db.write(async (tx) => {
      await tx.deleteFrom('policy_associations').where('policy_id', '=', id).execute();
      return await tx.deleteFrom('policies').where('id', '=', id).executeTakeFirstOrThrow();
    });
    if (numDeletedRows === 0n) throw missing('policy', id);
  }

  /** Says what the policy is for. Throws `not_found` for a policy that is not there; the caller knows the target. */
  async associate(subject: Subject, policyId: string, target: PolicyTarget): Promise<void> {
    requireAdmin(subject, 'create_policy_association');
    const row = {
      target: keyOf(target),
      policy_id: policyId,
      endpoint_id: 'endpointId' in target ? target.endpointId : null,
      service_id: 'serviceId' in target ? target.serviceId : null,
      region_id: 'serviceId' in target ? (target.regionId ?? null) : null,
    };
    await this.#core.db.write(async (tx) => {
      await this.get(policyId, tx);
      await tx
        .insertInto('policy_associations')
        .values(row)
        .onConflict((c) => c.column('target').doUpdateSet({ policy_id: sql`excluded.policy_id` }))
        .execute();
    });
  }

  /** Throws `not_found` where the target has another policy, or none. */
  async requireAssociated(policyId: string, target: PolicyTarget): Promise<void> {
    const query = this.#core.db.read.selectFrom('policy_associations').select('target');
    const found = await query.where('target', '=', keyOf(target)).where('policy_id', '=', policyId).executeTakeFirst();
    if (!found) throw new CloudError('not_found', `Could not find policy association: ${keyOf(target)}.`);
  }

  async dissociate(subject: Subject, policyId: string, target: PolicyTarget): Promise<void> {
    requireAdmin(subject, 'delete_policy_association');
    await this.requireAssociated(policyId, target);
    await this.#core.db.write((tx) =>
      tx
        .deleteFrom('policy_associations')
        .where('target', '=', keyOf(target))
        .where('policy_id', '=', policyId)
        .execute(),
    );
  }

  /** The endpoints among these that the policy is for, by whatever it was given to. */
  async endpointsOf(
    policyId: string,
    all: readonly CatalogEndpoint[],
    regions: readonly CatalogRegion[],
  ): Promise<CatalogEndpoint[]> {
    await this.get(policyId);
    const own = (await this.#associations()).filter((one) => one.policyId === policyId);
    return all.filter((endpoint) => {
      const places = regionsAbove(endpoint.regionId, regions);
      return own.some(({ endpointId, serviceId, regionId }) => {
        if (endpointId !== null) return endpointId === endpoint.id;
        return serviceId === endpoint.serviceId && (regionId === null || places.includes(regionId));
      });
    });
  }

  /** Its own policy, or else that of its service in its region or in the next one above, or else that of its service. */
  async ofEndpoint(endpoint: CatalogEndpoint, regions: readonly CatalogRegion[]): Promise<Policy> {
    const { id: endpointId, serviceId } = endpoint;
    const places = regionsAbove(endpoint.regionId, regions);
    const targets = [{ endpointId }, ...places.map((regionId) => ({ serviceId, regionId })), { serviceId }];
    const byTarget = new Map((await this.#associations()).map((one) => [one.target, one.policyId]));
    const found = targets.map((target) => byTarget.get(keyOf(target))).find((id) => id !== undefined);
    if (found === undefined) {
      throw new CloudError('not_found', `No policy is associated with endpoint ${endpointId}.`, { resource: 'policy' });
    }
    return await this.get(found);
  }

  async #associations(): Promise<Array<Association & { target: string }>> {
    const rows = await this.#core.db.read.selectFrom('policy_associations').selectAll().execute();
    return rows.map(({ target, policy_id, endpoint_id, service_id, region_id }) => ({
      ...{ target, policyId: policy_id, endpointId: endpoint_id, serviceId: service_id, regionId: region_id },
    }));
  }
}

function keyOf(target: PolicyTarget): string {
  if ('endpointId' in target) return `endpoint ${target.endpointId}`;
  return `service ${target.serviceId}${target.regionId === undefined ? '' : ` region ${target.regionId}`}`;
}

/** The region itself, and those that it lies in. */
function regionsAbove(regionId: string | null, regions: readonly CatalogRegion[]): string[] {
  const found: string[] = [];
  let next = regionId;
  while (next !== null && !found.includes(next)) {
    const current = next;
    found.push(current);
    next = regions.find(({ id }) => id === current)?.parentId ?? null;
  }
  return found;
}
