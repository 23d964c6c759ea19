import type { ExpressionBuilder } from 'kysely';
import type { Tx } from '../../database/database.ts';
import type { Schema, VolumeAttachmentsTable, VolumeSharesTable, VolumesTable } from '../../database/schema.ts';
import { newId, withDashes } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError, notFound } from '../errors.ts';
import { ownsOrAdmin, projectOf, type Subject } from '../identity/subject.ts';
import { connectionTo, isOnHost, type VolumeConnection } from './connections.ts';
import { invalidVolume, lockVolume, requireStatus } from './rules.ts';
import { asShared, sharesOfAll } from './shares.ts';

/** A volume's being attached to something, or its being kept for that. */
export interface VolumeAttachment {
  id: string;
  volumeId: string;
  projectId: string;
  /** The server; null for something outside of this cloud. */
  serverId: string | null;
  status: 'reserved' | 'attaching' | 'attached' | 'detaching';
  mode: 'rw' | 'ro';
  connector: Record<string, unknown> | null;
  device: string | null;
  attachedAt: number | null;
  detachedAt: number | null;
  /** The server has it as a disk. */
  isOfServer: boolean;
  /** Such a disk that only the compute API may take from its server, as it gave it. */
  isOfComputeApi: boolean;
}

/** A further server's having a volume. */
export type VolumeShare = Pick<VolumeAttachment, 'id' | 'status' | 'device' | 'attachedAt'> & { serverId: string };

export interface AttachmentFilter {
  allProjects?: boolean;
  volumeId?: string;
  serverId?: string;
  status?: string;
}

/**
 * Attachments of volumes. Those to servers of this cloud are made and ended by the compute API, and only shown here; those
 * that are made here keep a volume for something else: as long as there is one, no server gets it.
 */
