import type { ExpressionBuilder } from 'kysely';
import type { CachedImage, DiskUsage } from '../../agent/contract.ts';
import type { Tx } from '../../database/database.ts';
import { oneOf } from '../../database/expressions.ts';
import type { Schema, VolumeSharesTable, VolumesTable } from '../../database/schema.ts';
import { insertRow, statement, updateRow } from '../../database/statement.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { placeOfDisk } from '../hosts/disk-places.ts';
import { ownsOrAdmin, type Subject } from '../identity/subject.ts';
import { unmade, type Volume, volumeFromRow, volumeNotFound } from './model.ts';
import { nameImage, sharesFile } from './same-disk.ts';
import { asShared, leaveShared } from './shares.ts';
import { localVolumeType } from './type-model.ts';

/** A server's own disk, to be made along with the server that boots from it. */
export interface NewRootVolume {
  id: string;
  serverId: string;
  projectId: string;
  userId: string;
  name: string;
  zoneId: string;
  size: number;
  imageId: string | null;
  deleteOnTermination: boolean;
  deviceTag?: string;
}

/** A disk that is about to exist. */
export interface NewDisk {
  id: string;
  /** The volume that it is for, or the snapshot. */
  volumeId: string;
  imageId: string | null;
  size: number;
  /** Null for the host's own disk. By default where the volume lies, if the host has that storage. */
  storageId?: string | null;
  /** The disk in whose place it is to be: on another host that shares its storage it is the same file. */
  inPlaceOf?: string | null;
}

/** Volumes, and the disks on hosts that hold their data. */
export class Volumes {
  readonly #core: CloudCore;
  readonly #byId;
  readonly #ofServer;
  readonly #sharesOfServer;
  readonly #attachedTo;

