import type { Tx } from '../../database/database.ts';
import type { VolumesTable } from '../../database/schema.ts';
import { newId, withDashes } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError } from '../errors.ts';
import { projectOf, type Subject } from '../identity/subject.ts';
import { bootSnapshotOf, refuseMapped } from '../images/disk-mappings.ts';
import type { Image } from '../images/model.ts';
import { isMultiattach } from './backend.ts';
import { lockBackup, updateBackup } from './backup-rows.ts';
import { joinGroup } from './groups/membership.ts';
import { unmade, type Volume, volumeFromRow } from './model.ts';
import { invalidVolume, lockSnapshot, lockVolume } from './rules.ts';
import { refuseShared } from './shares.ts';
import { createVolume } from './transitions/create.ts';
import { checkVolumeQuotas } from './type-quotas.ts';

export interface NewVolume {
  /** Chosen by the client. */
  id?: string;
  name?: string | null;
  description?: string | null;
  /** Bytes. May be left out where the volume is a copy of something: then it is as large as that. */
  size?: number;
  /** The disk offering that says that. */
  diskOfferingId?: string;
  /** At most one of these: what the volume is made of. */
  imageId?: string;
  sourceVolumeId?: string;
  /** Whether that may be the own disk of a server, too. */
  ofRootDisk?: boolean;
  snapshotId?: string;
  backupId?: string;
  /** Name or id. What is copied has the type of what it is a copy of, if none is said. */
  volumeType?: string;
  zone?: string;
  metadata?: Record<string, string>;
  /** Several servers may have it, whatever its type says. */
  multiattach?: boolean;
  /** On which host it is to lie, and in which storage (null: on the host's own disk); wherever there is room if none is said. */
  place?: { hostId?: string; storageId?: string | null };
  /** The group it is to be in, whose types must be among them. */
  groupId?: string;
}

/** What a volume is made of, looked up. */
interface Source {
  size: number;
  imageId?: string;
  diskId?: string;
  hostId?: string;
  zoneId?: string;
  sourceVolumeId?: string;
  snapshotId?: string;
  backupId?: string;
  backupDataId?: string;
  typeId?: string;
  bootable: boolean;
  imageMetadata: Record<string, string>;
}

const blank: Source = { size: 0, bootable: false, imageMetadata: {} };

/** What the request names, looked up before the transaction. */
type Prepared = Awaited<ReturnType<typeof prepareVolume>>;

/** Registers a volume and submits what makes it, in one transaction. */
export async function requestCreateVolume(cloud: Cloud, subject: Subject, asked: NewVolume) {
  const wanted = await ofMappedImage(cloud, subject, asked);
  const prepared = await prepareVolume(cloud, subject, wanted);
  return await cloud.db.write((tx) => createVolumeIn(cloud, tx, subject, wanted, prepared));
}

/** Of an image that names snapshots, a volume is made of the snapshot that a server would boot from. */
async function ofMappedImage(cloud: Cloud, subject: Subject, wanted: NewVolume): Promise<NewVolume> {
  if (wanted.imageId === undefined) return wanted;
  const snapshotId = bootSnapshotOf(await cloud.images.forBoot(subject, wanted.imageId, 'volume'));
  return snapshotId === undefined ? wanted : { ...wanted, imageId: undefined, snapshotId };
}

/** Looks up what `createVolumeIn` needs, and refuses what can't be. */
export async function prepareVolume(cloud: Cloud, subject: Subject, wanted: NewVolume) {
  const { types } = cloud.blockStorage;
  const asked = wanted.volumeType === undefined ? undefined : await types.find(subject, wanted.volumeType);
  if (asked?.encryption) throw badInput(`There is no storage that encrypts, as the volume type ${asked.name} says.`);
  const usual = await types.default(subject);
  const image = wanted.imageId === undefined ? blank : await imageSource(cloud, subject, wanted.imageId);
  const zone = wanted.zone === undefined ? undefined : await cloud.zones.available(wanted.zone);
  if (wanted.zone !== undefined && !zone) throw badInput(`Availability zone '${wanted.zone}' is invalid.`);
  return { asked, usual, image, zone, defaultZone: await cloud.zones.default(subject.domainId) };
}

