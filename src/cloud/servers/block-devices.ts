import type { Tx } from '../../database/database.ts';
import { newId, withDashes } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError } from '../errors.ts';
import type { Flavor } from '../flavors/flavors.ts';
import { ownsOrAdmin, type Subject } from '../identity/subject.ts';
import { refuseMapped } from '../images/disk-mappings.ts';
import type { Image } from '../images/model.ts';
import { imageMetadataOfRow } from '../volumes/creation.ts';
import { lockVolume } from '../volumes/rules.ts';
import { multiattachTooOld } from '../volumes/shares.ts';
import { checkImageFits } from './image-fit.ts';

/** One entry of Nova's block device mapping, version 2. */
export interface BlockDevice {
  bootIndex: number | null;
  /** `copy` is not in Nova: a new volume that is a copy of the named one, as that is at one moment. */
  source: 'image' | 'volume' | 'snapshot' | 'blank' | 'copy';
  destination: 'local' | 'volume';
  id?: string;
  /** Of the volume that is made. */
  name?: string;
  /** Also parts of one, where whoever asks counts in bytes. */
  sizeGb?: number;
  /** Of a swap disk. */
  sizeMb?: number;
  /** What is to be on a blank local disk: a file system, or `swap`. */
  guestFormat?: string;
  /** How the guest is to reach a local disk, and as what. */
  bus?: string;
  deviceType?: string;
  /** Of the volume that is made: name or id, or its id once it was looked up. */
  volumeType?: string;
  /** Where the volume that is made is to lie: a storage, or null for the own disk of the host; else wherever there is room. */
  storageId?: string | null;
  /** By what the guest is told to know the disk. */
  tag?: string;
  deleteOnTermination: boolean;
  /** Whoever asks does not know that several servers can have a volume: such a one is refused. */
  refuseMultiattach?: boolean;
  /** Whoever asks says that there is a system on the snapshot that is booted from: it need not be known to be bootable. */
  hasSystem?: boolean;
}

/** Where a new server's root disk comes from. */
export interface RootPlan {
  volumeId: string;
  /** Whether the volume is to be made along with the server. */
  isNew: boolean;
  origin: 'server' | 'volume';
  deleteOnTermination: boolean;
  /** By what the guest is told to know it. */
  tag?: string;
  /** Bytes. */
  size: number;
  /** What the new root disk is a layer over. */
  image?: Image;
  /** Where the volume is made as further disks are: of an image, a copy of a snapshot, or blank. */
  madeOf?: Pick<BlockDevice, 'source' | 'id' | 'name' | 'volumeType' | 'storageId'>;
  /** Where the volume is, if it exists. */
  hostId?: string;
  /** What the volume remembers of its image, if it exists. */
  imageMetadata?: Record<string, string>;
}

interface Request {
  image: Image | undefined;
  flavor: Flavor;
  /** The device to boot from. */
  boot?: BlockDevice;
}

export function invalidMapping(why: string): CloudError {
  return invalidBlockDevice(`Block Device Mapping is Invalid: ${why}`);
}

/** As `invalidMapping`, where Nova's words are others. */
export function invalidBlockDevice(message: string): CloudError {
  return new CloudError('invalid', message, { reason: 'block_device' });
}

/** The devices with the ids of the volume types that they name. Throws `invalid` for types that are not there to be used. */
export async function withVolumeTypes<Devices extends readonly BlockDevice[] | undefined>(
  cloud: Cloud,
  subject: Subject,
  devices: Devices,
): Promise<Devices | BlockDevice[]> {
  if (!devices?.some(({ volumeType }) => volumeType !== undefined)) return devices;
  const found: BlockDevice[] = [];
  for (const device of devices) {
    if (device.volumeType === undefined) found.push(device);
    else found.push({ ...device, volumeType: await typeOf(cloud, subject, device.volumeType, device.destination) });
  }
  return found;
}

async function typeOf(cloud: Cloud, subject: Subject, name: string, destination: BlockDevice['destination']) {
  if (destination === 'local')
    throw invalidMapping('Specifying a volume_type with destination_type=local is not supported.');
  const type = await cloud.blockStorage.types.find(subject, name).catch((error) => {
    if (!(error instanceof CloudError) || error.code !== 'not_found') throw error;
    throw new CloudError('invalid', `Volume type ${name} could not be found.`, { reason: 'volume_type_not_found' });
  });
  if (type.encryption) throw invalidMapping(`no storage here encrypts, as the volume type ${type.name} says.`);
  return type.id;
}

