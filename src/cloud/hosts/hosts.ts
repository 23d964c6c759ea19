import { AgentError, type DiskSpec, type DiskUsage, type HostAgent } from '../../agent/contract.ts';
import type { Tx } from '../../database/database.ts';
import type { AllocationsTable, HostsTable } from '../../database/schema.ts';
import { insertRow, statement } from '../../database/statement.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import type { Zones } from '../zones/zones.ts';
import { Aggregates } from './aggregates.ts';
import { setCpuRatios } from './cpu-ratios.ts';
import { type DiskPlaces, findPlaces } from './disk-needs.ts';
import {
  choosePlace,
  type DiskPlace,
  type DiskRequest,
  placeOfDisk,
  storageRooms,
  storageUsageOf,
} from './disk-places.ts';
import { type HeldAmounts, heldAmounts } from './held-room.ts';
import { type Allocation, capacityOf, describedColumns, type Host, hostFromRow, reservedMemory } from './model.ts';
import { chooseHosts, type HostUsage, type Neighbours, noValidHost, type PlacementRequest } from './scheduler.ts';
import { takenOn, usageOfHosts } from './usage.ts';

/** What belongs to an allocation, done in its transaction. */
export interface AllocationOptions {
  /** Where the others of the server's group are, as of this transaction. */
  neighboursOf?(tx: Tx): Promise<Neighbours | undefined>;
  /** Stores the disks that come to lie there, which is what takes the room of those that the allocation does not hold. */
  registerDisks?(tx: Tx, hostId: string, places: DiskPlaces): Promise<void>;
}

/** The hypervisor hosts: what they can hold, what is taken of them, and the agents that own them. */
export class Hosts {
  readonly #core: CloudCore;
  readonly #agents = new Map<string, HostAgent>();
  readonly #listeners = new Map<AgentListener, Map<string, () => void>>();
  /** Agents of hosts that were taken out of the cloud, and may still keep something for it. */
  readonly leaving = new Map<string, HostAgent>();
  readonly #byId;
  readonly aggregates: Aggregates;

