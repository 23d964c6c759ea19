import type { DiskLimits } from '../../agent/contract.ts';
import type { BackupFolder } from '../../backup-stores/backup-folder.ts';
import type { VolumeSnapshotsTable, VolumesTable } from '../../database/schema.ts';
import { withDashes } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError } from '../errors.ts';
import { ownsOrAdmin, requireAdmin, type Subject } from '../identity/subject.ts';
import type { NewTemplate } from '../images/templates.ts';
import { usedByServer, VolumeAttachments } from './attachments.ts';
import { Backups } from './backups.ts';
import { type NewVolume, requestCreateVolume } from './creation.ts';
import { VolumeGroups } from './groups/volume-groups.ts';
import { type HostStorageUsage, usageOfHost } from './host-usage.ts';
import { listSnapshots, listVolumes, type SnapshotFilter, type StoragePage, type VolumeFilter } from './listing.ts';
import { VolumeMessages } from './messages.ts';
import { type Volume, volumeFromRow, volumeNotFound } from './model.ts';
import type { OwnLimitChanges } from './own-limits.ts';
import { VolumeQos } from './qos.ts';
import { invalidVolume, lockSnapshot, lockVolume, updateSnapshot, type VolumeStatus } from './rules.ts';
import { noteShare } from './shares.ts';
import { type Snapshot, snapshotFromRow, snapshotNotFound } from './snapshot-model.ts';
import { VolumeTransfers } from './transfers.ts';
import {
  type AssistedSnapshot,
  requestAssistedSnapshot,
  requestDeleteAssistedSnapshot,
} from './transitions/assisted-snapshot.ts';
import { type AttachRequest, requestAttachVolume } from './transitions/attach.ts';
import { requestFlattenFree } from './transitions/convert.ts';
import { requestDeleteVolume } from './transitions/delete.ts';
import { requestDetachVolume } from './transitions/detach.ts';
import { requestExtendVolume } from './transitions/extend.ts';
import { requestLimitVolume } from './transitions/limit.ts';
import { type MigrationTarget, requestMigrateVolume } from './transitions/migrate.ts';
import { requestReimageVolume } from './transitions/reimage.ts';
import { requestRetypeVolume } from './transitions/retype.ts';
import { requestRevertVolume } from './transitions/revert.ts';
import { type NewSnapshot, requestCreateSnapshot, requestDeleteSnapshot } from './transitions/snapshot.ts';
import { requestFlattenAttached, requestSwapVolume } from './transitions/swap.ts';
import { requestUploadImage, requestUploadSnapshot } from './transitions/upload-image.ts';
import { VolumeTypes } from './types.ts';

type Words = Record<string, string>;

/** What an administrator says of a volume. */
export interface StatusReset {
  status?: VolumeStatus;
  /** Whether a server has it; this follows from the servers, and can't be otherwise. */
  attached?: boolean;
  migrationStatus?: Exclude<Volume['migrationStatus'], 'migrating'>;
}

function refuseUntrue({ id, server_id }: VolumesTable, attached: boolean | undefined): void {
  if (attached === undefined || attached === (server_id !== null)) return;
  const words = `is ${server_id === null ? 'no' : 'a'} server's: attach or detach it to change that.`;
  throw invalidVolume(`Volume ${withDashes(id)} ${words}`);
}

/** Volumes and snapshots of users: what is known of them, and what may be asked of them. */
export class BlockStorage {
  readonly types: VolumeTypes;
  readonly qos: VolumeQos;
  readonly backups: Backups;
  readonly transfers: VolumeTransfers;
  readonly groups: VolumeGroups;
  readonly attachments: VolumeAttachments;
  readonly messages: VolumeMessages;
  /** Where the bytes of backups are. */
  readonly backupStore: BackupFolder;
  readonly #cloud: Cloud;
  readonly #volume;
  readonly #snapshot;

