import { ConstraintViolation, type Tx } from '../../database/database.ts';
import type { StorageKind, StoragesTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import { KeyedLock } from '../../env/keyed-lock.ts';
import { type TakenFolder, whyNoFreeFolder } from '../../image-stores/claim-folder.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import { type StorageRoom, storageRooms } from '../hosts/disk-places.ts';
import type { Hosts } from '../hosts/hosts.ts';
import { type Storage, storageFromRow } from './model.ts';
import { beginMove } from './nfs-moves.ts';
import { checkNfsOptions, type NfsPlace, nfsUrl, refuseTakenUrl } from './nfs-place.ts';
import { StorageHosts, type StorageHostsStatus } from './tell-hosts.ts';

export interface NewStorage {
  /** The client's own id, 32 hex digits. */
  id?: string;
  zoneId: string;
  name: string;
  description?: string | null;
  /** The folder, absolute; none of what hosts mount themselves. */
  path?: string;
  /** `shared` where an administrator has mounted the same folder at this path on every host. Default `local`. */
  kind?: StorageKind;
  /** What hosts mount themselves, each at a place of its own. */
  nfs?: NfsPlace;
}

export interface StorageChanges {
  name?: string;
  description?: string | null;
  /** Only while no cluster has it and nothing lies in it. */
  path?: string;
  /** Where the folder of an NFS server, with all that is in it, is found from now on: only while nothing runs on it. */
  nfsUrl?: string;
}

/** Where hosts mount what they mount themselves, below their own folders: also the words for it. */
const ownPlace = (id: string) => `mounts/${id}`;
/** Folders of the system, in which nothing is kept. */
const systemFolders = ['/boot', '/dev', '/etc', '/proc', '/run', '/sys'];

/** Storages that are added while the cloud runs: data volumes and their snapshots can lie in them. */
export class Storages {
  readonly #core: CloudCore;
  readonly #told: StorageHosts;
  readonly #dataFolder: string | undefined;
  readonly #adding = new KeyedLock();

  /** @param dataFolder of the cloud, which no storage lies in */
  constructor(core: CloudCore, hosts: Hosts, dataFolder?: string) {
    this.#core = core;
    this.#dataFolder = dataFolder;
    this.#told = new StorageHosts(core, hosts);
  }

  async list(): Promise<Storage[]> {
    const rows = await this.#core.db.read
      .selectFrom('storages')
      .selectAll()
      .orderBy('created_at')
      .orderBy('id')
      .execute();
    return rows.map(storageFromRow);
  }

  /** Those that the hosts of a cluster have. */
  async ofCluster(clusterId: string): Promise<Storage[]> {
    const rows = await this.#core.db.read
      .selectFrom('storages')
      .innerJoin('storage_clusters', 'storage_clusters.storage_id', 'storages.id')
      .selectAll('storages')
      .where('cluster_id', '=', clusterId)
      .orderBy('storages.id')
      .execute();
    return rows.map(storageFromRow);
  }

  async find(id: string): Promise<Storage | undefined> {
    const row = await this.#core.db.read.selectFrom('storages').selectAll().where('id', '=', id).executeTakeFirst();
    return row && storageFromRow(row);
  }

  /** Throws `invalid` (`no_storage_place`) for a folder that can't be one, `not_found` for the zone, and `duplicate`. */
  async add(wanted: NewStorage): Promise<Storage> {
    return await this.#adding.run('', async () => {
      const { path, nfs } = wanted;
      if (path !== undefined) await this.#refusePlace(path);
      const now = this.#core.env.now();
      const id = wanted.id ?? newId(this.#core.env);
      const row: StoragesTable = {
        id,
        zone_id: wanted.zoneId,
        name: wanted.name,
        description: wanted.description ?? null,
        path: path ?? ownPlace(id),
        kind: nfs ? 'shared' : (wanted.kind ?? 'local'),
        nfs_url: nfs ? nfsUrl(nfs.url) : null,
        nfs_options: nfs?.options ? checkNfsOptions(nfs.options) : null,
        former_nfs_url: null,
        marker: null,
        marking_host_id: null,
        state: 'enabled',
        created_at: now,
        updated_at: now,
      };
      await this.#core.db.write(async (tx) => {
        await this.#refuseTakenId(tx, row.id);
        const zone = await tx.selectFrom('zones').select('id').where('id', '=', row.zone_id).executeTakeFirst();
        if (!zone) throw notFound('zone', row.zone_id);
        if (row.nfs_url !== null) await refuseTakenUrl(tx, row.nfs_url, row.id);
        await tx.insertInto('storages').values(row).execute().catch(taken);
      });
      return storageFromRow(row);
    });
  }

  /**
   * Throws `conflict` (`in_use`) where the folder of one that a cluster has is to be another one, and where servers run on
   * one whose NFS server is to be found elsewhere; (`not_connected`) where no host finds it there: then it is as it was.
   */
  async update(id: string, changes: StorageChanges): Promise<void> {
    const { nfsUrl: wantedUrl, ...others } = changes;
    await this.#updateFacts(id, others);
    if (wantedUrl === undefined || !(await this.find(id))?.nfsUrl) return;
    const url = nfsUrl(wantedUrl);
    const isUnproven = await this.#core.db.write(async (tx) =>
      beginMove(this.#core, tx, await this.#lock(tx, id), url).catch(taken),
    );
    if (!isUnproven) return;
    const { refused } = await this.tellHosts();
    if ((await this.find(id))?.nfsUrl === url) return;
    const why = refused?.get(id) ?? 'each of them has said so';
    throw new CloudError('conflict', `no host can use it at ${wantedUrl}: ${why}`, { reason: 'not_connected' });
  }

  async #updateFacts(id: string, changes: Omit<StorageChanges, 'nfsUrl'>): Promise<void> {
    await this.#adding.run('', async () => {
      const before = await this.find(id);
      const path = changes.path === before?.path ? undefined : changes.path;
      if (path !== undefined) await this.#refusePlace(path);
      await this.#core.db.write(async (tx) => {
        await this.#lock(tx, id);
        if (path !== undefined) await refuseUse(tx, id, "its url can't be changed");
        const { name, description } = changes;
        const values = { name, description, path, updated_at: this.#core.env.now() };
        await tx.updateTable('storages').set(values).where('id', '=', id).execute().catch(taken);
      });
    });
  }

  /** Disks that are there stay, and are used as before. */
  async setState(id: string, state: Storage['state']): Promise<void> {
    await this.#core.db.write(async (tx) => {
      await this.#lock(tx, id);
      await tx.updateTable('storages').set({ state, updated_at: this.#core.env.now() }).where('id', '=', id).execute();
    });
  }

  /**
   * Gives the storage to the hosts of a cluster, and has them make their parts of it. Throws `conflict` where the cluster
   * has it already, is in another zone, or none of its hosts can use it: then it is as it was.
   */
  async attach(id: string, clusterId: string): Promise<void> {
    await this.#core.db.write(async (tx) => {
      const storage = await this.#lock(tx, id);
      const cluster = await tx
        .selectFrom('clusters')
        .select(['id', 'zone_id'])
        .where('id', '=', clusterId)
        .executeTakeFirst();
      if (!cluster) throw notFound('cluster', clusterId);
      if (cluster.zone_id !== storage.zone_id) {
        const words = `primary storage[uuid:${id}] and cluster[uuid:${clusterId}] are in different zones`;
        throw new CloudError('conflict', words, { reason: 'other_zone' });
      }
      if (await isAttached(tx, id, clusterId)) {
        const words = `primary storage[uuid:${id}] has been attached to cluster[uuid:${clusterId}]`;
        throw new CloudError('conflict', words, { reason: 'attached' });
      }
      await tx.insertInto('storage_clusters').values({ storage_id: id, cluster_id: clusterId }).execute();
    });
    await this.tellHosts();
    const hosts = await this.#hostsOf(id, clusterId);
    const problems = hosts.flatMap(({ problem }) => problem ?? []);
    if (hosts.length === 0 || problems.length < hosts.length) return;
    await this.detach(id, clusterId);
    throw new CloudError('conflict', `no host of cluster[uuid:${clusterId}] can use it: ${problems[0]}`, {
      reason: 'not_connected',
    });
  }

  /** Throws `conflict` (`in_use`) while a disk lies in it on a host of the cluster. No error where it is not attached. */
  async detach(id: string, clusterId: string): Promise<void> {
    await this.#core.db.write(async (tx) => {
      await this.#lock(tx, id);
      await refuseDisks(tx, id, `it can't be detached from cluster[uuid:${clusterId}]`, clusterId);
      await tx
        .deleteFrom('storage_clusters')
        .where('storage_id', '=', id)
        .where('cluster_id', '=', clusterId)
        .execute();
      // Whoever has it next marks its folder anew, which may be another one by then.
      await tx
        .updateTable('storages')
        .set({ marker: null, marking_host_id: null })
        .where('id', '=', id)
        .where((e) =>
          e.not(e.exists(e.selectFrom('storage_clusters').select('cluster_id').where('storage_id', '=', id))),
        )
        .execute();
    });
    await this.tellHosts();
  }

  /** Throws `conflict` (`in_use`) while a cluster has it, or a disk lies in it. Its folder stays. */
  async remove(id: string): Promise<void> {
    await this.#core.db.write(async (tx) => {
      await this.#lock(tx, id);
      await refuseUse(tx, id, "it can't be deleted");
      // Of root disks of servers that were put away: those come back elsewhere.
      await tx.updateTable('volumes').set({ storage_id: null }).where('storage_id', '=', id).execute();
      await tx.deleteFrom('storages').where('id', '=', id).execute();
    });
  }

  /** Has every host make its storages so, and keeps what they say. */
  tellHosts(): Promise<StorageHostsStatus> {
    return this.#told.tell();
  }

  /** What each of its hosts has of it. */
  async rooms(id: string): Promise<StorageRoom[]> {
    return (await storageRooms(this.#core.db.read)).filter(({ storageId }) => storageId === id);
  }

  /** Why its hosts can't use it, as they said last. */
  async problems(id: string): Promise<string[]> {
    const rows = await this.#core.db.read
      .selectFrom('storage_hosts')
      .select('problem')
      .where('storage_id', '=', id)
      .where('problem', 'is not', null)
      .orderBy('host_id')
      .execute();
    return rows.flatMap(({ problem }) => problem ?? []);
  }

  /** What the hosts of the cluster have said of it. */
  async #hostsOf(id: string, clusterId: string) {
    return await this.#core.db.read
      .selectFrom('storage_hosts')
      .innerJoin('hosts', 'hosts.id', 'storage_hosts.host_id')
      .select(['host_id', 'problem'])
      .where('storage_id', '=', id)
      .where('cluster_id', '=', clusterId)
      .execute();
  }

  async #lock(tx: Tx, id: string): Promise<StoragesTable> {
    const query = tx.selectFrom('storages').selectAll().where('id', '=', id);
    // Whoever makes a disk there locks the row, too.
    const row = await query.forUpdate().executeTakeFirst();
    if (!row) throw notFound('primary storage', id);
    return row;
  }

  /** The own disk of a host is known by the host's id to some. */
  async #refuseTakenId(tx: Tx, id: string): Promise<void> {
    for (const table of ['storages', 'hosts'] as const) {
      const row = await tx.selectFrom(table).select('id').where('id', '=', id).executeTakeFirst();
      if (row) throw new CloudError('duplicate', `a primary storage[uuid:${id}] exists already`);
    }
  }

  async #refusePlace(path: string): Promise<void> {
    const storages = await this.list();
    const stores = await this.#core.db.read
      .selectFrom('image_stores')
      .select(['name', 'url'])
      .where('kind', '=', 'directory')
      .execute();
    const folders: TakenFolder[] = [
      ...systemFolders.map((folder) => ({ path: folder, whose: 'the system' })),
      ...storages.flatMap(({ path: of, name, nfsUrl: mounted }) =>
        mounted === null ? { path: of, whose: `the primary storage ${name}` } : [],
      ),
      ...stores.map(({ name, url }) => ({ path: url, whose: `the image store ${name}` })),
      ...(this.#dataFolder === undefined ? [] : [{ path: this.#dataFolder, whose: "the cloud's own data" }]),
    ];
    const why = await whyNoFreeFolder(path, folders);
    if (why) throw new CloudError('invalid', why, { reason: 'no_storage_place' });
  }
}

