import type { Tx } from '../../database/database.ts';
import { newId, withDashes } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError } from '../errors.ts';
import type { Flavor } from '../flavors/flavors.ts';
import { ownsOrAdmin, type Subject } from '../identity/subject.ts';
import { refuseMapped } from '../images/disk-mappings.ts';
import type { Image } from '../images/model.ts';
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
  sizeGb?: number;
  /** By what the guest is told to know the disk. */
  tag?: string;
  deleteOnTermination: boolean;
  /** Whoever asks does not know that several servers can have a volume: such a one is refused. */
  refuseMultiattach?: boolean;
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
  /** Where the volume is made as further disks are: a copy of a snapshot, or blank. */
  madeOf?: Pick<BlockDevice, 'source' | 'id'>;
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
  return new CloudError('invalid', `Block Device Mapping is Invalid: ${why}`, { reason: 'block_device' });
}

/**
 * The device to boot from, if one is named, and the others in their order. Throws `invalid` for what is not made here:
 * others that are no volumes, and volumes without a size.
 */
export function arrange(devices: readonly BlockDevice[]): { boot: BlockDevice | undefined; others: BlockDevice[] } {
  const boots = devices.filter(({ bootIndex }) => bootIndex === 0);
  if (boots.length > 1)
    throw invalidMapping('Boot sequence for the instance and image/block device mapping combination is not valid.');
  const others = devices.filter(({ bootIndex }) => bootIndex !== 0);
  for (const { source, destination, sizeGb, id } of others) {
    if (destination !== 'volume')
      throw invalidMapping(`a further disk is a volume here: ${source} to ${destination} is not supported.`);
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
  if (boot.source === 'volume' && boot.destination === 'volume') return await existingVolume(cloud, tx, subject, boot);
  if (boot.source === 'snapshot' && boot.destination === 'volume') return await snapshotCopy(cloud, tx, subject, boot);
  if (boot.source === 'blank' && boot.destination === 'volume') return blankVolume(cloud, boot);
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
  const { deleteOnTermination } = boot;
  return { volumeId: newId(cloud.env), isNew: true, origin: 'volume', deleteOnTermination, size, image };
}

/** Nothing boots from it until something is written to it: by a system in a drive, from the network, or a rescue. */
function blankVolume(cloud: Cloud, { sizeGb, deleteOnTermination }: BlockDevice): RootPlan {
  if (!sizeGb || sizeGb < 1) throw invalidMapping('the volume to boot from needs a size.');
  const facts = { volumeId: newId(cloud.env), size: sizeGb * 2 ** 30, madeOf: { source: 'blank' } } as const;
  return { ...facts, isNew: true, origin: 'volume', deleteOnTermination };
}

async function existingVolume(cloud: Cloud, tx: Tx, subject: Subject, boot: BlockDevice): Promise<RootPlan> {
  const id = boot.id ?? '';
  const query = tx.selectFrom('volumes').selectAll().where('id', '=', id).where('deleted_at', 'is', null);
  const row = await (cloud.db.kind === 'postgres' ? query.forUpdate() : query).executeTakeFirst();
  if (!row || !ownsOrAdmin(subject, row.project_id)) throw invalidMapping(`failed to get volume ${withDashes(id)}.`);
  if (row.multiattach === 1 && boot.refuseMultiattach) throw multiattachTooOld();
  if (row.status !== 'available') {
    throw invalidMapping(`volume ${withDashes(id)} must be available, but is ${row.status}.`);
  }
  if (!row.bootable) throw invalidMapping(`volume ${withDashes(id)} is not bootable.`);
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
    .select(['volume_snapshots.project_id', 'volume_snapshots.size', 'bootable', 'image_metadata', 'volumes.host_id'])
    .where('volume_snapshots.id', '=', id)
    .where('volume_snapshots.deleted_at', 'is', null)
    .executeTakeFirst();
  if (!row || !ownsOrAdmin(subject, row.project_id)) throw invalidMapping(`failed to get snapshot ${withDashes(id)}.`);
  if (!row.bootable) throw invalidMapping(`snapshot ${withDashes(id)} is not bootable.`);
  const size = boot.sizeGb ? boot.sizeGb * 2 ** 30 : row.size;
  if (size < row.size) throw invalidMapping(`volume is smaller (${size} bytes) than the snapshot (${row.size} bytes).`);
  return {
    volumeId: newId(cloud.env),
    isNew: true,
    origin: 'volume',
    deleteOnTermination: boot.deleteOnTermination,
    size,
    madeOf: { source: 'snapshot', id },
    hostId: row.host_id ?? undefined,
    imageMetadata: JSON.parse(row.image_metadata) as Record<string, string>,
  };
}
