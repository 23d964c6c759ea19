import { createHash } from 'node:crypto';
import type { Tx } from '../../database/database.ts';
import type { ClustersTable, ZonesTable } from '../../database/schema.ts';
import { statement } from '../../database/statement.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { PlaceChanges } from './place-changes.ts';

/** An availability zone: hosts, image stores and volumes belong to one. */
export interface Zone {
  id: string;
  name: string;
  description: string | null;
  isDefault: boolean;
  enabled: boolean;
  createdAt: number;
  updatedAt: number;
}

/** Hosts of one kind within a zone. */
export interface Cluster {
  id: string;
  zoneId: string;
  name: string;
  enabled: boolean;
  hypervisorType: string;
  architecture: string;
}

export class Zones {
  readonly #core: CloudCore;
  /** Zones are few and change rarely, and every server's view names one. */
  #kept: { version: number; names: ReadonlyMap<string, string> } | undefined;
  readonly changes: PlaceChanges;

  constructor(core: CloudCore) {
    this.#core = core;
    this.changes = new PlaceChanges(core);
  }

  /** Makes the first zone and cluster of a new cloud. */
  async bootstrap(
    tx: Tx,
    first: { zone: string; cluster: string; hypervisorType: string; architecture: string },
  ): Promise<void> {
    if (await tx.selectFrom('zones').select('id').executeTakeFirst()) return;
    const now = this.#core.env.now();
    const zone: ZonesTable = {
      id: newId(this.#core.env),
      name: first.zone,
      description: null,
      is_default: 1,
      enabled: 1,
      created_at: now,
      updated_at: now,
    };
    await tx.insertInto('zones').values(zone).execute();
    const cluster: ClustersTable = {
      id: newId(this.#core.env),
      zone_id: zone.id,
      name: first.cluster,
      description: null,
      enabled: 1,
      hypervisor_type: first.hypervisorType,
      architecture: first.architecture,
      created_at: now,
      updated_at: now,
    };
    await tx.insertInto('clusters').values(cluster).execute();
  }

  async list(): Promise<Zone[]> {
    const rows = await this.#core.db.read.selectFrom('zones').selectAll().orderBy('name').execute();
    return rows.map(zoneFromRow);
  }

  /** Those that have hosts: where servers and volumes can be. */
  async ofHosts(): Promise<Zone[]> {
    const query = this.#core.db.read.selectFrom('zones').selectAll();
    const rows = await query
      .where('id', 'in', (eb) => eb.selectFrom('hosts').select('zone_id'))
      .orderBy('name')
      .execute();
    return rows.map(zoneFromRow);
  }

  /** Makes a zone of this name exist; gives its id. */
  async ensure(name: string): Promise<string> {
    return await this.#core.db.write(async (tx) => await this.ensureIn(tx, name));
  }

  /** As `ensure`, as part of a transaction. */
  async ensureIn(tx: Tx, name: string): Promise<string> {
    const known = await tx.selectFrom('zones').select('id').where('name', '=', name).executeTakeFirst();
    if (known) return known.id;
    const now = this.#core.env.now();
    const row: ZonesTable = {
      id: newId(this.#core.env),
      name,
      description: null,
      is_default: 0,
      enabled: 1,
      created_at: now,
      updated_at: now,
    };
    await tx.insertInto('zones').values(row).execute();
    return row.id;
  }

  /** Where a new host comes: into the zone of this name, which is made if need be, or the default one. */
  async placeFor(zoneName?: string): Promise<{ zoneId: string; clusterId: string }> {
    const zoneId = zoneName === undefined ? (await this.default()).id : await this.ensure(zoneName);
    return await this.#core.db.write(async (tx) => ({
      zoneId,
      clusterId: await clusterOf(tx, this.#core.env, zoneId),
    }));
  }

  /**
   * The zone that is meant when a request names none. Where several have hosts it follows from who asks, as K5 has it: from
   * the id of their domain, always the same one, and another one for no more domains than need be when zones come or go.
   */
  async default(domainId?: string): Promise<Zone> {
    const rows = await this.#core.db.read
      .selectFrom('zones')
      .selectAll()
      .select((e) =>
        e.exists(e.selectFrom('hosts').select('hosts.id').whereRef('hosts.zone_id', '=', 'zones.id')).as('has_hosts'),
      )
      .orderBy('is_default', 'desc')
      .execute();
    const candidates = domainId === undefined ? [] : rows.filter(({ enabled, has_hosts }) => enabled && has_hosts);
    const weighed = candidates.map((row) => ({ row, weight: weight(domainId!, row.id) }));
    const chosen = weighed.toSorted((a, b) => (a.weight < b.weight ? 1 : -1))[0];
    const row = chosen && candidates.length > 1 ? chosen.row : rows[0];
    if (!row) throw new Error('the cloud has no zone');
    return zoneFromRow(row);
  }

  async byName(name: string): Promise<Zone | undefined> {
    const row = await this.#core.db.read.selectFrom('zones').selectAll().where('name', '=', name).executeTakeFirst();
    return row && zoneFromRow(row);
  }

  /** The zone of this name, if something can be placed there: it is enabled, and has hosts. */
  async available(name: string): Promise<Zone | undefined> {
    const zone = await this.byName(name);
    if (!zone?.enabled) return undefined;
    const { read } = this.#core.db;
    const host = await read.selectFrom('hosts').select('id').where('zone_id', '=', zone.id).executeTakeFirst();
    return host && zone;
  }

  async clusters(): Promise<Cluster[]> {
    const rows = await this.#core.db.read.selectFrom('clusters').selectAll().orderBy('name').execute();
    return rows.map((row) => ({
      id: row.id,
      zoneId: row.zone_id,
      name: row.name,
      enabled: row.enabled === 1,
      hypervisorType: row.hypervisor_type,
      architecture: row.architecture,
    }));
  }

  /** Zone names by id: from memory for as long as nobody has changed a zone, and read where that can't be known. */
  async names(): Promise<ReadonlyMap<string, string>> {
    const { db } = this.#core;
    const version = db.versionOf(['zones']);
    if (version !== undefined && this.#kept?.version === version) return this.#kept.names;
    const rows = await allNames.all(db.read, {});
    const names = new Map(rows.map(({ id, name }) => [id, name]));
    if (version !== undefined) this.#kept = { version, names };
    return names;
  }
}

const allNames = statement((q) => q.selectFrom('zones').select(['id', 'name']));

/** The id of a cluster of the zone; one is made where there is none. */
export async function clusterOf(tx: Tx, env: CloudCore['env'], zoneId: string): Promise<string> {
  const known = await tx
    .selectFrom('clusters')
    .select('id')
    .where('zone_id', '=', zoneId)
    .orderBy('created_at')
    .orderBy('id')
    .executeTakeFirst();
  if (known) return known.id;
  const now = env.now();
  const cluster: ClustersTable = {
    id: newId(env),
    zone_id: zoneId,
    name: 'default',
    description: null,
    enabled: 1,
    hypervisor_type: 'KVM',
    architecture: 'x86_64',
    created_at: now,
    updated_at: now,
  };
  await tx.insertInto('clusters').values(cluster).execute();
  return cluster.id;
}

/** Rendezvous hashing: each domain has its own order of all zones. */
function weight(domainId: string, zoneId: string): string {
  return createHash('sha256').update(`${domainId}\n${zoneId}`).digest('hex');
}

function zoneFromRow(row: ZonesTable): Zone {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    isDefault: row.is_default === 1,
    enabled: row.enabled === 1,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
