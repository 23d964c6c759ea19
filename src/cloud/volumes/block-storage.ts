import type { VolumeSnapshotsTable, VolumesTable } from '../../database/schema.ts';
import { withDashes } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import { ownsOrAdmin, requireAdmin, type Subject } from '../identity/subject.ts';
import type { NewTemplate } from '../images/templates.ts';
import { type NewVolume, requestCreateVolume } from './creation.ts';
import { listSnapshots, listVolumes, type SnapshotFilter, type StoragePage, type VolumeFilter } from './listing.ts';
import { type Volume, volumeFromRow } from './model.ts';
import { invalidVolume, lockSnapshot, lockVolume, updateSnapshot, type VolumeStatus } from './rules.ts';
import { type Snapshot, snapshotFromRow, snapshotNotFound } from './snapshot-model.ts';
import { type AttachRequest, requestAttachVolume } from './transitions/attach.ts';
import { requestDeleteVolume } from './transitions/delete.ts';
import { requestDetachVolume } from './transitions/detach.ts';
import { requestExtendVolume } from './transitions/extend.ts';
import { requestRevertVolume } from './transitions/revert.ts';
import { type NewSnapshot, requestCreateSnapshot, requestDeleteSnapshot } from './transitions/snapshot.ts';
import { requestUploadImage } from './transitions/upload-image.ts';
import { volumeNotFound } from './volumes.ts';

type Words = Record<string, string>;