function taken(error: unknown): never {
  if (!(error instanceof ConstraintViolation) || error.kind !== 'unique') throw error;
  throw new CloudError('duplicate', 'a primary storage has this uuid or url already', { cause: error });
}

async function isAttached(tx: Tx, id: string, clusterId: string): Promise<boolean> {
  const row = await tx
    .selectFrom('storage_clusters')
    .select('storage_id')
    .where('storage_id', '=', id)
    .where('cluster_id', '=', clusterId)
    .executeTakeFirst();
  return row !== undefined;
}

async function refuseUse(tx: Tx, id: string, words: string): Promise<void> {
  const attached = await tx
    .selectFrom('storage_clusters')
    .select('cluster_id')
    .where('storage_id', '=', id)
    .executeTakeFirst();
  if (attached) throw inUse(id, `is attached to cluster[uuid:${attached.cluster_id}], ${words}`);
  await refuseDisks(tx, id, words);
}

/** Also for disks that nothing needs any more, until they are gone. */
async function refuseDisks(tx: Tx, id: string, words: string, clusterId?: string): Promise<void> {
  let query = tx
    .selectFrom('disks')
    .innerJoin('hosts', 'hosts.id', 'disks.host_id')
    .leftJoin('volume_snapshots', 'volume_snapshots.id', 'disks.volume_id')
    .select(['disks.volume_id as id', 'volume_snapshots.id as snapshotId'])
    .where('disks.storage_id', '=', id);
  if (clusterId !== undefined) query = query.where('hosts.cluster_id', '=', clusterId);
  const disk = await query.executeTakeFirst();
  if (disk) throw inUse(id, `has ${disk.snapshotId ? 'volume snapshot' : 'volume'}[uuid:${disk.id}], ${words}`);
}

function inUse(id: string, words: string): CloudError {
  return new CloudError('conflict', `primary storage[uuid:${id}] ${words}`, { reason: 'in_use' });
}
