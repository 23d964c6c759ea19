import type { Tx } from '../../database/database.ts';
import type { L2NetworksTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';

/**
 * What of the data centre's wiring a network is meant for, as ZStack's administrators write it down: the interface of
 * the hosts, the VLAN, and the clusters that have it.
 */
export interface L2Network {
  id: string;
  zoneId: string;
  name: string;
  description: string | null;
  type: L2NetworksTable['type'];
  physicalInterface: string;
  vSwitchType: string;
  /** 1 to 4094; null without VLAN. */
  vlan: number | null;
}

export interface NewL2Network {
  id?: string;
  zoneId: string;
  name: string;
  description?: string | null;
  physicalInterface: string;
  vSwitchType?: string;
  vlan?: number;
}

export class L2Networks {
  readonly #core: Pick<CloudCore, 'db' | 'env'>;

  constructor(core: Pick<CloudCore, 'db' | 'env'>) {
    this.#core = core;
  }

  /** Throws `not_found`. */
  async get(id: string): Promise<L2Network> {
    const row = await this.#core.db.read.selectFrom('l2_networks').selectAll().where('id', '=', id).executeTakeFirst();
    if (!row) throw notFound('l2_network', id);
    return l2NetworkOf(row);
  }

  /** Throws `not_found` for the zone, `duplicate` where the zone has one of this interface and VLAN. */
  async create(network: NewL2Network): Promise<L2Network> {
    return await this.#core.db.write(async (tx) => {
      const { zoneId, vlan = null, physicalInterface } = network;
      const zone = await tx.selectFrom('zones').select('id').where('id', '=', zoneId).executeTakeFirst();
      if (!zone) throw notFound('zone', zoneId);
      const now = this.#core.env.now();
      const row: L2NetworksTable = {
        id: network.id ?? newId(this.#core.env),
        zone_id: zoneId,
        name: network.name,
        description: network.description ?? null,
        type: vlan === null ? 'L2NoVlanNetwork' : 'L2VlanNetwork',
        physical_interface: physicalInterface,
        v_switch_type: network.vSwitchType ?? 'LinuxBridge',
        vlan,
        created_at: now,
        updated_at: now,
      };
      await tx.insertInto('l2_networks').values(row).execute();
      return l2NetworkOf(row);
    });
  }

  async update(id: string, changes: { name?: string; description?: string | null }): Promise<L2Network> {
    const values = { ...changes, updated_at: this.#core.env.now() };
    const row = await this.#core.db.write((tx) =>
      tx.updateTable('l2_networks').set(values).where('id', '=', id).returningAll().executeTakeFirst(),
    );
    if (!row) throw notFound('l2_network', id);
    return l2NetworkOf(row);
  }

  /** Throws `conflict` (`in_use`) while an L3 network is on it. One that is not there is deleted already. */
  async delete(id: string): Promise<void> {
    await this.#core.db.write(async (tx) => {
      const used = await tx
        .selectFrom('l3_network_facts')
        .select('network_id')
        .where('l2_network_id', '=', id)
        .executeTakeFirst();
      if (used) {
        const words = `l2Network[uuid:${id}] has l3Network[uuid:${used.network_id}] on it, delete that first`;
        throw new CloudError('conflict', words, { resource: 'l2_network', id, reason: 'in_use' });
      }
      await tx.deleteFrom('l2_networks').where('id', '=', id).execute();
    });
  }

  /** Throws `not_found`, and `conflict` (`attached`, `other_zone`). */
  async attach(id: string, clusterId: string): Promise<void> {
    const network = await this.get(id);
    await this.#core.db.write(async (tx) => {
      const cluster = await tx.selectFrom('clusters').select('zone_id').where('id', '=', clusterId).executeTakeFirst();
      if (!cluster) throw notFound('cluster', clusterId);
      if (cluster.zone_id !== network.zoneId) {
        const words = `l2Network[uuid:${id}] and cluster[uuid:${clusterId}] are not in the same zone`;
        throw new CloudError('conflict', words, { reason: 'other_zone' });
      }
      if (await this.#isAttached(tx, id, clusterId)) {
        const words = `l2Network[uuid:${id}] has been attached to cluster[uuid:${clusterId}]`;
        throw new CloudError('conflict', words, { reason: 'attached' });
      }
      await tx.insertInto('l2_network_clusters').values({ l2_network_id: id, cluster_id: clusterId }).execute();
    });
  }

  /** Taking it from a cluster that does not have it changes nothing. */
  async detach(id: string, clusterId: string): Promise<void> {
    await this.#core.db.write((tx) =>
      tx
        .deleteFrom('l2_network_clusters')
        .where('l2_network_id', '=', id)
        .where('cluster_id', '=', clusterId)
        .execute(),
    );
  }

  async #isAttached(tx: Tx, id: string, clusterId: string): Promise<boolean> {
    const row = await tx
      .selectFrom('l2_network_clusters')
      .select('cluster_id')
      .where('l2_network_id', '=', id)
      .where('cluster_id', '=', clusterId)
      .executeTakeFirst();
    return row !== undefined;
  }
}

function l2NetworkOf(row: L2NetworksTable): L2Network {
  return {
    id: row.id,
    zoneId: row.zone_id,
    name: row.name,
    description: row.description,
    type: row.type,
    physicalInterface: row.physical_interface,
    vSwitchType: row.v_switch_type,
    vlan: row.vlan,
  };
}
