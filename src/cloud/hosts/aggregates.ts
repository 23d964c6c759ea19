import { ConstraintViolation, type Queryable, type Tx } from '../../database/database.ts';
import type { AggregatesTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import { zoneKey } from '../zones/place-changes.ts';
import type { Zones } from '../zones/zones.ts';
import { moveHosts, refusedZone, refuseOtherZones, type ZoneDoing } from './host-zones.ts';

/** A group of hosts with facts about them, for operators. A host may be in several. */
export interface Aggregate {
  id: string;
  /** What Nova's clients know it by. */
  number: number;
  name: string;
  /** The zone that its hosts are in, if it names one. */
  zone: string | null;
  metadata: Record<string, string>;
  /** Names of its hosts, in alphabetical order. */
  hosts: string[];
  createdAt: number;
  updatedAt: number | null;
}

/**
 * An aggregate that names a zone brings its hosts there, as Nova's do: the zone is made if need be, and a host that leaves
 * goes back to where it was. Servers and disks stay in their zone, and so does a host that has some.
 */
export class Aggregates {
  readonly #core: CloudCore;
  readonly #zones: Pick<Zones, 'ensureIn'>;

  constructor(core: CloudCore, zones: Pick<Zones, 'ensureIn'>) {
    this.#core = core;
    this.#zones = zones;
  }

  /** In the order in which they were made. */
  async list(): Promise<Aggregate[]> {
    const { read } = this.#core.db;
    const rows = await read.selectFrom('aggregates').selectAll().orderBy('number').execute();
    const hosts = await hostsOf(read);
    return rows.map((row) => aggregateOf(row, hosts));
  }

  /** Throws `not_found`. */
  async get(number: number): Promise<Aggregate> {
    const { read } = this.#core.db;
    return aggregateOf(await rowOf(read, number), await hostsOf(read));
  }

  /** Throws `duplicate` for a name that there is. */
  async create(wanted: { name: string; zone?: string | null }): Promise<Aggregate> {
    const { db, env } = this.#core;
    const row = await db
      .write(async (tx) => {
        const { last } = await tx
          .selectFrom('aggregates')
          .select((e) => e.fn.max('number').as('last'))
          .executeTakeFirstOrThrow();
        const fresh: AggregatesTable = {
          id: newId(env),
          number: Number(last ?? 0) + 1,
          name: wanted.name,
          metadata: JSON.stringify(wanted.zone ? { [zoneKey]: wanted.zone } : {}),
          created_at: env.now(),
          updated_at: null,
        };
        await tx.insertInto('aggregates').values(fresh).execute();
        return fresh;
      })
      .catch(inWordsOfNames(wanted.name));
    return aggregateOf(row, new Map());
  }

  /** Throws `not_found`, `duplicate`, and `invalid` where its hosts can't go to the zone that it would name. */
  async update(number: number, changes: { name?: string; zone?: string | null }): Promise<Aggregate> {
    const { name, zone } = changes;
    await this.#change(number, async (tx, row, metadata) => {
      if (zone !== undefined) await this.#setZone(tx, row, metadata, zone);
      return name === undefined ? {} : { name };
    }).catch(inWordsOfNames(name ?? ''));
    return await this.get(number);
  }

  /** Sets facts, and removes those that are null. Throws as `update` does. */
  async setMetadata(number: number, changes: Record<string, string | null>): Promise<Aggregate> {
    await this.#change(number, async (tx, row, metadata) => {
      for (const [key, value] of Object.entries(changes)) {
        if (key === zoneKey) await this.#setZone(tx, row, metadata, value);
        else if (value === null) delete metadata[key];
        else metadata[key] = value;
      }
      return {};
    });
    return await this.get(number);
  }

  /** Throws `conflict` for one that has hosts. */
  async delete(number: number): Promise<void> {
    await this.#core.db.write(async (tx) => {
      const { id } = await rowOf(tx, number);
      if ((await hostsOf(tx)).get(id)?.length) {
        throw new CloudError('invalid', `Cannot remove aggregate ${number}. Reason: Host aggregate is not empty.`);
      }
      await tx.deleteFrom('aggregates').where('id', '=', id).execute();
    });
  }

  /** Throws `not_found`; `duplicate` for a host that is in it, `conflict` for one that can't go to the zone that it names. */
  async addHost(number: number, hostName: string): Promise<Aggregate> {
    await this.#change(number, async (tx, row, metadata) => {
      const host = await hostNamed(tx, hostName);
      const entry = { aggregate_id: row.id, host_id: host.id, previous_zone_id: null };
      await tx.insertInto('aggregate_hosts').values(entry).execute();
      if (metadata[zoneKey] !== undefined) {
        await refuseOtherZones(tx, row, [host.id], metadata[zoneKey], 'add_host_to_aggregate');
        await this.#bring(tx, row, [host], metadata[zoneKey], 'add_host_to_aggregate');
      }
      return {};
    }).catch((error: unknown) => {
      if (!(error instanceof ConstraintViolation)) throw error;
      throw new CloudError('duplicate', `Aggregate ${number} already has host ${hostName}.`, { cause: error });
    });
    return await this.get(number);
  }

  /** Throws `not_found`, also for a host that is not in it, and `conflict` for one that can't go back to its zone. */
  async removeHost(number: number, hostName: string): Promise<Aggregate> {
    await this.#change(number, async (tx, row) => {
      const host = await hostNamed(tx, hostName);
      const members = (await membersOf(tx, row.id)).filter(({ id }) => id === host.id);
      if (members.length === 0)
        throw new CloudError('not_found', `Aggregate ${number} has no host ${hostName}.`, { resource: 'host' });
      await this.#sendBack(tx, row, members, 'remove_host_from_aggregate');
      await tx
        .deleteFrom('aggregate_hosts')
        .where('aggregate_id', '=', row.id)
        .where('host_id', '=', host.id)
        .execute();
      return {};
    });
    return await this.get(number);
  }

  async #change(
    number: number,
    change: (tx: Tx, row: AggregatesTable, metadata: Record<string, string>) => Promise<Partial<AggregatesTable>>,
  ): Promise<void> {
    await this.#core.db.write(async (tx) => {
      const row = await rowOf(tx, number);
      const metadata = JSON.parse(row.metadata) as Record<string, string>;
      const further = await change(tx, row, metadata);
      const values = { ...further, metadata: JSON.stringify(metadata), updated_at: this.#core.env.now() };
      await tx.updateTable('aggregates').set(values).where('id', '=', row.id).execute();
    });
  }

  async #setZone(tx: Tx, row: AggregatesTable, metadata: Record<string, string>, zone: string | null): Promise<void> {
    const members = await membersOf(tx, row.id);
    if (zone === null) {
      await this.#sendBack(tx, row, members, 'update_aggregate_metadata');
      delete metadata[zoneKey];
      return;
    }
    const doing = 'update_aggregate_metadata';
    if (zone === '')
      throw refusedZone(row, doing, `Aggregate ${row.name} does not support empty named availability zone`);
    const ids = members.map(({ id }) => id);
    await refuseOtherZones(tx, row, ids, zone, doing);
    await this.#bring(tx, row, members, zone, doing);
    metadata[zoneKey] = zone;
  }

  /** Where each of them was is noted, once: that is where it goes back to. */
  async #bring(
    tx: Tx,
    row: AggregatesTable,
    hosts: readonly PlacedHost[],
    zone: string,
    doing: ZoneDoing,
  ): Promise<void> {
    const zoneId = await this.#zones.ensureIn(tx, zone);
    const moved = hosts.filter(({ zone_id }) => zone_id !== zoneId);
    await moveHosts(tx, this.#core, row, new Map(moved.map(({ id }) => [id, zoneId])), doing);
    for (const { id, zone_id } of moved) {
      await tx
        .updateTable('aggregate_hosts')
        .set({ previous_zone_id: zone_id })
        .where('aggregate_id', '=', row.id)
        .where('host_id', '=', id)
        .where('previous_zone_id', 'is', null)
        .execute();
    }
  }

  async #sendBack(
    tx: Tx,
    row: AggregatesTable,
    members: ReadonlyArray<PlacedHost & { previous_zone_id: string | null }>,
    doing: ZoneDoing,
  ): Promise<void> {
    const targets = members.flatMap(({ id, zone_id, previous_zone_id }) =>
      previous_zone_id === null || previous_zone_id === zone_id ? [] : [[id, previous_zone_id] as const],
    );
    await moveHosts(tx, this.#core, row, new Map(targets), doing);
    await tx
      .updateTable('aggregate_hosts')
      .set({ previous_zone_id: null })
      .where('aggregate_id', '=', row.id)
      .where('host_id', 'in', [...members.map(({ id }) => id), ''])
      .execute();
  }
}