  constructor(cloud: Cloud, backupStore: BackupFolder) {
    this.#cloud = cloud;
    this.backupStore = backupStore;
    this.types = new VolumeTypes(cloud);
    this.qos = new VolumeQos(cloud);
    this.backups = new Backups(cloud, backupStore);
    this.transfers = new VolumeTransfers(cloud);
    this.groups = new VolumeGroups(cloud);
    this.attachments = new VolumeAttachments(cloud);
    this.messages = new VolumeMessages(cloud);
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

  /** What of a volume a host has to know, whoever asks. */
  async facts(id: string): Promise<{ multiattach: boolean }> {
    const row = await this.#volume.first({ id });
    return { multiattach: row?.multiattach === 1 };
  }

  /** How fast guests may use a volume, undefined where nothing is limited. */
  async limitsOf(id: string): Promise<DiskLimits | undefined> {
    const row = await this.#volume.first({ id });
    return row && this.qos.limitsOfVolume(volumeFromRow(row));
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
  /** Makes an image of a snapshot. */
  uploadSnapshot = (subject: Subject, id: string, template: NewTemplate) =>
    requestUploadSnapshot(this.#cloud, subject, id, template);
  revert = (subject: Subject, id: string, snapshotId: string, options?: { onlyLatest: boolean }) =>
    requestRevertVolume(this.#cloud, subject, id, snapshotId, options);
  reimage = (subject: Subject, id: string, imageId: string) => requestReimageVolume(this.#cloud, subject, id, imageId);
  retype = (subject: Subject, id: string, typeNameOrId: string) =>
    requestRetypeVolume(this.#cloud, subject, id, typeNameOrId);
  limit = (subject: Subject, id: string, changes: OwnLimitChanges) =>
    requestLimitVolume(this.#cloud, subject, id, changes);
  /** For administrators: moves it to another host. */
  /** Moves a volume to another host or storage; one that a server has to another storage of its host, while it goes on. */
  async migrate(subject: Subject, id: string, to: MigrationTarget): Promise<{ actionId: string }> {
    requireAdmin(subject, 'volume_extension:volume_admin_actions:migrate_volume');
    const { serverId, status } = await this.get(subject, id);
    if (serverId === null || status !== 'in-use') return await requestMigrateVolume(this.#cloud, subject, id, to);
    await this.#cloud.hosts.get(to.hostId);
    return await requestSwapVolume(this.#cloud, subject, { volumeId: id, serverId }, to);
  }

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

  /** A disabled volume is attached to no server, and no snapshot is made of it. */
  setEnabled(subject: Subject, id: string, enabled: boolean) {
    return this.#change(subject, id, () => ({ enabled: enabled ? 1 : 0 }));
  }

  setBootable(subject: Subject, id: string, bootable: boolean) {
    return this.#change(subject, id, () => ({ bootable: bootable ? 1 : 0 }));
  }

  /** Takes the volume from whatever has it: for administrators, where its state is wrong. */
  async forceDetach(subject: Subject, id: string): Promise<void> {
    requireAdmin(subject, 'volume_extension:volume_admin_actions:force_detach');
    const { serverId } = await this.get(subject, id);
    const all = await this.attachments.list(subject, { allProjects: true, volumeId: id });
    if (serverId === null) {
      for (const one of all) await this.attachments.delete(subject, one.id);
      return;
    }
    const fixed = all.find(({ isOfComputeApi }) => isOfComputeApi);
    if (fixed) throw usedByServer(fixed);
    if (all.length > 1) {
      throw invalidVolume(`Volume ${withDashes(id)} is attached to several servers: detach it from one of them.`);
    }
    await this.#change(subject, id, ({ status }) => (status === 'detaching' ? {} : { status: 'in-use' }));
    await this.detach(subject, serverId, id);
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
    const delete_on_termination = dies ? 1 : 0;
    await this.#cloud.db.write(async (tx) => {
      const row = await lockVolume(tx, subject, volumeId);
      if (row.server_id === serverId) await this.#cloud.volumes.update(tx, volumeId, { delete_on_termination });
      else await noteShare(tx, { volumeId, serverId }, { delete_on_termination });
    });
  }

  /** For administrators: says in what state a volume is, where the cloud has it wrong. Nothing else changes. */
  resetStatus(subject: Subject, id: string, { status, ...said }: StatusReset) {
    requireAdmin(subject, 'volume_extension:volume_admin_actions:reset_status');
    return this.#change(subject, id, (row) => {
      refuseUntrue(row, said.attached);
      const migration_status = said.migrationStatus;
      if (status === undefined) return { migration_status };
      if (status === 'awaiting-transfer' || status === 'reserved') {
        throw invalidVolume(`A volume is made ${status} by other means.`);
      }
      if (status === 'available' && row.disk_id === null) {
        throw invalidVolume(`Volume ${withDashes(id)} can't be available: it has no disk.`);
      }
      if ((status === 'available') === (row.server_id !== null) && ['available', 'in-use'].includes(status)) {
        throw invalidVolume(
          `Volume ${withDashes(id)} can't be ${status} while it is ${row.server_id ? '' : 'not '}attached.`,
        );
      }
      return { status, migration_status };
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
  deleteSnapshot = (subject: Subject, id: string, options?: { force?: boolean }) =>
    requestDeleteSnapshot(this.#cloud, subject, id, options);
  createAssistedSnapshot = (subject: Subject, wanted: AssistedSnapshot) =>
    requestAssistedSnapshot(this.#cloud, subject, wanted);
  deleteAssistedSnapshot = (subject: Subject, which: AssistedSnapshot) =>
    requestDeleteAssistedSnapshot(this.#cloud, subject, which);

  async updateSnapshot(
    subject: Subject,
    id: string,
    change: (snapshot: Snapshot) => {
      name?: string | null;
      description?: string | null;
      metadata?: Words;
      progress?: string;
    },
  ): Promise<Snapshot> {
    await this.#cloud.db.write(async (tx) => {
      const { metadata, ...words } = change(await lockSnapshot(tx, subject, id));
      const columns = { ...words, ...(metadata ? { metadata: JSON.stringify(metadata) } : {}) };
      await updateSnapshot(this.#cloud, tx, id, columns);
    });
    return this.snapshot(subject, id);
  }

  /**
   * Makes its disk one that is a layer over nothing, also while a server has it and runs: also the disk that a server boots
   * from. Gives no action where it is so already. Throws `invalid` for a volume that is busy.
   */
  async flatten(subject: Subject, id: string): Promise<{ actionId?: string }> {
    const { serverId, diskId } = await this.#cloud.volumes.get(subject, id);
    const query = this.#cloud.db.read
      .selectFrom('disks')
      .select('image_id')
      .where('id', '=', diskId ?? '');
    const disk = await query.executeTakeFirst();
    if (!disk) throw invalidVolume(`Volume ${withDashes(id)} has no disk yet.`);
    if (disk.image_id === null) return {};
    if (serverId === null) return await requestFlattenFree(this.#cloud, subject, id);
    return await requestFlattenAttached(this.#cloud, subject, { volumeId: id, serverId });
  }

  /** Says in what state a snapshot is, where the cloud has it wrong. Nothing else changes. */
  async resetSnapshotStatus(subject: Subject, id: string, status: Snapshot['status'], progress?: string) {
    await this.#cloud.db.write(async (tx) => {
      const snapshot = await lockSnapshot(tx, subject, id);
      if (status === 'available' && snapshot.diskId === null) {
        throw new CloudError('invalid', 'Invalid snapshot: it has no disk.', { reason: 'invalid_snapshot' });
      }
      await updateSnapshot(this.#cloud, tx, id, { status, ...(progress === undefined ? {} : { progress }) });
    });
  }

  /** What a host's disks hold of each project: for administrators. */
  usageOfHost(subject: Subject, hostId: string): Promise<HostStorageUsage[]> {
    requireAdmin(subject, 'volume_extension:hosts');
    return usageOfHost(this.#cloud.db.read, hostId);
  }

  async #change(subject: Subject, id: string, change: (row: VolumesTable) => Partial<VolumesTable>): Promise<Volume> {
    await this.#cloud.db.write(async (tx) => {
      const row = await lockVolume(tx, subject, id);
      const changes = Object.entries(change(row)).filter(([, value]) => value !== undefined);
      await this.#cloud.volumes.update(tx, id, Object.fromEntries(changes));
    });
    return this.get(subject, id);
  }
}