export class VolumeAttachments {
  readonly #cloud: Cloud;
  readonly #complete;
  readonly #shares;

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
    this.#complete = cloud.db.prepare<object, VolumeAttachmentsTable>((q) =>
      q.selectFrom('volume_attachments').selectAll().where('status', '=', 'attached'),
    );
    this.#shares = cloud.db.prepare<object, VolumeSharesTable>((q) =>
      q.selectFrom('volume_shares').selectAll().orderBy('created_at').orderBy('id'),
    );
  }

  async list(subject: Subject, filter: AttachmentFilter = {}): Promise<VolumeAttachment[]> {
    const { read } = this.#cloud.db;
    const projectId = filter.allProjects && subject.isAdmin ? undefined : projectOf(subject);
    let volumes = read
      .selectFrom('volumes')
      .selectAll()
      .where('server_id', 'is not', null)
      .where('attachment_id', 'is not', null)
      .where('origin', '=', 'volume')
      .where('deleted_at', 'is', null);
    // Of the servers that have a volume only one is in its row.
    const bySharing = (e: ExpressionBuilder<Schema, 'volumes'>, serverId: string) =>
      e.selectFrom('volume_shares').select('volume_id').where('volume_shares.server_id', '=', serverId);
    let others = read.selectFrom('volume_attachments').selectAll();
    if (projectId !== undefined) {
      volumes = volumes.where('project_id', '=', projectId);
      others = others.where('project_id', '=', projectId);
    }
    if (filter.volumeId !== undefined) {
      volumes = volumes.where('id', '=', filter.volumeId);
      others = others.where('volume_id', '=', filter.volumeId);
    }
    if (filter.serverId !== undefined) {
      const { serverId } = filter;
      volumes = volumes.where((e) => e.or([e('server_id', '=', serverId), e('id', 'in', bySharing(e, serverId))]));
      others = others.where('server_id', '=', filter.serverId);
    }
    const rows = await volumes.orderBy('attached_at', 'desc').execute();
    const all = [
      ...(await this.#withShares(rows, filter)),
      ...(await others.orderBy('created_at', 'desc').execute()).map(fromRow),
    ];
    return all.filter(({ status }) => filter.status === undefined || status === filter.status);
  }

  /** Those to the further servers of volumes that several have, by volume: there are few. */
  async shared(): Promise<Map<string, VolumeShare[]>> {
    const shares = new Map<string, VolumeShare[]>();
    for (const { id, volume_id, server_id: serverId, status, device, attached_at } of await this.#shares.all({})) {
      const share = { id, serverId, status, device, attachedAt: attached_at };
      shares.set(volume_id, [...(shares.get(volume_id) ?? []), share]);
    }
    return shares;
  }

  /** Those that are not of servers and are complete, by volume: there are few. */
  async others(): Promise<Map<string, VolumeAttachment>> {
    const rows = await this.#complete.all({});
    return new Map(rows.map((row) => [row.volume_id, fromRow(row)]));
  }

  async get(subject: Subject, id: string): Promise<VolumeAttachment> {
    const { read } = this.#cloud.db;
    const row = await read.selectFrom('volume_attachments').selectAll().where('id', '=', id).executeTakeFirst();
    if (row && ownsOrAdmin(subject, row.project_id)) return fromRow(row);
    const share = await read.selectFrom('volume_shares').select('volume_id').where('id', '=', id).executeTakeFirst();
    const volume = await read
      .selectFrom('volumes')
      .selectAll()
      .where((e) => (share ? e('id', '=', share.volume_id) : e('attachment_id', '=', id)))
      .where('server_id', 'is not', null)
      .where('deleted_at', 'is', null)
      .executeTakeFirst();
    if (volume && ownsOrAdmin(subject, volume.project_id)) {
      const found = (await this.#withShares([volume], {})).find((one) => one.id === id);
      if (found) return found;
    }
    throw attachmentNotFound(id);
  }

  /** The attachments of volumes to servers: a row's own, and those of the further servers that have the volume. */
  async #withShares(rows: readonly VolumesTable[], { serverId }: AttachmentFilter): Promise<VolumeAttachment[]> {
    const ids = rows.filter(({ multiattach }) => multiattach === 1).map(({ id }) => id);
    const shares = ids.length === 0 ? [] : await sharesOfAll(this.#cloud.db.read, ids);
    const all = rows.flatMap((row) => {
      const own = shares.filter(({ volume_id }) => volume_id === row.id);
      const isPassing = own.some(({ status }) => status !== 'attached');
      return [
        { ...ofServer(row), ...(isPassing ? { status: 'attached' as const } : {}) },
        ...own.map((share) => ({ ...ofServer(asShared(row, share)), status: share.status })),
      ];
    });
    return serverId === undefined ? all : all.filter((one) => one.serverId === serverId);
  }

  /** Keeps a free volume for something; with a connector it is on its way there. */
  async create(
    subject: Subject,
    wanted: {
      volumeId: string;
      serverId?: string | null;
      connector?: Record<string, unknown> | null;
      mode?: 'rw' | 'ro';
    },
  ): Promise<VolumeAttachment> {
    const { env, db } = this.#cloud;
    const row = await db.write(async (tx) => {
      const volume = await lockVolume(tx, subject, wanted.volumeId);
      requireStatus(volume, ['available'], 'reserve');
      await this.#requireReachable(volume, wanted.connector);
      const status = wanted.connector ? 'attaching' : 'reserved';
      const isReadOnly = volume.metadata.includes('"readonly":"True"');
      if (isReadOnly && wanted.mode === 'rw') throw invalidVolume('the volume is for reading only.');
      const made: VolumeAttachmentsTable = {
        id: newId(env),
        project_id: volume.project_id,
        volume_id: volume.id,
        server_id: wanted.serverId ?? null,
        status,
        mode: isReadOnly ? 'ro' : (wanted.mode ?? 'rw'),
        connector: wanted.connector ? JSON.stringify(wanted.connector) : null,
        device: deviceOf(wanted.connector),
        created_at: env.now(),
        attached_at: null,
      };
      await tx.insertInto('volume_attachments').values(made).execute();
      await this.#cloud.volumes.update(tx, volume.id, { status });
      return made;
    });
    return fromRow(row);
  }

  /** Says what the volume is to be connected to. */
  async update(subject: Subject, id: string, connector: Record<string, unknown>): Promise<VolumeAttachment> {
    await this.#change(subject, id, async (tx, volume) => {
      await this.#requireReachable(volume, connector);
      await this.#cloud.volumes.update(tx, volume.id, { status: 'attaching' });
      return { status: 'attaching', connector: JSON.stringify(connector), device: deviceOf(connector) };
    });
    return this.get(subject, id);
  }

  /** The volume is where it was to go: it is in use from now on. */
  async complete(subject: Subject, id: string): Promise<void> {
    await this.#change(subject, id, async (tx, volume) => {
      const attached_at = this.#cloud.env.now();
      await this.#cloud.volumes.update(tx, volume.id, { status: 'in-use', attached_at });
      return { status: 'attached', attached_at };
    });
  }

  /** Frees the volume. Throws `conflict` for the disk of a server: the compute API takes it from there. */
  async delete(subject: Subject, id: string): Promise<void> {
    const found = await this.get(subject, id);
    if (found.isOfServer) throw usedByServer(found);
    await this.#cloud.db.write(async (tx) => {
      const volume = await lockVolume(tx, subject, found.volumeId);
      await tx.deleteFrom('volume_attachments').where('id', '=', id).execute();
      if (['reserved', 'attaching', 'in-use', 'error'].includes(volume.status) && volume.server_id === null) {
        await this.#cloud.volumes.update(tx, volume.id, { status: 'available', detached_at: this.#cloud.env.now() });
      }
    });
  }

  /** Attaches a volume at once: to a server as the compute API does it, else it is only kept as being in use. */
  async attach(
    subject: Subject,
    volumeId: string,
    target: {
      serverId?: string;
      device?: string;
      connector?: Record<string, unknown>;
      mode?: 'rw' | 'ro';
    },
  ): Promise<void> {
    const { blockStorage } = this.#cloud;
    const kept = (await this.list(subject, { volumeId })).find(({ status }) => status === 'attaching');
    if (kept && !kept.isOfServer) await this.delete(subject, kept.id);
    if (target.serverId !== undefined) {
      const { serverId, device } = target;
      await blockStorage.attach(subject, serverId, { volumeId, device, byVolumeApi: true });
      return;
    }
    const { id } = await this.create(subject, { volumeId, connector: target.connector, mode: target.mode });
    await this.complete(subject, id);
  }

  /**
   * Takes the volume from whatever has it, or from the one; a volume that nothing has is left as it is. Throws `conflict`
   * for a disk that the compute API gave to its server (OSSA-2023-003), `invalid` for an attachment of another volume.
   */
  async detach(subject: Subject, volumeId: string, attachmentId?: string): Promise<void> {
    for (const one of await this.#detachable(subject, volumeId, attachmentId)) {
      if (one.isOfServer) await this.#cloud.blockStorage.detach(subject, one.serverId!, volumeId);
      else await this.delete(subject, one.id);
    }
  }

  /** Ends what was opened for a connector; nothing is open for one here. Throws as `detach`. */
  async terminateConnection(subject: Subject, volumeId: string): Promise<void> {
    await this.#detachable(subject, volumeId);
  }

  /** The attachments that the volume API may end. */
  async #detachable(subject: Subject, volumeId: string, attachmentId?: string): Promise<VolumeAttachment[]> {
    await this.#cloud.blockStorage.get(subject, volumeId);
    const all = await this.list(subject, { volumeId, allProjects: true });
    const wanted = all.filter(({ id }) => attachmentId === undefined || id === attachmentId);
    if (attachmentId !== undefined && wanted.length === 0) {
      await this.get(subject, attachmentId);
      throw new CloudError('invalid', 'Invalid input received: Mismatched volume and attachment.', {
        reason: 'attachment_mismatch',
      });
    }
    const fixed = wanted.find(({ isOfComputeApi }) => isOfComputeApi);
    if (fixed) throw usedByServer(fixed);
    return wanted;
  }

  /** Undoes `create` for a volume that is not in use yet. */
  async unreserve(subject: Subject, volumeId: string): Promise<void> {
    await this.#cloud.blockStorage.get(subject, volumeId);
    const all = await this.list(subject, { volumeId, allProjects: true });
    for (const one of all) if (!one.isOfServer && one.status !== 'attached') await this.delete(subject, one.id);
  }

  /** How the volume's data is reached, once it is on its way to somewhere. */
  async connection(subject: Subject, attachment: VolumeAttachment): Promise<VolumeConnection | undefined> {
    if (!attachment.connector || attachment.isOfServer) return undefined;
    return await connectionTo(this.#cloud, subject, attachment.volumeId);
  }

  /** As `connection`, without an attachment. Throws `invalid` for a volume that can't be reached from the connector's host. */
  async initializeConnection(subject: Subject, volumeId: string, connector: Record<string, unknown>) {
    const { id, hostId, installPath } = await this.#cloud.blockStorage.get(subject, volumeId);
    await this.#requireReachable({ host_id: hostId, install_path: installPath }, connector);
    const connection = await connectionTo(this.#cloud, subject, id);
    if (connection) return connection;
    throw invalidVolume('it has no data on any host yet.');
  }

  async #change(
    subject: Subject,
    id: string,
    change: (tx: Tx, volume: VolumesTable) => Promise<Partial<VolumeAttachmentsTable>>,
  ): Promise<void> {
    const found = await this.get(subject, id);
    if (found.isOfServer) {
      throw new CloudError('conflict', 'The attachment is that of a server.', { reason: 'used_by_server' });
    }
    await this.#cloud.db.write(async (tx) => {
      const volume = await lockVolume(tx, subject, found.volumeId);
      requireStatus(volume, ['reserved', 'attaching'], 'attach');
      const changes = await change(tx, volume);
      await tx.updateTable('volume_attachments').set(changes).where('id', '=', id).execute();
    });
  }

  /** The files of a host's disks can be opened there only; what is in Ceph can be opened anywhere. */
  async #requireReachable(
    volume: Pick<VolumesTable, 'host_id' | 'install_path'>,
    connector: Record<string, unknown> | null | undefined,
  ) {
    const wanted = connector?.['host'];
    if (typeof wanted !== 'string' || wanted === '' || !isOnHost(volume.install_path)) return;
    const host = (await this.#cloud.hosts.list()).find(({ id }) => id === volume.host_id);
    if (host?.name === wanted) return;
    throw invalidVolume(`the volume is on the host ${host?.name}, and can't be connected to ${wanted}.`);
  }
}