type PlacedHost = { id: string; zone_id: string };

async function membersOf(tx: Tx, aggregateId: string) {
  return await tx
    .selectFrom('aggregate_hosts')
    .innerJoin('hosts', 'hosts.id', 'aggregate_hosts.host_id')
    .select(['hosts.id', 'hosts.zone_id', 'previous_zone_id'])
    .where('aggregate_id', '=', aggregateId)
    .execute();
}

async function rowOf(db: Queryable, number: number): Promise<AggregatesTable> {
  const row = await db.selectFrom('aggregates').selectAll().where('number', '=', number).executeTakeFirst();
  if (row) return row;
  throw new CloudError('not_found', `Aggregate ${number} could not be found.`, { resource: 'aggregate' });
}

async function hostNamed(tx: Tx, name: string) {
  const row = await tx
    .selectFrom('hosts')
    .select(['id', 'name', 'zone_id'])
    .where('name', '=', name)
    .executeTakeFirst();
  if (row) return row;
  throw new CloudError('not_found', `Compute host ${name} could not be found.`, { resource: 'host' });
}

/** Aggregate id → names of its hosts. */
async function hostsOf(db: Queryable): Promise<Map<string, string[]>> {
  const rows = await db
    .selectFrom('aggregate_hosts')
    .innerJoin('hosts', 'hosts.id', 'aggregate_hosts.host_id')
    .select(['aggregate_id', 'hosts.name'])
    .orderBy('hosts.name')
    .execute();
  const names = new Map<string, string[]>();
  for (const { aggregate_id, name } of rows) names.set(aggregate_id, [...(names.get(aggregate_id) ?? []), name]);
  return names;
}

function aggregateOf(row: AggregatesTable, hosts: ReadonlyMap<string, string[]>): Aggregate {
  const metadata = JSON.parse(row.metadata) as Record<string, string>;
  return {
    id: row.id,
    number: Number(row.number),
    name: row.name,
    zone: metadata[zoneKey] ?? null,
    metadata,
    hosts: hosts.get(row.id) ?? [],
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function inWordsOfNames(name: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof ConstraintViolation)) throw error;
    throw new CloudError('duplicate', `Aggregate ${name} already exists.`, { resource: 'aggregate', cause: error });
  };
}
