import type { Tx } from '../../database/database.ts';
import type { Schema } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import {
  type CatalogEndpoint,
  type CatalogRegion,
  type CatalogServiceEntry,
  type EndpointGroup,
  endpointOf,
  endpointRow,
  groupOf,
  regionOf,
  regionRow,
  serviceOf,
  serviceRow,
} from './catalog-rows.ts';
import { type IdentityResource, missing } from './failures.ts';
import type { Options } from './model.ts';
import { requireAdmin, type Subject } from './subject.ts';

/** What is said of one that is to be made. */
type Unmade<Item> = Omit<Item, 'id' | 'extra'> & { extra?: Options };
/** What is said of one that is there. */
type Changes<Item> = Partial<Unmade<Item>>;
type CatalogTable = 'catalog_regions' | 'catalog_services' | 'catalog_endpoints' | 'endpoint_groups';

/**
 * Regions, services and endpoints that administrators have added to those that this program serves itself, and which
 * projects see which endpoints. What is served by this program is not in the database and can't be changed.
 */
export class Catalog {
  readonly #core: CloudCore;

  constructor(core: CloudCore) {
    this.#core = core;
  }

  async regions(): Promise<CatalogRegion[]> {
    const rows = await this.#core.db.read.selectFrom('catalog_regions').selectAll().orderBy('id').execute();
    return rows.map(regionOf);
  }

  async services(): Promise<CatalogServiceEntry[]> {
    const rows = await this.#core.db.read.selectFrom('catalog_services').selectAll().orderBy('id').execute();
    return rows.map(serviceOf);
  }

  async endpoints(): Promise<CatalogEndpoint[]> {
    const rows = await this.#core.db.read.selectFrom('catalog_endpoints').selectAll().orderBy('id').execute();
    return rows.map(endpointOf);
  }

  async groups(filters: { name?: string } = {}): Promise<EndpointGroup[]> {
    const query = this.#core.db.read.selectFrom('endpoint_groups').selectAll();
    const rows = await (filters.name === undefined ? query : query.where('name', '=', filters.name)).execute();
    return rows.map(groupOf);
  }

  async group(id: string): Promise<EndpointGroup> {
    const found = (await this.groups()).find((group) => group.id === id);
    if (!found) throw missing('endpoint group', id);
    return found;
  }

  /** The endpoints that a project sees: undefined for all, where nobody has said anything. */
  async filterOf(projectId: string): Promise<((endpoint: CatalogEndpoint) => boolean) | undefined> {
    const { read } = this.#core.db;
    const own = await read
      .selectFrom('project_endpoints')
      .select('endpoint_id')
      .where('project_id', '=', projectId)
      .execute();
    const groups = await this.groupsOf(projectId);
    if (own.length === 0 && groups.length === 0) return undefined;
    const ids = new Set(own.map(({ endpoint_id }) => endpoint_id));
    return (endpoint) => ids.has(endpoint.id) || groups.some(({ filters }) => isIn(endpoint, filters));
  }

