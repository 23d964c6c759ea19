import { createHmac, timingSafeEqual } from 'node:crypto';
import type { VolumeTransfersTable } from '../../database/schema.ts';
import { newId, withDashes } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError, notFound } from '../errors.ts';
import { ownsOrAdmin, projectOf, type Subject } from '../identity/subject.ts';
import { invalidVolume, lockVolume } from './rules.ts';
import { checkVolumeQuotas } from './type-quotas.ts';

/** The offer of a volume to whoever knows its key. */
export interface VolumeTransfer {
  id: string;
  volumeId: string;
  projectId: string;
  name: string | null;
  accepted: boolean;
  noSnapshots: boolean;
  destinationProjectId: string | null;
  createdAt: number;
}

function fromRow(row: VolumeTransfersTable): VolumeTransfer {
  return {
    id: row.id,
    volumeId: row.volume_id,
    projectId: row.project_id,
    name: row.name,
    accepted: row.accepted === 1,
    noSnapshots: row.no_snapshots === 1,
    destinationProjectId: row.destination_project_id,
    createdAt: row.created_at,
  };
}

/** Hands volumes over from one project to another. */
export class VolumeTransfers {
  readonly #cloud: Cloud;

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  /** Offers that have not been taken or taken back, the newest first. */
  async list(subject: Subject, filter: { allProjects?: boolean; name?: string; volumeId?: string } = {}) {
    let query = this.#cloud.db.read.selectFrom('volume_transfers').selectAll().where('deleted_at', 'is', null);
    if (!(filter.allProjects && subject.isAdmin)) query = query.where('project_id', '=', projectOf(subject));
    if (filter.name !== undefined) query = query.where('name', '=', filter.name);
    if (filter.volumeId !== undefined) query = query.where('volume_id', '=', filter.volumeId);
    return (await query.orderBy('created_at', 'desc').orderBy('id').execute()).map(fromRow);
  }

  async get(subject: Subject, id: string): Promise<VolumeTransfer> {
    const row = await this.#row(id);
    if (!row || !ownsOrAdmin(subject, row.project_id)) throw transferNotFound(id);
    return fromRow(row);
  }

  /** Offers a volume. Its key is told once, here. Snapshots go with it, unless `noSnapshots` forbids that. */
  async create(
    subject: Subject,
    wanted: { volumeId: string; name?: string | null; noSnapshots?: boolean },
  ): Promise<{ transfer: VolumeTransfer; key: string }> {
    const { env, db } = this.#cloud;
    const key = env.randomBytes(8).toString('hex');
    const salt = env.randomBytes(8).toString('hex');
    return await db.write(async (tx) => {
      const volume = await lockVolume(tx, subject, wanted.volumeId);
      if (volume.status !== 'available') throw invalidVolume('status must be available');
      if (wanted.noSnapshots) {
        const snapshot = await tx
          .selectFrom('volume_snapshots')
          .select('id')
          .where('volume_id', '=', volume.id)
          .where('deleted_at', 'is', null)
          .executeTakeFirst();
        if (snapshot) throw invalidVolume('the volume has snapshots, and they are not to go with it');
      }
      const row: VolumeTransfersTable = {
        id: newId(env),
        volume_id: volume.id,
        project_id: volume.project_id,
        name: wanted.name ?? null,
        salt,
        key_hash: hashOf(salt, key),
        accepted: 0,
        no_snapshots: wanted.noSnapshots ? 1 : 0,
        destination_project_id: null,
        created_at: env.now(),
        deleted_at: null,
      };
      await tx.insertInto('volume_transfers').values(row).execute();
      await this.#cloud.volumes.update(tx, volume.id, { status: 'awaiting-transfer' });
      return { transfer: fromRow(row), key };
    });
  }

  /** Takes an offer back. */
  async delete(subject: Subject, id: string): Promise<void> {
    const transfer = await this.get(subject, id);
    await this.#cloud.db.write(async (tx) => {
      const volume = await lockVolume(tx, subject, transfer.volumeId);
      await tx
        .updateTable('volume_transfers')
        .set({ deleted_at: this.#cloud.env.now() })
        .where('id', '=', id)
        .execute();
      if (volume.status === 'awaiting-transfer') {
        await this.#cloud.volumes.update(tx, volume.id, { status: 'available' });
      }
    });
  }

  /** Makes the volume one of the subject's project. The quota of that project must have room for it. */
  async accept(subject: Subject, id: string, key: string): Promise<VolumeTransfer> {
    const projectId = projectOf(subject);
    const { db, env } = this.#cloud;
    return await db.write(async (tx) => {
      const found = tx.selectFrom('volume_transfers').selectAll().where('id', '=', id).where('deleted_at', 'is', null);
      const row = await found.forUpdate().executeTakeFirst();
      if (!row) throw transferNotFound(id);
      if (!isSame(row.key_hash, hashOf(row.salt, key))) {
        throw new CloudError(
          'invalid',
          `Invalid auth key: Attempt to transfer ${withDashes(id)} with invalid auth key.`,
          {
            reason: 'invalid_auth_key',
          },
        );
      }
      const volume = await lockVolume(tx, { ...subject, isAdmin: true }, row.volume_id);
      if (volume.status !== 'awaiting-transfer') throw invalidVolume('status must be awaiting-transfer');
      await this.#cloud.blockStorage.types.get(subject, volume.volume_type);
      const snapshots = await tx
        .selectFrom('volume_snapshots')
        .select('size')
        .where('volume_id', '=', volume.id)
        .where('deleted_at', 'is', null)
        .execute();
      if (projectId !== volume.project_id) {
        await checkVolumeQuotas(this.#cloud, tx, projectId, {
          typeId: volume.volume_type,
          volumes: 1,
          snapshots: snapshots.length,
          bytes: snapshots.reduce((sum, { size }) => sum + size, volume.size),
          largest: volume.size,
        });
      }
      const owner = { project_id: projectId, user_id: subject.userId };
      await this.#cloud.volumes.update(tx, volume.id, { ...owner, status: 'available' });
      await tx
        .updateTable('volume_snapshots')
        .set(owner)
        .where('volume_id', '=', volume.id)
        .where('deleted_at', 'is', null)
        .execute();
      const end = { accepted: 1, destination_project_id: projectId, deleted_at: env.now() } as const;
      await tx.updateTable('volume_transfers').set(end).where('id', '=', id).execute();
      return fromRow({ ...row, ...end });
    });
  }

  #row(id: string): Promise<VolumeTransfersTable | undefined> {
    return this.#cloud.db.read
      .selectFrom('volume_transfers')
      .selectAll()
      .where('id', '=', id)
      .where('deleted_at', 'is', null)
      .executeTakeFirst();
  }
}

function hashOf(salt: string, key: string): string {
  return createHmac('sha256', salt).update(key).digest('hex');
}

function isSame(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

function transferNotFound(id: string): CloudError {
  return notFound('transfer', id, `Transfer ${withDashes(id)} could not be found.`);
}