  constructor(core: CloudCore) {
    this.#core = core;
    this.#byId = core.db.prepare<{ id: string }, VolumesTable>((q, p) =>
      q.selectFrom('volumes').selectAll().where('id', '=', p.id),
    );
    this.#ofServer = core.db.prepare<{ serverId: string }, VolumesTable>((q, p) =>
      q.selectFrom('volumes').selectAll().where('server_id', '=', p.serverId).orderBy('device_index'),
    );
    this.#sharesOfServer = core.db.prepare<{ serverId: string }, VolumeSharesTable>((q, p) =>
      q.selectFrom('volume_shares').selectAll().where('server_id', '=', p.serverId),
    );
    this.#attachedTo = core.db.prepare<
      { serverIds: string[] },
      { id: string; server_id: string; delete_on_termination: number; device: string | null }
    >((q, p) =>
      q
        .selectFrom('volumes')
        .select((e) => ['id', e.ref('server_id').$notNull().as('server_id'), 'delete_on_termination', 'device'])
        .select('device_index')
        .where((e) => oneOf(core.db, e.ref('server_id'), p.serverIds))
        .where('origin', '=', 'volume')
        .unionAll(
          q
            .selectFrom('volume_shares')
            .select(['volume_id as id', 'server_id', 'delete_on_termination', 'device', 'device_index'])
            .where((e) => oneOf(core.db, e.ref('server_id'), p.serverIds)),
        )
        .orderBy('device_index'),
    );
  }

  async get(subject: Subject, id: string): Promise<Volume> {
    const row = await this.#byId.first({ id });
    if (!row || row.deleted_at !== null || row.local_disk !== null || !ownsOrAdmin(subject, row.project_id))
      throw volumeNotFound(id);
    return volumeFromRow(row);
  }

  /** Every volume of the server, the root first, then by device. */
  async ofServer(serverId: string): Promise<Volume[]> {
    const rows = await this.#ofServer.all({ serverId });
    const shares = await this.#sharesOfServer.all({ serverId });
    if (shares.length === 0) return rows.map(volumeFromRow);
    for (const share of shares) {
      const row = await this.#byId.first({ id: share.volume_id });
      if (row) rows.push(asShared(row, share));
    }
    return rows.sort((a, b) => (a.device_index ?? 0) - (b.device_index ?? 0)).map(volumeFromRow);
  }

  /** Block storage volumes attached to each of the servers: one statement for any number of them. */
  async attachedTo(
    serverIds: string[],
  ): Promise<Map<string, Array<{ id: string; deleteOnTermination: boolean; device: string | null }>>> {
    const found = new Map<string, Array<{ id: string; deleteOnTermination: boolean; device: string | null }>>();
    for (const row of await this.#attachedTo.all({ serverIds })) {
      const entry = { id: row.id, deleteOnTermination: row.delete_on_termination === 1, device: row.device };
      const list = found.get(row.server_id);
      if (list) list.push(entry);
      else found.set(row.server_id, [entry]);
    }
    return found;
  }

  async createRoot(tx: Tx, volume: NewRootVolume): Promise<void> {
    const now = this.#core.env.now();
    const row: VolumesTable = {
      id: volume.id,
      project_id: volume.projectId,
      user_id: volume.userId,
      name: `ROOT-for-${volume.name}`,
      description: null,
      kind: 'root',
      origin: 'server',
      status: 'creating',
      size: volume.size,
      zone_id: volume.zoneId,
      ...unmade,
      disk_offering_id: null,
      image_id: volume.imageId,
      source_volume_id: null,
      snapshot_id: null,
      attachment_id: newId(this.#core.env),
      server_id: volume.serverId,
      last_server_id: volume.serverId,
      device: '/dev/vda',
      device_index: 0,
      device_tag: volume.deviceTag ?? null,
      bootable: 1,
      delete_on_termination: volume.deleteOnTermination ? 1 : 0,
      attached_by_volume_api: 0,
      volume_type: localVolumeType.id,
      enabled: 1,
      multiattach: 0,
      own_limits: null,
      local_disk: null,
      migration_status: null,
      metadata: '{}',
      image_metadata: '{}',
      last_error: null,
      attached_at: now,
      detached_at: null,
      created_at: now,
      updated_at: now,
      deleted_at: null,
    };
    await insertRow(tx, 'volumes', row);
  }

  /** Makes an available volume the root disk of a new server. */
  async attachRoot(
    tx: Tx,
    volumeId: string,
    serverId: string,
    place: { deleteOnTermination: boolean; deviceTag?: string },
  ): Promise<void> {
    await this.update(tx, volumeId, {
      kind: 'root',
      status: 'attaching',
      server_id: serverId,
      last_server_id: serverId,
      attachment_id: newId(this.#core.env),
      device: '/dev/vda',
      device_index: 0,
      device_tag: place.deviceTag ?? null,
      delete_on_termination: place.deleteOnTermination ? 1 : 0,
      attached_at: this.#core.env.now(),
    });
  }

  async update(tx: Tx, id: string, changes: Partial<VolumesTable>): Promise<void> {
    await updateRow(tx, 'volumes', id, { ...changes, updated_at: this.#core.env.now() });
  }

  /** Stores that a disk is about to exist on a host, before it does. */
  async registerDisk(tx: Tx, hostId: string, disk: NewDisk): Promise<void> {
    const storageId = await this.announceDisk(tx, hostId, disk);
    await this.update(tx, disk.volumeId, { host_id: hostId, storage_id: storageId });
  }

  /** As `registerDisk`, for a volume that stays on another host until it has moved. Says in which storage the disk is. */
  async announceDisk(tx: Tx, hostId: string, disk: NewDisk): Promise<string | null> {
    const { id, volumeId, imageId, size, inPlaceOf } = disk;
    const wanted = disk.storageId === undefined ? await this.#storageOn(tx, hostId, volumeId) : disk.storageId;
    const same = inPlaceOf ? await sharesFile(tx, inPlaceOf, { hostId, storageId: wanted }) : undefined;
    await insertRow(tx, 'disks', {
      id,
      host_id: hostId,
      storage_id: wanted,
      volume_id: volumeId,
      image_id: same ? same.imageId : imageId,
      same_as: same ? inPlaceOf! : null,
      size,
      created_at: this.#core.env.now(),
      released_at: null,
    });
    if (same?.imageId) await nameImage(tx, { hostId, imageId: same.imageId, now: this.#core.env.now() });
    return wanted;
  }

  /** The storage in which the volume lies, or the volume of the snapshot, if this host has it too; else null. */
  async #storageOn(tx: Tx, hostId: string, volumeId: string): Promise<string | null> {
    const find = async () => (await storageBeside.first(tx, { hostId, volumeId }))?.storage_id ?? null;
    const found = await find();
    if (found === null || this.#core.db.kind === 'sqlite') return found;
    // Whoever takes the storage from the host at this moment locks its row, too.
    await tx.selectFrom('storages').select('id').where('id', '=', found).forShare().execute();
    return await find();
  }

  /** The volume is where this disk of it is. */
  async setPlace(
    tx: Tx,
    volumeId: string,
    { diskId, hostId }: { diskId: string | null; hostId: string },
    changes: Partial<VolumesTable> = {},
  ): Promise<void> {
    const disk = diskId === null ? undefined : await placeOfDisk.first(tx, { diskId });
    const place = { disk_id: diskId, host_id: hostId, storage_id: disk?.storage_id ?? null };
    await this.update(tx, volumeId, { ...changes, ...place });
  }

  /** The disk is gone from its host. */
  async forgetDisk(tx: Tx, diskId: string): Promise<void> {
    await tx.deleteFrom('disks').where('id', '=', diskId).execute();
  }

  /** No volume needs the disk any more: the disk reaper removes it. */
  async releaseDisk(tx: Tx, diskId: string): Promise<void> {
    const released_at = this.#core.env.now();
    await tx
      .updateTable('disks')
      .set({ released_at })
      .where('id', '=', diskId)
      .where('released_at', 'is', null)
      .execute();
  }

  /** Of a volume that nothing is under way on any more: every disk but the one it keeps. */
  async #releaseDisksOf(tx: Tx, volumeId: string, keptId: string | null): Promise<void> {
    let query = tx
      .updateTable('disks')
      .set({ released_at: this.#core.env.now() })
      .where('volume_id', '=', volumeId)
      .where('released_at', 'is', null);
    if (keptId !== null) query = query.where('id', '!=', keptId);
    await query.execute();
  }

  async setDisk(tx: Tx, volumeId: string, diskId: string | null, size?: number): Promise<void> {
    await this.update(tx, volumeId, { disk_id: diskId, ...(size === undefined ? {} : { size }) });
  }

  async noteUsage(tx: Tx, volumeId: string, usage: DiskUsage): Promise<void> {
    await this.update(tx, volumeId, { actual_size: usage.actualSize, install_path: usage.installPath });
  }

  async noteImageCached(tx: Tx, hostId: string, image: Pick<CachedImage, 'imageId' | 'size'>): Promise<void> {
    const { imageId, size } = image;
    await putCachedImage.run(tx, { hostId, imageId, size, now: this.#core.env.now() });
  }

  /** Ends the volumes of a server that goes away: its own die, others are free again. */
  async detachAll(tx: Tx, serverId: string): Promise<void> {
    const now = this.#core.env.now();
    const rows = await tx
      .selectFrom('volumes')
      .selectAll()
      .select((e) => e.exists(snapshotsOf(e)).as('has_snapshots'))
      .where('server_id', '=', serverId)
      .execute();
    for (const { volume_id } of await tx
      .selectFrom('volume_shares')
      .select('volume_id')
      .where('server_id', '=', serverId)
      .execute())
      await leaveShared(this.#core, tx, { volumeId: volume_id, serverId });
    for (const row of rows) {
      if (await leaveShared(this.#core, tx, { volumeId: row.id, serverId })) continue;
      // One that was to be made along with the server, which goes before it was built.
      const neverMade = row.status === 'creating' && row.disk_id === null;
      const dies = row.origin === 'server' || neverMade || (row.delete_on_termination === 1 && !row.has_snapshots);
      const gone = { status: 'deleted', deleted_at: now, disk_id: null, server_id: null };
      await this.update(tx, row.id, dies ? gone : { ...detached(now), status: row.disk_id ? 'available' : 'error' });
      await this.#releaseDisksOf(tx, row.id, dies ? null : row.disk_id);
    }
  }

  /** Every disk of the volumes that go with the server, also those kept for a resize to be reverted. */
  async disksToDelete(serverId: string): Promise<Array<{ id: string; hostId: string }>> {
    const rows = await this.#core.db.read
      .selectFrom('disks')
      .innerJoin('volumes', 'volumes.id', 'disks.volume_id')
      .select(['disks.id', 'disks.host_id as hostId'])
      .where('volumes.last_server_id', '=', serverId)
      // Another server may get it until the end: then it stays.
      .where('volumes.multiattach', '=', 0)
      .where((e) =>
        e.or([
          e('volumes.origin', '=', 'server'),
          e.and([e('volumes.delete_on_termination', '=', 1), e.not(e.exists(snapshotsOf(e)))]),
        ]),
      )
      .where((e) => e.or([e('volumes.server_id', '=', serverId), e('volumes.deleted_at', 'is not', null)]))
      .execute();
    return rows;
  }

  /** Every disk of these volumes or snapshots that may exist. */
  async disksOf(ownerIds: string[]): Promise<Array<{ id: string; hostId: string }>> {
    return await this.#core.db.read
      .selectFrom('disks')
      .select(['id', 'host_id as hostId'])
      .where('volume_id', 'in', ownerIds)
      .execute();
  }

  /** Disks that nothing needs and that still are on their hosts, the oldest first. */
  async releasedDisks(limit: number): Promise<Array<{ id: string; hostId: string }>> {
    return await this.#core.db.read
      .selectFrom('disks')
      .select(['id', 'host_id as hostId'])
      .where('released_at', 'is not', null)
      .orderBy('released_at')
      .limit(limit)
      .execute();
  }
}

const storageBeside = statement<{ hostId: string; volumeId: string }, { storage_id: string | null }>((q, p) =>
  q
    .selectFrom('volumes')
    .innerJoin('storage_hosts', 'storage_hosts.storage_id', 'volumes.storage_id')
    .innerJoin('hosts', 'hosts.id', 'storage_hosts.host_id')
    .innerJoin('storage_clusters', (join) =>
      join
        .onRef('storage_clusters.storage_id', '=', 'storage_hosts.storage_id')
        .onRef('storage_clusters.cluster_id', '=', 'hosts.cluster_id'),
    )
    .select('volumes.storage_id')
    .where('storage_hosts.host_id', '=', p.hostId)
    .where((e) =>
      e.or([
        e('volumes.id', '=', p.volumeId),
        e(
          'volumes.id',
          '=',
          e
            .selectFrom('volume_snapshots')
            .select('volume_snapshots.volume_id')
            .where('volume_snapshots.id', '=', p.volumeId),
        ),
      ]),
    ),
);

const putCachedImage = statement<{ hostId: string; imageId: string; size: number; now: number }>((q, p) =>
  q
    .insertInto('cached_images')
    .values({ host_id: p.hostId, image_id: p.imageId, size: p.size, last_used_at: p.now })
    .onConflict((conflict) =>
      conflict.columns(['host_id', 'image_id']).doUpdateSet({ size: p.size, last_used_at: p.now }),
    ),
);

/** Snapshots that keep their volume from being deleted. */
function snapshotsOf(e: ExpressionBuilder<Schema, 'volumes'>) {
  return e
    .selectFrom('volume_snapshots')
    .select('volume_snapshots.id')
    .whereRef('volume_snapshots.volume_id', '=', 'volumes.id')
    .where('volume_snapshots.deleted_at', 'is', null);
}

/** Columns of a volume that no server has any more. */
export function detached(now: number) {
  return {
    server_id: null,
    attachment_id: null,
    device: null,
    device_index: null,
    device_tag: null,
    delete_on_termination: 0,
    attached_by_volume_api: 0,
    detached_at: now,
  } as const;
}