  async createRegion(subject: Subject, region: CatalogRegion): Promise<CatalogRegion> {
    requireAdmin(subject, 'create_region');
    await this.#core.db.write(async (tx) => {
      await this.#requireParent(tx, region);
      const isOwn = region.id === this.#core.settings.region;
      if (isOwn || !(await insertRegion(tx, region))) throw taken('region', region.id);
    });
    return region;
  }

  /** There is such a region from then on, whoever else makes it at the same moment. */
  async ensureRegion(subject: Subject, id: string): Promise<void> {
    requireAdmin(subject, 'create_region');
    if (id === this.#core.settings.region) return;
    await this.#core.db.write((tx) => insertRegion(tx, { id, description: '', parentId: null, extra: {} }));
  }

  async updateRegion(subject: Subject, id: string, changes: Changes<CatalogRegion>): Promise<CatalogRegion> {
    requireAdmin(subject, 'update_region');
    return await this.#core.db.write(async (tx) => {
      const region = changed(regionOf(await claimed(tx, 'catalog_regions', 'region', id)), changes);
      await this.#requireParent(tx, region);
      await tx.updateTable('catalog_regions').set(regionRow(region)).where('id', '=', id).execute();
      return region;
    });
  }

  async #requireParent(tx: Tx, { parentId }: CatalogRegion): Promise<void> {
    if (parentId === null || parentId === this.#core.settings.region) return;
    const parent = await tx.selectFrom('catalog_regions').select('id').where('id', '=', parentId).executeTakeFirst();
    if (!parent) throw missing('region', parentId);
  }

  async deleteRegion(subject: Subject, id: string): Promise<void> {
    requireAdmin(subject, 'delete_region');
    if ((await this.endpoints()).some(({ regionId }) => regionId === id)) {
      throw new CloudError('forbidden', `Region ${id} has endpoints.`);
    }
    if ((await this.regions()).some(({ parentId }) => parentId === id)) {
      throw new CloudError('forbidden', `Region ${id} has regions below it.`);
    }
    await this.#delete('catalog_regions', 'region', id, async (tx) => {
      await tx.deleteFrom('policy_associations').where('region_id', '=', id).execute();
    });
  }

  async createService(subject: Subject, wanted: Unmade<CatalogServiceEntry>): Promise<CatalogServiceEntry> {
    requireAdmin(subject, 'create_service');
    const service = { id: newId(this.#core.env), ...wanted, extra: wanted.extra ?? {} };
    await this.#core.db.write((tx) => tx.insertInto('catalog_services').values(serviceRow(service)).execute());
    return service;
  }

  async updateService(subject: Subject, id: string, changes: Changes<CatalogServiceEntry>) {
    requireAdmin(subject, 'update_service');
    return await this.#core.db.write(async (tx) => {
      const service = changed(serviceOf(await claimed(tx, 'catalog_services', 'service', id)), changes);
      await tx.updateTable('catalog_services').set(serviceRow(service)).where('id', '=', id).execute();
      return service;
    });
  }

  /** Its endpoints go along; limits that are registered for it stay, as in Keystone. */
  async deleteService(subject: Subject, id: string): Promise<void> {
    requireAdmin(subject, 'delete_service');
    await this.#delete('catalog_services', 'service', id, async (tx) => {
      await tx.deleteFrom('catalog_endpoints').where('service_id', '=', id).execute();
      await tx.deleteFrom('policy_associations').where('service_id', '=', id).execute();
    });
  }

  async createEndpoint(subject: Subject, wanted: Unmade<CatalogEndpoint>): Promise<CatalogEndpoint> {
    requireAdmin(subject, 'create_endpoint');
    const endpoint = { id: newId(this.#core.env), ...wanted, extra: wanted.extra ?? {} };
    await this.#core.db.write((tx) => tx.insertInto('catalog_endpoints').values(endpointRow(endpoint)).execute());
    return endpoint;
  }

  async updateEndpoint(subject: Subject, id: string, changes: Changes<CatalogEndpoint>) {
    requireAdmin(subject, 'update_endpoint');
    return await this.#core.db.write(async (tx) => {
      const endpoint = changed(endpointOf(await claimed(tx, 'catalog_endpoints', 'endpoint', id)), changes);
      await tx.updateTable('catalog_endpoints').set(endpointRow(endpoint)).where('id', '=', id).execute();
      return endpoint;
    });
  }

  async deleteEndpoint(subject: Subject, id: string): Promise<void> {
    requireAdmin(subject, 'delete_endpoint');
    await this.#delete('catalog_endpoints', 'endpoint', id, async (tx) => {
      await tx.deleteFrom('project_endpoints').where('endpoint_id', '=', id).execute();
      await tx.deleteFrom('policy_associations').where('endpoint_id', '=', id).execute();
    });
  }

  async createGroup(subject: Subject, wanted: Omit<EndpointGroup, 'id'>): Promise<EndpointGroup> {
    requireAdmin(subject, 'create_endpoint_group');
    const group = { id: newId(this.#core.env), ...wanted };
    const row = { ...group, filters: JSON.stringify(group.filters) };
    await this.#core.db.write((tx) => tx.insertInto('endpoint_groups').values(row).execute());
    return group;
  }

  async updateGroup(subject: Subject, id: string, changes: Partial<Omit<EndpointGroup, 'id'>>): Promise<EndpointGroup> {
    requireAdmin(subject, 'update_endpoint_group');
    return await this.#core.db.write(async (tx) => {
      const before = groupOf(await claimed(tx, 'endpoint_groups', 'endpoint group', id));
      const group = { ...before, ...withoutUndefined(changes) };
      const row = { ...group, filters: JSON.stringify(group.filters) };
      await tx.updateTable('endpoint_groups').set(row).where('id', '=', id).execute();
      return group;
    });
  }

  async deleteGroup(subject: Subject, id: string): Promise<void> {
    requireAdmin(subject, 'delete_endpoint_group');
    await this.#delete('endpoint_groups', 'endpoint group', id, async (tx) => {
      await tx.deleteFrom('project_endpoint_groups').where('group_id', '=', id).execute();
    });
  }

  /** Endpoints that projects were given one by one. */
  async associations(): Promise<Array<{ projectId: string; endpointId: string }>> {
    const rows = await this.#core.db.read.selectFrom('project_endpoints').selectAll().execute();
    return rows.map(({ project_id, endpoint_id }) => ({ projectId: project_id, endpointId: endpoint_id }));
  }

  async groupsOf(projectId: string): Promise<EndpointGroup[]> {
    const rows = await this.#core.db.read
      .selectFrom('endpoint_groups')
      .innerJoin('project_endpoint_groups', 'project_endpoint_groups.group_id', 'endpoint_groups.id')
      .selectAll('endpoint_groups')
      .where('project_id', '=', projectId)
      .execute();
    return rows.map(groupOf);
  }

  async projectsOfGroup(groupId: string): Promise<string[]> {
    const rows = await this.#core.db.read
      .selectFrom('project_endpoint_groups')
      .select('project_id')
      .where('group_id', '=', groupId)
      .execute();
    return rows.map(({ project_id }) => project_id);
  }

  /** Lets a project see an endpoint, or a group of them, or see it no more. */
  async associate(
    subject: Subject,
    projectId: string,
    what: { endpointId: string } | { groupId: string },
    isWanted: boolean,
  ): Promise<void> {
    requireAdmin(subject, isWanted ? 'add_endpoint_to_project' : 'remove_endpoint_from_project');
    await this.#core.db.write(async (tx) => {
      const project = await tx.selectFrom('projects').select('id').where('id', '=', projectId).executeTakeFirst();
      if (!project) throw missing('project', projectId);
      if ('endpointId' in what) {
        const row = { project_id: projectId, endpoint_id: what.endpointId };
        const added = tx.insertInto('project_endpoints').values(row);
        const removed = tx.deleteFrom('project_endpoints').where((eb) => eb.and(row));
        await (isWanted ? added.onConflict((conflict) => conflict.doNothing()) : removed).execute();
      } else {
        const row = { project_id: projectId, group_id: what.groupId };
        const added = tx.insertInto('project_endpoint_groups').values(row);
        const removed = tx.deleteFrom('project_endpoint_groups').where((eb) => eb.and(row));
        await (isWanted ? added.onConflict((conflict) => conflict.doNothing()) : removed).execute();
      }
    });
  }

  /** @param along what goes with it */
  async #delete(
    table: CatalogTable,
    kind: IdentityResource,
    id: string,
    along: (tx: Tx) => Promise<void>,
  ): Promise<void> {
    await this.#core.db.write(async (tx) => {
      const { numDeletedRows } = await tx.deleteFrom(table).where('id', '=', id).executeTakeFirstOrThrow();
      if (numDeletedRows === 0n) throw missing(kind, id);
      await along(tx);
    });
  }
}

