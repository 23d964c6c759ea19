import type { Tx } from '../../database/database.ts';
import type { ClustersTable, ZonesTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import { forgetSettings } from '../resource-settings/forget-settings.ts';

/** Where an aggregate keeps the name of its zone, as Nova does. */
export const zoneKey = 'availability_zone';

export interface NewZone {
  id?: string;
  name: string;
  description?: string | null;
  isDefault?: boolean;
}

export interface NewCluster {
  id?: string;
  zoneId: string;
  name: string;
  description?: string | null;
  hypervisorType: string;
  architecture?: string;
}

export interface PlaceNotes {
  name?: string;
  description?: string | null;
}

/** Makes, changes and removes zones and clusters. Hosts come to a cluster when their agents are attached. */
export class PlaceChanges {
  readonly #core: Pick<CloudCore, 'db' | 'env'>;

  constructor(core: Pick<CloudCore, 'db' | 'env'>) {
    this.#core = core;
  }

  /** Throws `duplicate`: zones are known by name to OpenStack's clients. */
  async createZone(zone: NewZone): Promise<string> {
    const id = zone.id ?? newId(this.#core.env);
    const now = this.#core.env.now();
    const row: ZonesTable = {
      id,
      name: zone.name,
      description: zone.description ?? null,
      is_default: zone.isDefault ? 1 : 0,
      enabled: 1,
      created_at: now,
      updated_at: now,
    };
    await this.#core.db.write(async (tx) => {
      await this.#refuseTakenName(tx, zone.name);
      if (zone.isDefault) await tx.updateTable('zones').set({ is_default: 0 }).execute();
      await tx.insertInto('zones').values(row).execute();
    });
    return id;
  }

  async updateZone(id: string, { isDefault, ...notes }: PlaceNotes & { isDefault?: boolean }): Promise<void> {
    await this.#core.db.write(async (tx) => {
      if (notes.name !== undefined) {
        await this.#refuseTakenName(tx, notes.name, id);
        await renameInAggregates(tx, id, notes.name, this.#core.env.now());
      }
      if (isDefault) await tx.updateTable('zones').set({ is_default: 0 }).execute();
      const flag = isDefault === undefined ? {} : { is_default: isDefault ? (1 as const) : (0 as const) };
      const values = { ...notes, ...flag, updated_at: this.#core.env.now() };
      const { numUpdatedRows } = await tx.updateTable('zones').set(values).where('id', '=', id).executeTakeFirst();
      if (numUpdatedRows === 0n) throw notFound('zone', id);
    });
  }

  /** A zone's clusters, and their hosts, go with it: nothing new is placed on disabled hosts. */
  async setZoneEnabled(id: string, enabled: boolean): Promise<void> {
    await this.#core.db.write(async (tx) => {
      const flag = enabled ? (1 as const) : (0 as const);
      const now = this.#core.env.now();
      const values = { enabled: flag, updated_at: now };
      const { numUpdatedRows } = await tx.updateTable('zones').set(values).where('id', '=', id).executeTakeFirst();
      if (numUpdatedRows === 0n) throw notFound('zone', id);
      await tx.updateTable('clusters').set(values).where('zone_id', '=', id).execute();
      const state = enabled ? 'enabled' : 'disabled';
      await tx.updateTable('hosts').set({ state, updated_at: now }).where('zone_id', '=', id).execute();
    });
  }

  /**
   * Throws `conflict` (`in_use`) while it has hosts, servers (also those that are on no host) or volumes, and for the last
   * one. One that is not there is deleted already. Where it was the default one, the oldest is that now.
   */
  async deleteZone(id: string): Promise<void> {
    await this.#core.db.write(async (tx) => {
      const others = await tx.selectFrom('zones').select('id').where('id', '<>', id).limit(1).execute();
      if (others.length === 0) throw inUse('zone', id, `zone[uuid:${id}] is the only one, it can't be deleted`);
      await refuseHosts(tx, 'zone', 'zone_id', id);
      const guest = await tx
        .selectFrom('aggregate_hosts')
        .select('host_id')
        .where('previous_zone_id', '=', id)
        .executeTakeFirst();
      if (guest)
        throw inUse('zone', id, `host[uuid:${guest.host_id}] goes back to zone[uuid:${id}], it can't be deleted`);
      const storage = await tx.selectFrom('storages').select('id').where('zone_id', '=', id).executeTakeFirst();
      if (storage) {
        const words = `zone[uuid:${id}] has primary storage[uuid:${storage.id}], it can't be deleted`;
        throw inUse('zone', id, words);
      }
      await forgetSettings(tx, tx.selectFrom('clusters').select('id').where('zone_id', '=', id));
      await forgetSettings(tx, id);
      await tx.deleteFrom('clusters').where('zone_id', '=', id).execute();
      await leaveStores(tx, id);
      await tx.deleteFrom('l2_networks').where('zone_id', '=', id).execute();
      for (const table of ['servers', 'volumes', 'volume_groups'] as const) await refuseContent(tx, table, id);
      await tx.deleteFrom('zones').where('id', '=', id).execute();
      await keepDefault(tx);
    });
  }

  async createCluster(cluster: NewCluster): Promise<string> {
    const id = cluster.id ?? newId(this.#core.env);
    const now = this.#core.env.now();
    await this.#core.db.write(async (tx) => {
      const zone = await tx.selectFrom('zones').select('id').where('id', '=', cluster.zoneId).executeTakeFirst();
      if (!zone) throw notFound('zone', cluster.zoneId);
      const row: ClustersTable = {
        id,
        zone_id: cluster.zoneId,
        name: cluster.name,
        description: cluster.description ?? null,
        enabled: 1,
        hypervisor_type: cluster.hypervisorType,
        architecture: cluster.architecture ?? 'x86_64',
        created_at: now,
        updated_at: now,
      };
      await tx.insertInto('clusters').values(row).execute();
    });
    return id;
  }

  async updateCluster(id: string, notes: PlaceNotes): Promise<void> {
    const values = { ...notes, updated_at: this.#core.env.now() };
    const { numUpdatedRows } = await this.#core.db.write((tx) =>
      tx.updateTable('clusters').set(values).where('id', '=', id).executeTakeFirst(),
    );
    if (numUpdatedRows === 0n) throw notFound('cluster', id);
  }

  /** A cluster's hosts go with it. */
  async setClusterEnabled(id: string, enabled: boolean): Promise<void> {
    await this.#core.db.write(async (tx) => {
      const now = this.#core.env.now();
      const values = { enabled: enabled ? (1 as const) : (0 as const), updated_at: now };
      const { numUpdatedRows } = await tx.updateTable('clusters').set(values).where('id', '=', id).executeTakeFirst();
      if (numUpdatedRows === 0n) throw notFound('cluster', id);
      const state = enabled ? 'enabled' : 'disabled';
      await tx.updateTable('hosts').set({ state, updated_at: now }).where('cluster_id', '=', id).execute();
    });
  }

  /** Throws `conflict` (`in_use`) while it has hosts. One that is not there is deleted already. */
  async deleteCluster(id: string): Promise<void> {
    await this.#core.db.write(async (tx) => {
      await refuseHosts(tx, 'cluster', 'cluster_id', id);
      await forgetSettings(tx, id);
      await tx.deleteFrom('storage_clusters').where('cluster_id', '=', id).execute();
      await tx.deleteFrom('clusters').where('id', '=', id).execute();
    });
  }

  async #refuseTakenName(tx: Tx, name: string, except = ''): Promise<void> {
    const query = tx.selectFrom('zones').select('id').where('name', '=', name).where('id', '<>', except);
    if (await query.executeTakeFirst()) throw new CloudError('duplicate', `a zone is called ${name} already`);
  }
}