/**
 * The device to boot from, if one is named, and the others that are volumes in their order. Throws `invalid` for what is
 * not made: further images on local disks, and volumes without a size.
 */
export function arrange(devices: readonly BlockDevice[]): { boot: BlockDevice | undefined; others: BlockDevice[] } {
  const boots = devices.filter(({ bootIndex }) => bootIndex === 0);
  if (boots.length > 1)
    throw invalidMapping('Boot sequence for the instance and image/block device mapping combination is not valid.');
  for (const { source, destination, id, bootIndex } of devices) {
    if (source === 'blank' && id !== undefined) throw invalidMapping('Invalid device UUID.');
    if (destination === 'local' && source !== 'blank' && bootIndex !== 0)
      throw invalidMapping(`Mapping ${source} to local is not supported.`);
  }
  const others = devices.filter(({ bootIndex, destination }) => bootIndex !== 0 && destination === 'volume');
  for (const { source, sizeGb, id } of others) {
    if ((source === 'blank' || source === 'image') && !sizeGb)
      throw invalidMapping(`the volume of a ${source} needs a size.`);
    if (source !== 'blank' && id === undefined) throw invalidMapping(`the uuid of the ${source} is missing.`);
  }
  return {
    boot: boots[0],
    others: others.toSorted((a, b) => (a.bootIndex ?? Infinity) - (b.bootIndex ?? Infinity) || 0),
  };
}

/** Decides on the root disk from the request's image and the device to boot from. */
export async function rootOf(cloud: Cloud, tx: Tx, subject: Subject, request: Request): Promise<RootPlan> {
  const { boot } = request;
  const plan = await rootWithoutTag(cloud, tx, subject, request);
  return boot?.tag === undefined ? plan : { ...plan, tag: boot.tag };
}

async function rootWithoutTag(cloud: Cloud, tx: Tx, subject: Subject, request: Request): Promise<RootPlan> {
  const { boot } = request;
  if (!boot) return ownDisk(cloud, request, request.image);
  // Who names an image as well says by it what boots: then Nova does not ask whether the disk is bootable.
  const hasSystem = boot.hasSystem || request.image !== undefined;
  if (boot.source === 'volume' && boot.destination === 'volume')
    return await existingVolume(tx, subject, { ...boot, hasSystem });
  if (boot.source === 'snapshot' && boot.destination === 'volume')
    return await snapshotCopy(cloud, tx, subject, { ...boot, hasSystem });
  if (boot.source === 'blank' && boot.destination === 'volume') return blankVolume(cloud, boot);
  if (boot.source === 'copy' && boot.destination === 'volume') return await volumeCopy(cloud, tx, subject, boot);
  if (boot.source !== 'image')
    throw invalidMapping(`a server can't boot from a device whose source is ${boot.source}.`);
  const image = boot.id ? await cloud.images.forBoot(subject, boot.id) : request.image;
  return boot.destination === 'volume' ? newVolume(cloud, image, boot) : ownDisk(cloud, request, image);
}

function ownDisk(cloud: Cloud, { flavor }: Request, image: Image | undefined): RootPlan {
  if (!image) {
    throw new CloudError('invalid', 'Invalid imageRef provided: a server needs an image or a volume to boot from.', {
      reason: 'no_image',
    });
  }
  const size = checkImageFits(image, flavor);
  return { volumeId: newId(cloud.env), isNew: true, origin: 'server', deleteOnTermination: true, size, image };
}

function newVolume(cloud: Cloud, image: Image | undefined, boot: BlockDevice): RootPlan {
  if (!image) throw invalidMapping('the image to boot from is missing.');
  refuseMapped(image);
  if (!boot.sizeGb || boot.sizeGb < 1) throw invalidMapping('the volume to boot from needs a size.');
  const size = boot.sizeGb * 2 ** 30;
  const needed = Math.max(image.virtualSize ?? image.size ?? 0, image.minDiskGb * 2 ** 30);
  if (size < needed) throw invalidMapping(`volume is smaller (${size} bytes) than the image needs (${needed} bytes).`);
  const { deleteOnTermination, volumeType } = boot;
  const madeOf = { source: 'image', id: image.id, volumeType } as const;
  return { volumeId: newId(cloud.env), isNew: true, origin: 'volume', deleteOnTermination, size, image, madeOf };
}