function isIn(endpoint: CatalogEndpoint, filters: Record<string, string>): boolean {
  const values: Record<string, string | null> = {
    service_id: endpoint.serviceId,
    region_id: endpoint.regionId,
    interface: endpoint.interface,
  };
  return Object.entries(filters).every(([name, value]) => values[name] === value);
}

/** What is there, which nobody else changes until the transaction ends. */
async function claimed<Table extends CatalogTable>(
  tx: Tx,
  table: Table,
  kind: IdentityResource,
  id: string,
): Promise<Schema[Table]> {
  const query = tx
    .selectFrom(table as 'catalog_regions')
    .selectAll()
    .where('id', '=', id);
  const row = await query.forUpdate().executeTakeFirst();
  if (!row) throw missing(kind, id);
  return row as unknown as Schema[Table];
}

/** Gives whether there was none of its id. */
async function insertRegion(tx: Tx, region: CatalogRegion): Promise<boolean> {
  const made = await tx
    .insertInto('catalog_regions')
    .values(regionRow(region))
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .execute();
  return made.length > 0;
}

/** What clients chose goes over what is there, member by member. */
function changed<Item extends { extra: Options }>(before: Item, changes: Partial<NoInfer<Item>>): Item {
  return { ...before, ...withoutUndefined(changes), extra: { ...before.extra, ...changes.extra } };
}

function withoutUndefined<Item extends object>(item: Item): Item {
  return Object.fromEntries(Object.entries(item).filter(([, value]) => value !== undefined)) as Item;
}

function taken(kind: string, id: string): CloudError {
  return new CloudError('duplicate', `Conflict occurred attempting to store ${kind} - Duplicate ID, ${id}.`);
}