/** Aggregates keep their zone by its name, as Nova's clients set it. */
async function renameInAggregates(tx: Tx, zoneId: string, name: string, now: number): Promise<void> {
  const before = await tx.selectFrom('zones').select('name').where('id', '=', zoneId).executeTakeFirst();
  for (const row of await tx.selectFrom('aggregates').select(['id', 'metadata']).execute()) {
    const metadata = JSON.parse(row.metadata) as Record<string, string>;
    if (before === undefined || metadata[zoneKey] !== before.name) continue;
    const values = { metadata: JSON.stringify({ ...metadata, [zoneKey]: name }), updated_at: now };
    await tx.updateTable('aggregates').set(values).where('id', '=', row.id).execute();
  }
}

/** A server that is shelved, and a volume of no disk yet, have a zone and no host. */
async function refuseContent(tx: Tx, table: 'servers' | 'volumes' | 'volume_groups', zoneId: string): Promise<void> {
  const held = await tx
    .selectFrom(table)
    .select('id')
    .where('zone_id', '=', zoneId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  if (!held) return;
  const what = { servers: 'server', volumes: 'volume', volume_groups: 'volume group' }[table];
  throw inUse('zone', zoneId, `zone[uuid:${zoneId}] has ${what}[uuid:${held.id}], it can't be deleted`);
}

/** No image is missing in a zone that is gone: what failed to get into a store of no other zone is not told any more. */
async function leaveStores(tx: Tx, zoneId: string): Promise<void> {
  const left = await tx.selectFrom('image_store_zones').select('store_id').where('zone_id', '=', zoneId).execute();
  await tx.deleteFrom('image_store_zones').where('zone_id', '=', zoneId).execute();
  await tx
    .deleteFrom('image_replicas')
    .where('state', '=', 'error')
    .where('store_id', 'in', ['', ...left.map(({ store_id }) => store_id)])
    .where('store_id', 'not in', (e) => e.selectFrom('image_store_zones').select('store_id'))
    .execute();
}

async function keepDefault(tx: Tx): Promise<void> {
  if (await tx.selectFrom('zones').select('id').where('is_default', '=', 1).executeTakeFirst()) return;
  const oldest = await tx
    .selectFrom('zones')
    .select('id')
    .orderBy('created_at')
    .orderBy('id')
    .executeTakeFirstOrThrow();
  await tx.updateTable('zones').set({ is_default: 1 }).where('id', '=', oldest.id).execute();
}

async function refuseHosts(tx: Tx, what: string, column: 'zone_id' | 'cluster_id', id: string): Promise<void> {
  const host = await tx.selectFrom('hosts').select('id').where(column, '=', id).executeTakeFirst();
  if (host) throw inUse(what, id, `${what}[uuid:${id}] has host[uuid:${host.id}], it can't be deleted`);
}

function inUse(resource: string, id: string, words: string): CloudError {
  return new CloudError('conflict', words, { resource, id, reason: 'in_use' });
}