  constructor(core: CloudCore, zones: Pick<Zones, 'ensureIn'>) {
    this.#core = core;
    this.aggregates = new Aggregates(core, zones);
    this.#byId = core.db.prepare<{ id: string }, HostsTable>((q, p) =>
      q.selectFrom('hosts').selectAll().where('id', '=', p.id),
    );
  }

  /**
   * Takes a host into the cloud, or finds it again by its name, and from now on uses this agent for it. Undefined for one
   * that was taken out of the cloud: it is only told to give up what it has. Throws `conflict` where a host on another
   * machine has the name.
   */
  async attach(
    agent: HostAgent,
    place: { name: string; zoneId: string; clusterId: string },
  ): Promise<Host | undefined> {
    const facts = await agent.describe();
    const now = this.#core.env.now();
    const described = {
      ...describedColumns(facts),
      updated_at: now,
    };
    const row = await this.#core.db.write(async (tx) => {
      const removed = await tx
        .selectFrom('removed_hosts')
        .select('host_id')
        .where('name', '=', place.name)
        .executeTakeFirst();
      if (removed) return removed;
      const known = await tx.selectFrom('hosts').selectAll().where('name', '=', place.name).executeTakeFirst();
      if (known) {
        await refuseFarHost(tx, known);
        await tx.updateTable('hosts').set(described).where('id', '=', known.id).execute();
        return { ...known, ...described };
      }
      const fresh: HostsTable = {
        id: newId(this.#core.env),
        name: place.name,
        zone_id: place.zoneId,
        cluster_id: place.clusterId,
        state: 'enabled',
        management_address: '127.0.0.1',
        reserved_memory_mb: reservedMemory(facts),
        cpu_ratio: this.#core.settings.cpuRatio,
        memory_ratio: 1,
        disk_ratio: 4,
        disabled_reason: null,
        forced_down: 0,
        created_at: now,
        ...described,
      };
      await tx.insertInto('hosts').values(fresh).execute();
      await setCpuRatios(this.#core.db, tx, this.#core.settings.cpuRatio);
      return await tx.selectFrom('hosts').selectAll().where('id', '=', fresh.id).executeTakeFirstOrThrow();
    });
    if ('host_id' in row) {
      this.leaving.set(row.host_id, agent);
      return undefined;
    }
    this.join(row.id, agent);
    return hostFromRow(row);
  }

  /** From now on uses this agent for the host, or learns that what it says of itself may be other than before. */
  join(id: string, agent: HostAgent): void {
    this.#agents.set(id, agent);
    for (const [listener, told] of this.#listeners) tell(listener, told, id, agent);
  }

  /** The host is not there any more, and nothing is left of it. */
  forget(id: string): void {
    this.#agents.delete(id);
    this.leaving.delete(id);
    this.#stopListening(id);
  }

  /**
   * Tells of each host's agent: of those that are there, of each that comes, and of one that comes again with other facts. What
   * the listener gives is called when the host goes, when it is told of it again, or when the returned function is called.
   */
  eachAgent(listener: AgentListener): () => void {
    const told = new Map<string, () => void>();
    this.#listeners.set(listener, told);
    for (const [id, agent] of this.#agents) tell(listener, told, id, agent);
    return () => {
      this.#listeners.delete(listener);
      for (const stop of told.values()) stop();
    };
  }

  #stopListening(id: string): void {
    for (const told of this.#listeners.values()) {
      told.get(id)?.();
      told.delete(id);
    }
  }

  /** Lets a host come back that was taken out of the cloud; false where none of this name was. */
  async readmit(name: string): Promise<boolean> {
    const { numDeletedRows } = await this.#core.db.write((tx) =>
      tx.deleteFrom('removed_hosts').where('name', '=', name).executeTakeFirst(),
    );
    return numDeletedRows > 0n;
  }

  /** The host is out of the cloud: nothing is asked of its agent any more but to give up what it has. */
  letGo(id: string): void {
    const agent = this.#agents.get(id);
    if (!agent) return;
    this.#agents.delete(id);
    this.#stopListening(id);
    this.leaving.set(id, agent);
  }

  /** The agent of a host; `unreachable` (and so worth another try) when no agent answers for it now. */
  agent(hostId: string): HostAgent {
    const agent = this.#agents.get(hostId);
    if (!agent) throw new AgentError('unreachable', `No agent answers for host ${hostId}.`);
    return agent;
  }

  /** How long the machine runs, as its agent tells now. Throws `unreachable` where none answers. */
  async uptimeSeconds(hostId: string): Promise<number> {
    return (await this.agent(hostId).describe()).uptimeSeconds;
  }

  get agents(): ReadonlyMap<string, HostAgent> {
    return this.#agents;
  }

  async list(): Promise<Host[]> {
    return (await this.#core.db.read.selectFrom('hosts').selectAll().orderBy('name').execute()).map(hostFromRow);
  }

  async get(id: string): Promise<Host> {
    const row = await this.#byId.first({ id });
    if (!row) throw notFound('host', id);
    return hostFromRow(row);
  }

  /** Every host with what is taken of it. */
  async usage(tx?: Tx): Promise<HostUsage[]> {
    return await usageOfHosts(tx ?? this.#core.db.read);
  }

  /**
   * Finds a host for the server and takes what it needs there, in one transaction: allocations never exceed capacity.
   * A server that has such an allocation already keeps it.
   */
  async allocate(
    serverId: string,
    purpose: AllocationsTable['purpose'],
    request: PlacementRequest,
    { neighboursOf, registerDisks }: AllocationOptions = {},
  ): Promise<string> {
    return await this.#core.db.write(async (tx) => {
      const held = await heldBy.first(tx, { serverId, purpose });
      if (held) return held.host_id;
      const neighbours = await neighboursOf?.(tx);
      const usage = await this.usage(tx);
      for (const host of chooseHosts(usage, { ...request, neighbours })) {
        const candidate = usage.find((one) => one.host.id === host.id)!;
        const places = await this.#take(tx, candidate, request);
        if (!places) continue;
        await this.putAllocation(tx, serverId, purpose, host.id, heldAmounts(request, places));
        await registerDisks?.(tx, host.id, places);
        return host.id;
      }
      throw noValidHost([{ hostName: 'all', filter: 'race', reason: 'every host was taken in the meantime' }]);
    });
  }

  /** Where the disks come to lie; undefined where the host has no room any more. */
  async #take(tx: Tx, { host, storages }: HostUsage, need: PlacementRequest): Promise<DiskPlaces | undefined> {
    const needsDisk = need.diskGb > 0 || (need.disks ?? []).length > 0;
    // On PostgreSQL another transaction may take of the same host at the same time; its row is the lock.
    if (this.#core.db.kind === 'postgres') {
      await tx.selectFrom('hosts').select('id').where('id', '=', host.id).forUpdate().execute();
      if (needsDisk) await lockStorages(tx, storages);
    }
    // An aggregate may have moved it to another zone before this transaction had the lock.
    if ((await zoneOf.first(tx, { hostId: host.id }))?.zone_id !== host.zoneId) return undefined;
    const used = await takenOn(tx, host.id, { disk: needsDisk });
    const capacity = capacityOf(host);
    if (used.vcpus + need.vcpus > capacity.vcpus || used.memoryMb + need.memoryMb > capacity.memoryMb) return undefined;
    if (!needsDisk) return new Map();
    const rooms = storages.length === 0 ? [] : await storageRooms(tx, host.id);
    const found = findPlaces({ host, used, storages: rooms.map(storageUsageOf) }, need);
    return 'reason' in found ? undefined : found;
  }

  /** What servers hold of hosts: of one host, or by one server. A server that waits for its resize holds both sizes. */
  async allocations(of: { hostId: string } | { serverId: string } | { projectId: string }): Promise<Allocation[]> {
    let query = this.#core.db.read
      .selectFrom('allocations')
      .innerJoin('servers', 'servers.id', 'allocations.server_id')
      .select([
        'allocations.server_id as serverId',
        'allocations.host_id as hostId',
        'allocations.vcpus as vcpus',
        'allocations.memory_mb as memoryMb',
        'allocations.disk_gb as diskGb',
        'allocations.storage_id as storageId',
        'allocations.storage_gb as storageGb',
        'servers.project_id as projectId',
        'servers.user_id as userId',
      ])
      .orderBy('allocations.server_id')
      .orderBy('allocations.purpose');
    if ('hostId' in of) query = query.where('allocations.host_id', '=', of.hostId);
    else if ('serverId' in of) query = query.where('allocations.server_id', '=', of.serverId);
    else query = query.where('servers.project_id', '=', of.projectId);
    return await query.execute();
  }

  /** Finds a place for a disk that is to be registered in the same transaction: that is what takes the room. */
  async placeDisk(tx: Tx, request: DiskRequest): Promise<DiskPlace> {
    // One transaction after the other sees what the one before took, and no storage is detached meanwhile. SQLite has one writer.
    if (this.#core.db.kind === 'postgres') {
      await tx.selectFrom('hosts').select('id').orderBy('id').forUpdate().execute();
      await tx.selectFrom('storages').select('id').orderBy('id').forShare().execute();
    }
    return await choosePlace(tx, await this.usage(tx), request);
  }

  /** Makes a disk that is registered exist where its row says: see `HostAgent.ensureDisk`. */
  async ensureDisk(hostId: string, disk: Omit<DiskSpec, 'storageId'>): Promise<DiskUsage> {
    return await this.agent(hostId).ensureDisk(await this.#placed(disk));
  }

  /** As `ensureDisk`: see `HostAgent.ensureDisks`. */
  async ensureDisks(hostId: string, disks: ReadonlyArray<Omit<DiskSpec, 'storageId'>>): Promise<DiskUsage[]> {
    return await this.agent(hostId).ensureDisks(await Promise.all(disks.map((disk) => this.#placed(disk))));
  }

  async #placed(disk: Omit<DiskSpec, 'storageId'>): Promise<DiskSpec> {
    const place = await placeOfDisk.first(this.#core.db.read, { diskId: disk.diskId });
    const storageId = place?.storage_id ?? undefined;
    return storageId === undefined ? disk : { ...disk, storageId };
  }

  async putAllocation(
    tx: Tx,
    serverId: string,
    purpose: AllocationsTable['purpose'],
    hostId: string,
    need: HeldAmounts,
  ): Promise<void> {
    await insertRow(tx, 'allocations', {
      server_id: serverId,
      purpose,
      host_id: hostId,
      vcpus: need.vcpus,
      memory_mb: need.memoryMb,
      disk_gb: need.diskGb,
      storage_id: need.storageId ?? null,
      storage_gb: need.storageGb ?? 0,
    });
  }

  async release(tx: Tx, serverId: string, purpose?: AllocationsTable['purpose']): Promise<void> {
    let query = tx.deleteFrom('allocations').where('server_id', '=', serverId);
    if (purpose) query = query.where('purpose', '=', purpose);
    await query.execute();
  }

  /** `disabled` takes no new servers, `maintenance` neither. Guests that run there are left alone. */
  async setState(id: string, state: Host['state'], reason: string | null = null): Promise<Host> {
    return await this.#set(id, { state, disabled_reason: state === 'enabled' ? null : reason });
  }

  /** A host that an operator says is down takes no servers, and counts as down, until he takes it back. */
  async setForcedDown(id: string, isDown: boolean): Promise<Host> {
    return await this.#set(id, { forced_down: isDown ? 1 : 0 });
  }

  async #set(id: string, values: Partial<HostsTable>): Promise<Host> {
    const now = this.#core.env.now();
    const changed = await this.#core.db.write((tx) =>
      tx
        .updateTable('hosts')
        .set({ ...values, updated_at: now })
        .where('id', '=', id)
        .executeTakeFirst(),
    );
    if (changed.numUpdatedRows === 0n)
      throw new CloudError('not_found', `Host ${id} could not be found.`, { resource: 'host', id });
    return await this.get(id);
  }
}

/** Storages are not taken from a host meanwhile, and of those that hosts share no other host takes anything. */
async function lockStorages(tx: Tx, storages: HostUsage['storages']): Promise<void> {
  for (const mode of ['update', 'share'] as const) {
    const some = storages.filter(({ isShared = false }) => isShared === (mode === 'update'));
    if (some.length === 0) continue;
    const ids = some.map(({ storageId }) => storageId);
    const query = tx.selectFrom('storages').select('id').where('id', 'in', ids).orderBy('id');
    await (mode === 'update' ? query.forUpdate() : query.forShare()).execute();
  }
}

/** Two machines of one name would be taken for one host. */
async function refuseFarHost(tx: Tx, { id, name }: HostsTable): Promise<void> {
  const far = await tx.selectFrom('far_hosts').select('address').where('host_id', '=', id).executeTakeFirst();
  if (!far) return;
  const words =
    `A host of this machine would be called ${name}, as the host at ${far.address} is. Give this machine another name ` +
    '(hostnamectl hostname NAME), or take that host out of the cloud first.';
  throw new CloudError('conflict', words, { resource: 'host', id });
}

/** Gives what ends its interest in the agent. */
type AgentListener = (hostId: string, agent: HostAgent) => () => void;

function tell(listener: AgentListener, told: Map<string, () => void>, id: string, agent: HostAgent): void {
  told.get(id)?.();
  told.set(id, listener(id, agent));
}

const zoneOf = statement((q, p: { hostId: string }) =>
  q.selectFrom('hosts').select('zone_id').where('id', '=', p.hostId),
);

const heldBy = statement<{ serverId: string; purpose: AllocationsTable['purpose'] }, { host_id: string }>((q, p) =>
  q.selectFrom('allocations').select('host_id').where('server_id', '=', p.serverId).where('purpose', '=', p.purpose),
);