/** As `requestCreateVolume`, as part of a transaction that makes more. */
export async function createVolumeIn(
  cloud: Cloud,
  tx: Tx,
  subject: Subject,
  wanted: NewVolume,
  { asked, usual, image, zone, defaultZone }: Prepared,
): Promise<{ volume: Volume; actionId: string }> {
  const projectId = projectOf(subject);
  const source = await sourceOf(cloud, tx, subject, wanted, image);
  const size = sizeOf(wanted, source);
  if (zone && source.zoneId && zone.id !== source.zoneId) {
    throw badInput('Volume must be in the same availability zone as what it is made of.');
  }
  const typeId = asked?.id ?? source.typeId ?? usual.id;
  await checkVolumeQuotas(cloud, tx, projectId, { typeId, volumes: 1, bytes: size, largest: size });
  const row = volumeRow(cloud, subject, wanted, {
    id: wanted.id ?? newId(cloud.env),
    project_id: projectId,
    size,
    zone_id: source.zoneId ?? (zone ?? defaultZone).id,
    volume_type: typeId,
    image_id: source.imageId ?? null,
    source_volume_id: source.sourceVolumeId ?? null,
    snapshot_id: source.snapshotId ?? null,
    bootable: source.bootable ? 1 : 0,
    image_metadata: JSON.stringify(source.imageMetadata),
    multiattach: (await maybeShared(tx, wanted, typeId)) ? 1 : 0,
  });
  await refuseTakenId(tx, row.id);
  await tx.insertInto('volumes').values(row).execute();
  if (wanted.groupId !== undefined) await joinGroup(tx, subject, wanted.groupId, row);
  if (source.backupId) await updateBackup(cloud, tx, source.backupId, { status: 'restoring' });
  const actionId = await cloud.runner.submit(tx, createVolume, {
    input: {
      ownerId: row.id,
      newDiskId: newId(cloud.env),
      size,
      zoneId: row.zone_id,
      typeId,
      imageId: source.imageId,
      backupId: source.backupId,
      backupDataId: source.backupDataId,
      sourceDiskId: source.diskId,
      onlyHostId: source.hostId ?? wanted.place?.hostId,
      storageId: wanted.place?.storageId,
    },
    name: 'create',
    resourceType: 'volume',
    resourceId: row.id,
    projectId,
    userId: subject.userId,
    requestId: subject.requestId,
  });
  return { volume: volumeFromRow(row), actionId };
}

/** What the volume is to be made of. An image that has been looked up already may be given. */
export async function sourceOf(
  cloud: Cloud,
  tx: Tx,
  subject: Subject,
  wanted: NewVolume,
  image?: Source,
): Promise<Source> {
  const { imageId, sourceVolumeId, snapshotId, backupId } = wanted;
  if ([imageId, sourceVolumeId, snapshotId, backupId].filter((one) => one !== undefined).length > 1) {
    throw badInput('A volume is made of one image, one volume, one snapshot or one backup.');
  }
  if (sourceVolumeId !== undefined) {
    return await volumeSource(tx, subject, sourceVolumeId, { rootDisks: wanted.ofRootDisk });
  }
  if (snapshotId !== undefined) return await snapshotSource(tx, subject, snapshotId);
  if (backupId !== undefined) return await backupSource(tx, subject, backupId);
  if (image) return image;
  return wanted.imageId === undefined ? blank : await imageSource(cloud, subject, wanted.imageId);
}

async function imageSource(cloud: Cloud, subject: Subject, imageId: string): Promise<Source> {
  const image = await cloud.images.forBoot(subject, imageId, 'volume');
  refuseMapped(image);
  const size = Math.max(image.virtualSize, image.minDiskGb * 2 ** 30);
  const bootable = image.mediaType !== 'data';
  return { size, imageId: image.id, bootable, imageMetadata: imageMetadataOf(image) };
}

/** What a volume knows of the image that it is made of. */
export function imageMetadataOf(image: Image): Record<string, string> {
  const { checksum, diskFormat, containerFormat, minDiskGb, minMemoryMb } = image;
  return {
    ...image.properties,
    image_id: withDashes(image.id),
    image_name: image.name ?? '',
    checksum: checksum ?? '',
    container_format: containerFormat ?? '',
    disk_format: diskFormat ?? '',
    min_disk: String(minDiskGb),
    min_ram: String(minMemoryMb),
    size: String(image.size),
  };
}

async function volumeSource(tx: Tx, subject: Subject, id: string, options: { rootDisks?: boolean }): Promise<Source> {
  const row = await lockVolume(tx, subject, id, options);
  if (!['available', 'in-use'].includes(row.status) || !row.disk_id) {
    throw invalidVolume(`Source volume ${withDashes(id)} must be available or in-use, but is ${row.status}.`);
  }
  await refuseShared(tx, row, 'make a copy of it');
  return await copyOf(tx, row, { size: row.size, diskId: row.disk_id, sourceVolumeId: row.id });
}

async function snapshotSource(tx: Tx, subject: Subject, id: string): Promise<Source> {
  const snapshot = await lockSnapshot(tx, subject, id);
  if (snapshot.status !== 'available') {
    throw new CloudError('invalid', `Invalid snapshot: Originating snapshot status must be one of available values`, {
      reason: 'invalid_snapshot',
    });
  }
  const row = await tx.selectFrom('volumes').selectAll().where('id', '=', snapshot.volumeId).executeTakeFirstOrThrow();
  const { size, diskId, hostId, id: snapshotId } = snapshot;
  return { ...(await copyOf(tx, row, { size, diskId: diskId!, snapshotId })), ...(hostId === null ? {} : { hostId }) };
}