/** Nothing boots from it until something is written to it: by a system in a drive, from the network, or a rescue. */
function blankVolume(cloud: Cloud, { sizeGb, deleteOnTermination, volumeType }: BlockDevice): RootPlan {
  if (!sizeGb || sizeGb < 1) throw invalidMapping('the volume to boot from needs a size.');
  const facts = {
    volumeId: newId(cloud.env),
    size: sizeGb * 2 ** 30,
    madeOf: { source: 'blank', volumeType },
  } as const;
  return { ...facts, isNew: true, origin: 'volume', deleteOnTermination };
}

async function existingVolume(tx: Tx, subject: Subject, boot: BlockDevice): Promise<RootPlan> {
  const id = boot.id ?? '';
  const query = tx.selectFrom('volumes').selectAll().where('id', '=', id).where('deleted_at', 'is', null);
  const row = await query.forUpdate().executeTakeFirst();
  if (!row || !ownsOrAdmin(subject, row.project_id)) throw invalidMapping(`failed to get volume ${withDashes(id)}.`);
  if (row.multiattach === 1 && boot.refuseMultiattach) throw multiattachTooOld();
  if (row.status !== 'available') {
    throw invalidMapping(`volume ${withDashes(id)} must be available, but is ${row.status}.`);
  }
  if (!row.bootable && !boot.hasSystem) throw invalidMapping(`volume ${withDashes(id)} is not bootable.`);
  return {
    volumeId: row.id,
    isNew: false,
    origin: 'volume',
    deleteOnTermination: boot.deleteOnTermination,
    size: row.size,
    hostId: row.host_id ?? undefined,
    imageMetadata: JSON.parse(row.image_metadata) as Record<string, string>,
  };
}

async function snapshotCopy(cloud: Cloud, tx: Tx, subject: Subject, boot: BlockDevice): Promise<RootPlan> {
  const id = boot.id ?? '';
  const row = await tx
    .selectFrom('volume_snapshots')
    .innerJoin('volumes', 'volumes.id', 'volume_snapshots.volume_id')
    .select(['volume_snapshots.project_id', 'volume_snapshots.size', 'bootable'])
    .select(['volumes.origin', 'volumes.last_server_id', 'volumes.image_metadata'])
    .select((e) => e.fn.coalesce('volume_snapshots.host_id', 'volumes.host_id').as('host_id'))
    .where('volume_snapshots.id', '=', id)
    .where('volume_snapshots.deleted_at', 'is', null)
    .executeTakeFirst();
  if (!row || !ownsOrAdmin(subject, row.project_id)) throw invalidMapping(`failed to get snapshot ${withDashes(id)}.`);
  if (!row.bootable && !boot.hasSystem) throw invalidMapping(`snapshot ${withDashes(id)} is not bootable.`);
  const size = boot.sizeGb ? boot.sizeGb * 2 ** 30 : row.size;
  if (size < row.size) throw invalidMapping(`volume is smaller (${size} bytes) than the snapshot (${row.size} bytes).`);
  return {
    volumeId: newId(cloud.env),
    isNew: true,
    origin: 'volume',
    deleteOnTermination: boot.deleteOnTermination,
    size,
    madeOf: { source: 'snapshot', id, name: boot.name, volumeType: boot.volumeType, storageId: boot.storageId },
    hostId: row.host_id ?? undefined,
    imageMetadata: await imageMetadataOfRow(tx, row),
  };
}

/** Of any volume, also the own disk of another server: whoever asks knows that there is a system on it. */
async function volumeCopy(cloud: Cloud, tx: Tx, subject: Subject, boot: BlockDevice): Promise<RootPlan> {
  const row = await lockVolume(tx, subject, boot.id ?? '', { rootDisks: true });
  return {
    volumeId: newId(cloud.env),
    isNew: true,
    origin: 'volume',
    deleteOnTermination: boot.deleteOnTermination,
    size: row.size,
    madeOf: { source: 'copy', id: row.id, name: boot.name, volumeType: boot.volumeType, storageId: boot.storageId },
    hostId: row.host_id ?? undefined,
    imageMetadata: await imageMetadataOfRow(tx, row),
  };
}