function fromRow(row: VolumeAttachmentsTable): VolumeAttachment {
  return {
    id: row.id,
    volumeId: row.volume_id,
    projectId: row.project_id,
    serverId: row.server_id,
    status: row.status,
    mode: row.mode,
    connector: row.connector === null ? null : (JSON.parse(row.connector) as Record<string, unknown>),
    device: row.device,
    attachedAt: row.attached_at,
    detachedAt: null,
    isOfServer: false,
    isOfComputeApi: false,
  };
}

function ofServer(row: VolumesTable): VolumeAttachment {
  const { readonly } = JSON.parse(row.metadata) as Record<string, string>;
  const passing = { attaching: 'attaching', detaching: 'detaching' } as const;
  return {
    id: row.attachment_id ?? row.id,
    volumeId: row.id,
    projectId: row.project_id,
    serverId: row.server_id,
    status: passing[row.status as keyof typeof passing] ?? 'attached',
    mode: readonly === 'True' ? 'ro' : 'rw',
    connector: null,
    device: row.device,
    attachedAt: row.attached_at,
    detachedAt: row.detached_at,
    isOfServer: true,
    isOfComputeApi: row.attached_by_volume_api === 0,
  };
}

function deviceOf(connector: Record<string, unknown> | null | undefined): string | null {
  const mountpoint = connector?.['mountpoint'];
  return typeof mountpoint === 'string' ? mountpoint : null;
}

export function usedByServer({ serverId }: Pick<VolumeAttachment, 'serverId'>): CloudError {
  const message = `Detach volume from instance ${withDashes(serverId!)} using the Compute API`;
  return new CloudError('conflict', message, { reason: 'used_by_server' });
}

function attachmentNotFound(id: string): CloudError {
  return notFound(
    'attachment',
    id,
    `Volume attachment could not be found with filter: attachment_id = ${withDashes(id)}.`,
  );
}
