import {
  AgentError,
  type DesiredStorage,
  type HostAgent,
  type SharedFolder,
  type StorageReport,
} from '../../agent/contract.ts';
import type { Tx } from '../../database/database.ts';
import type { StorageHostsTable, StoragesTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import { KeyedLock } from '../../env/keyed-lock.ts';
import { settlesWithin } from '../../env/settles-within.ts';
import type { CloudCore } from '../core.ts';
import type { Hosts } from '../hosts/hosts.ts';
import { settleMoves } from './nfs-moves.ts';
import { mountOf } from './nfs-place.ts';

/** How long a host may take to answer, milliseconds: one of which a mount hangs never does. */
const patienceMs = 20_000;
/** How long the other hosts are told nothing because of one, milliseconds. */
const turnMs = 1000;

export interface StorageHostsStatus {
  /** Hosts that were asked. */
  hosts: number;
  /** Parts of storages that can't be used now. */
  disconnected: number;
  /** Why no host can use them where they were said to be, by storage, if any: they are where they were again. */
  refused?: ReadonlyMap<string, string>;
}

/**
 * Has hosts make their parts of the storages that their clusters have, and give up those that they have no more, and
 * keeps what they say. What is wanted is read from the database each time, so that whatever was interrupted is made good.
 */
export class StorageHosts {
  readonly #core: Pick<CloudCore, 'db' | 'env' | 'log'>;
  readonly #hosts: Pick<Hosts, 'agents'>;
  /** A host is told of one list after the other. */
  readonly #lock = new KeyedLock();
  /** Those that were told for too long, and may be at it still: nothing else is told them. */
  readonly #late = new WeakSet<HostAgent>();

  constructor(core: Pick<CloudCore, 'db' | 'env' | 'log'>, hosts: Pick<Hosts, 'agents'>) {
    this.#core = core;
    this.#hosts = hosts;
  }

  async tell(): Promise<StorageHostsStatus> {
    const status = await this.#tellAll();
    const refused = await settleMoves(this.#core, this.#hosts.agents);
    for (const [storageId, problem] of refused) {
      this.#core.log.warn(
        { storageId, problem },
        'no host can use a storage at its new url: it has its former one again',
      );
    }
    return refused.size === 0 ? status : { ...(await this.#tellAll()), refused };
  }

  async #tellAll(): Promise<Omit<StorageHostsStatus, 'refused'>> {
    const status = { hosts: 0, disconnected: 0 };
    const tellings: Array<Promise<StorageReport[] | undefined>> = [];
    for (const [hostId, agent] of this.#hosts.agents) {
      const telling = this.#lock.run(hostId, () => this.#tellHost(hostId, agent));
      tellings.push(telling);
      // By turn, as the first one may have to mark a folder in which the others look for the mark.
      await settlesWithin(this.#core.env, turnMs, telling);
    }
    for (const reports of await Promise.all(tellings)) {
      if (!reports) continue;
      status.hosts += 1;
      status.disconnected += reports.filter(({ problem }) => problem !== undefined).length;
    }
    return status;
  }

  /** Undefined where the host has no storage, and never had one. */
  async #tellHost(hostId: string, agent: HostAgent): Promise<StorageReport[] | undefined> {
    const desired = await this.#desired(hostId);
    let hasAnswered = true;
    const known = await this.#core.db.read
      .selectFrom('storage_hosts')
      .selectAll()
      .where('host_id', '=', hostId)
      .execute();
    if (desired.length === 0 && known.length === 0) return undefined;
    const reports = await this.#ask(agent, desired).catch((error: unknown) => {
      hasAnswered = false;
      this.#core.log.warn({ err: error, hostId }, 'a host could not be told of its storages');
      const problem = error instanceof Error ? error.message : String(error);
      const ids = new Set(
        [...desired, ...known.map((row) => ({ storageId: row.storage_id }))].map((one) => one.storageId),
      );
      return [...ids].map((storageId) => ({ storageId, totalBytes: 0, freeBytes: 0, problem }));
    });
    await this.#core.db.write(async (tx) => {
      for (const report of reports) {
        const place = desired.find(({ storageId }) => storageId === report.storageId);
        await this.#note(tx, hostId, report, place?.mount?.source ?? null);
      }
      // Nobody knows what one has done that has not answered: it goes on where it was.
      if (hasAnswered) for (const place of desired) await noteMarking(tx, place, reports);
      for (const { storage_id } of known) {
        if (reports.some(({ storageId }) => storageId === storage_id)) continue;
        await tx
          .deleteFrom('storage_hosts')
          .where('host_id', '=', hostId)
          .where('storage_id', '=', storage_id)
          .execute();
      }
    });
    return reports;
  }

  /** Throws where the host takes too long. */
  async #ask(agent: HostAgent, desired: readonly DesiredStorage[]): Promise<StorageReport[]> {
    if (!this.#late.has(agent)) {
      const answer = agent.applyStorages(desired);
      if (await settlesWithin(this.#core.env, patienceMs, answer)) return await answer;
      this.#late.add(agent);
      const end = () => void this.#late.delete(agent);
      answer.then(end, end);
    }
    const words = `the host has not said for ${patienceMs / 1000} seconds what it has: does one of its mounts hang?`;
    throw new AgentError('unreachable', words);
  }

  async #desired(hostId: string): Promise<DesiredStorage[]> {
    const rows = await this.#core.db.read
      .selectFrom('hosts')
      .innerJoin('storage_clusters', 'storage_clusters.cluster_id', 'hosts.cluster_id')
      .innerJoin('storages', 'storages.id', 'storage_clusters.storage_id')
      .select(['storages.id', 'storages.path', 'storages.kind', 'storages.marker', 'storages.marking_host_id'])
      .select(['storages.nfs_url', 'storages.nfs_options'])
      .where('hosts.id', '=', hostId)
      .orderBy('storages.id')
      .execute();
    const desired: DesiredStorage[] = [];
    for (const { id: storageId, path, kind, nfs_url, nfs_options, ...mark } of rows) {
      // Hosts of one machine have their parts side by side.
      const place = { storageId, path, part: hostId, ...mountOf({ nfs_url, nfs_options }) };
      if (kind === 'local') desired.push(place);
      else desired.push({ ...place, shared: await this.#sharedFolder(storageId, hostId, mark) });
    }
    return desired;
  }

  /** The first host that is told of a shared folder marks it, and all others look for its mark. */
  async #sharedFolder(
    id: string,
    hostId: string,
    mark: Pick<StoragesTable, 'marker' | 'marking_host_id'>,
  ): Promise<SharedFolder> {
    if (mark.marker !== null) return { marker: mark.marker, mayMark: mark.marking_host_id === hostId };
    const marker = newId(this.#core.env);
    return await this.#core.db.write(async (tx) => {
      await tx
        .updateTable('storages')
        .set({ marker, marking_host_id: hostId })
        .where('id', '=', id)
        .where('marker', 'is', null)
        .execute();
      const row = await tx
        .selectFrom('storages')
        .select(['marker', 'marking_host_id'])
        .where('id', '=', id)
        .executeTakeFirst();
      return { marker: row?.marker ?? marker, mayMark: row?.marking_host_id === hostId };
    });
  }

  /** @param nfsUrl what it was told to mount */
  async #note(
    tx: Tx,
    hostId: string,
    { storageId, totalBytes, freeBytes, problem }: StorageReport,
    nfsUrl: string | null,
  ): Promise<void> {
    const said = {
      nfs_url: nfsUrl,
      status: problem === undefined ? ('connected' as const) : ('disconnected' as const),
      problem: problem ?? null,
      updated_at: this.#core.env.now(),
    };
    const sizes = { total_bytes: totalBytes, free_bytes: freeBytes };
    const row: StorageHostsTable = { storage_id: storageId, host_id: hostId, ...said, ...sizes };
    await tx
      .insertInto('storage_hosts')
      .values(row)
      .onConflict((conflict) =>
        conflict.columns(['storage_id', 'host_id']).doUpdateSet(problem === undefined ? { ...said, ...sizes } : said),
      )
      .execute();
  }
}

/** A folder that is marked stays so. One that this host could not mark is another one's to mark, with a mark of its own. */
async function noteMarking(
  tx: Tx,
  { storageId, shared }: DesiredStorage,
  reports: readonly StorageReport[],
): Promise<void> {
  if (!shared?.mayMark) return;
  const isMarked = reports.some((one) => one.storageId === storageId && one.problem === undefined);
  await tx
    .updateTable('storages')
    .set({ marking_host_id: null, ...(isMarked ? {} : { marker: null }) })
    .where('id', '=', storageId)
    .where('marker', '=', shared.marker)
    .where('marking_host_id', 'is not', null)
    .execute();
}