/** Volumes and snapshots of users: what is known of them, and what may be asked of them. */
export class BlockStorage {
  readonly #cloud: Cloud;
  readonly #volume;
  readonly #snapshot;

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
    this.#volume = cloud.db.prepare<{ id: string }, VolumesTable>((q, p) =>
      q.selectFrom('volumes').selectAll().where('id', '=', p.id).where('origin', '=', 'volume'),
    );
    this.#snapshot = cloud.db.prepare<{ id: string }, VolumeSnapshotsTable>((q, p) =>
      q.selectFrom('volume_snapshots').selectAll().where('id', '=', p.id),
    );
  }

  async get(subject: Subject, id: string): Promise<Volume> {
    const row = await this.#volume.first({ id });
    if (!row || row.deleted_at !== null || !ownsOrAdmin(subject, row.project_id)) throw volumeNotFound(id);
    return volumeFromRow(row);
  }

  list(subject: Subject, filter: VolumeFilter, page: StoragePage): Promise<Volume[]> {
    return listVolumes(this.#cloud.db, subject, filter, page);
  }

  /** The volumes that a server has. */
  async attachedTo(subject: Subject, serverId: string): Promise<Volume[]> {
    await this.#cloud.servers.get(subject, serverId);
    return (await this.#cloud.volumes.ofServer(serverId)).filter(({ origin }) => origin === 'volume');
  }

  /** One of them. Throws `not_found` for a volume that the server does not have. */
  async attachment(subject: Subject, serverId: string, volumeId: string): Promise<Volume> {
    const found = (await this.attachedTo(subject, serverId)).find(({ id }) => id === volumeId);
    if (!found) throw volumeNotFound(volumeId);
    return found;
  }

  create = (subject: Subject, wanted: NewVolume) => requestCreateVolume(this.#cloud, subject, wanted);
  delete = (subject: Subject, id: string, options: { cascade?: boolean; force?: boolean } = {}) =>
    requestDeleteVolume(this.#cloud, subject, id, options);
  extend = (subject: Subject, id: string, newSize: number, options?: { evenIfAttached: boolean }) =>
    requestExtendVolume(this.#cloud, subject, id, newSize, options);
  uploadImage = (subject: Subject, id: string, template: NewTemplate, options: { force?: boolean } = {}) =>
    requestUploadImage(this.#cloud, subject, id, template, options);
  revert = (subject: Subject, id: string, snapshotId: string) =>
    requestRevertVolume(this.#cloud, subject, id, snapshotId);
  attach = (subject: Subject, serverId: string, request: AttachRequest) =>
    requestAttachVolume(this.#cloud, subject, serverId, request);
  detach = (subject: Subject, serverId: string, volumeId: string) =>
    requestDetachVolume(this.#cloud, subject, serverId, volumeId);

  /** Changes what is only words about the volume. */
  update(subject: Subject, id: string, changes: { name?: string | null; description?: string | null }) {
    return this.#change(subject, id, () => changes);
  }

  /** `change` gets a copy of the metadata and returns what it shall be. */
  setMetadata(subject: Subject, id: string, change: (metadata: Words) => Words) {
    return this.#change(subject, id, (row) => ({
      metadata: JSON.stringify(change(JSON.parse(row.metadata) as Words)),
    }));
  }

  /** As `setMetadata`, for what the volume knows of the image it was made from. */
  setImageMetadata(subject: Subject, id: string, change: (metadata: Words) => Words) {
    return this.#change(subject, id, (row) => ({
      image_metadata: JSON.stringify(change(JSON.parse(row.image_metadata) as Words)),
    }));
  }

  setBootable(subject: Subject, id: string, bootable: boolean) {
    return this.#change(subject, id, () => ({ bootable: bootable ? 1 : 0 }));
  }

  /** Whether guests may write to it, from the next time that it is attached. */
  setReadOnly(subject: Subject, id: string, readOnly: boolean) {
    return this.#change(subject, id, (row) => {
      if (row.status !== 'available')
        throw invalidVolume(
          `Volume ${withDashes(id)} status must be available to update readonly flag, but current status is: ${row.status}.`,
        );
      const metadata = { ...(JSON.parse(row.metadata) as Words), readonly: readOnly ? 'True' : 'False' };
      return { metadata: JSON.stringify(metadata) };
    });
  }

  /** What happens to the volume when the server it is attached to is deleted. */
  async setDeleteOnTermination(subject: Subject, serverId: string, volumeId: string, dies: boolean): Promise<void> {
    await this.attachment(subject, serverId, volumeId);
    await this.#change(subject, volumeId, () => ({ delete_on_termination: dies ? 1 : 0 }));
  }

  /** For administrators: says in what state a volume is, where the cloud has it wrong. Nothing else changes. */
  resetStatus(subject: Subject, id: string, status: VolumeStatus) {
    requireAdmin(subject, 'volume_extension:volume_admin_actions:reset_status');
    return this.#change(subject, id, (row) => {
      if ((status === 'available') === (row.server_id !== null) && ['available', 'in-use'].includes(status)) {
        throw invalidVolume(
          `Volume ${withDashes(id)} can't be ${status} while it is ${row.server_id ? '' : 'not '}attached.`,
        );
      }
      return { status };
    });
  }

  async snapshot(subject: Subject, id: string): Promise<Snapshot> {
    const row = await this.#snapshot.first({ id });
    if (!row || row.deleted_at !== null || !ownsOrAdmin(subject, row.project_id)) throw snapshotNotFound(id);
    return snapshotFromRow(row);
  }

  listSnapshots(subject: Subject, filter: SnapshotFilter, page: StoragePage): Promise<Snapshot[]> {
    return listSnapshots(this.#cloud.db, subject, filter, page);
  }

  createSnapshot = (subject: Subject, wanted: NewSnapshot) => requestCreateSnapshot(this.#cloud, subject, wanted);
  deleteSnapshot = (subject: Subject, id: string) => requestDeleteSnapshot(this.#cloud, subject, id);

  async updateSnapshot(
    subject: Subject,
    id: string,
    change: (snapshot: Snapshot) => { name?: string | null; description?: string | null; metadata?: Words },
  ): Promise<Snapshot> {
    await this.#cloud.db.write(async (tx) => {
      const { metadata, ...words } = change(await lockSnapshot(this.#cloud, tx, subject, id));
      const columns = { ...words, ...(metadata ? { metadata: JSON.stringify(metadata) } : {}) };
      await updateSnapshot(this.#cloud, tx, id, columns);
    });
    return this.snapshot(subject, id);
  }

  async #change(subject: Subject, id: string, change: (row: VolumesTable) => Partial<VolumesTable>): Promise<Volume> {
    await this.#cloud.db.write(async (tx) => {
      const row = await lockVolume(this.#cloud, tx, subject, id);
      const changes = Object.entries(change(row)).filter(([, value]) => value !== undefined);
      await this.#cloud.volumes.update(tx, id, Object.fromEntries(changes));
    });
    return this.get(subject, id);
  }
}