async function backupSource(tx: Tx, subject: Subject, id: string): Promise<Source> {
  const backup = await lockBackup(tx, subject, id);
  if (backup.status !== 'available') {
    throw new CloudError('invalid', 'Invalid backup: Backup status must be available', { reason: 'invalid_backup' });
  }
  const { bootable, imageMetadata } = backup.volume;
  const { size, dataId } = backup;
  return { size, backupId: id, backupDataId: dataId, bootable, imageMetadata };
}

/**
 * What a volume knows of the image that is on it. The own disk of a server notes nothing: what its server runs with is what
 * matters of its image.
 */
export async function imageMetadataOfRow(
  tx: Tx,
  row: Pick<VolumesTable, 'origin' | 'last_server_id' | 'image_metadata'>,
): Promise<Record<string, string>> {
  if (row.origin === 'volume' || row.last_server_id === null)
    return JSON.parse(row.image_metadata) as Record<string, string>;
  const query = tx.selectFrom('servers').select('hardware').where('id', '=', row.last_server_id);
  const server = await query.executeTakeFirst();
  return JSON.parse(server?.hardware ?? '{}') as Record<string, string>;
}

async function copyOf(
  tx: Tx,
  row: VolumesTable,
  what: Pick<Source, 'size' | 'diskId' | 'sourceVolumeId' | 'snapshotId'>,
): Promise<Source> {
  return {
    ...what,
    hostId: row.host_id ?? undefined,
    zoneId: row.zone_id,
    typeId: row.volume_type,
    bootable: row.bootable === 1,
    imageMetadata: await imageMetadataOfRow(tx, row),
  };
}

export function sizeOf(wanted: NewVolume, source: Source): number {
  const isCopy = source.diskId !== undefined || source.backupId !== undefined;
  const isWhole = isCopy || (source.imageId !== undefined && !source.bootable);
  if (wanted.size === undefined && !isWhole) throw badInput('The size of the volume is missing.');
  const size = wanted.size ?? source.size;
  if (!Number.isSafeInteger(size) || size <= 0)
    throw badInput(`Volume size '${size}' must be an integer and greater than 0`);
  if (size >= source.size) return size;
  const [has, needs] = [size, source.size].map((bytes) => Math.ceil(bytes / 2 ** 30));
  const what = isCopy ? 'what it is a copy of' : "the image's virtual size or its min_disk size";
  throw badInput(`Volume size ${has}GB cannot be smaller than ${what} (${needs}GB).`);
}

export function volumeRow(
  cloud: Cloud,
  subject: Subject,
  wanted: NewVolume,
  facts: Pick<
    VolumesTable,
    | 'id'
    | 'project_id'
    | 'size'
    | 'zone_id'
    | 'volume_type'
    | 'image_id'
    | 'source_volume_id'
    | 'snapshot_id'
    | 'bootable'
    | 'image_metadata'
    | 'multiattach'
  >,
): VolumesTable {
  const now = cloud.env.now();
  return {
    ...facts,
    user_id: subject.userId,
    name: wanted.name ?? null,
    description: wanted.description ?? null,
    kind: 'data',
    origin: 'volume',
    status: 'creating',
    ...unmade,
    disk_offering_id: wanted.diskOfferingId ?? null,
    server_id: null,
    attachment_id: null,
    last_server_id: null,
    device: null,
    device_index: null,
    device_tag: null,
    delete_on_termination: 0,
    attached_by_volume_api: 0,
    enabled: 1,
    own_limits: null,
    local_disk: null,
    migration_status: null,
    metadata: JSON.stringify(wanted.metadata ?? {}),
    last_error: null,
    attached_at: null,
    detached_at: null,
    created_at: now,
    updated_at: now,
    deleted_at: null,
  };
}

/** Whether several servers may have the volume: once it is made it stays so. */
export async function maybeShared(tx: Tx, wanted: NewVolume, typeId: string): Promise<boolean> {
  if (wanted.multiattach) return true;
  const type = await tx.selectFrom('volume_types').select('extra_specs').where('id', '=', typeId).executeTakeFirst();
  return type !== undefined && isMultiattach(JSON.parse(type.extra_specs) as Record<string, string>);
}

/** Ids are never used twice, not even after their volume is gone. */
async function refuseTakenId(tx: Tx, id: string): Promise<void> {
  const taken = await tx.selectFrom('volumes').select('id').where('id', '=', id).executeTakeFirst();
  if (taken)
    throw new CloudError('duplicate', `A volume with the id ${id} exists already.`, { resource: 'volume', id });
}

function badInput(why: string): CloudError {
  return new CloudError('invalid', `Invalid input received: ${why}`, { reason: 'invalid_input' });
}
