import { Type } from 'typebox';
import type { Tx } from '../../../database/database.ts';
import type { VolumesTable } from '../../../database/schema.ts';
import { newId, withDashes } from '../../../env/env.ts';
import { action, span, step, when } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError } from '../../errors.ts';
import { holdRootRoom } from '../../hosts/held-room.ts';
import type { Subject } from '../../identity/subject.ts';
import type { Image } from '../../images/model.ts';
import { imageMetadataOf } from '../../volumes/creation.ts';
import { invalidVolume, requireRoom, requireStatus, settleVolume } from '../../volumes/rules.ts';
import { publicKeyOf } from '../creation.ts';
import { checkImageFits, hardwareOf } from '../image-fit.ts';
import { bootsFromVolume, type Server } from '../model.ts';
import { guestInput, personality } from '../schemas.ts';
import { transitions } from '../states.ts';
import { createRootDisk, ensureImageCached, swapRootDisk } from '../steps/disks.ts';
import {
  powerOffGuest,
  runningColumns,
  setTask,
  startGuest,
  stopGuest,
  stoppedColumns,
  writeConfigDrive,
} from '../steps/guest.ts';
import { createLocalDisks, disksToRenew, hasLocalDisks, renewedDisk, swapLocalDisks } from '../steps/local-disks.ts';
import { discardOldDisk } from '../steps/old-disk.ts';
import { faultOf, forgetPassword } from '../steps/settle.ts';
import { beginTransition, settleServer } from '../transition.ts';

const RebuildInput = Type.Object({
  ...guestInput,
  imageId: Type.String(),
  /** Absent for a server that boots from a volume. */
  oldImageId: Type.Optional(Type.String()),
  /** What the volume that it boots from is to know of the image. */
  imageMetadata: Type.Optional(Type.String()),
  oldHardware: Type.String(),
  rootVolumeId: Type.String(),
  rootSize: Type.Number(),
  oldSize: Type.Number(),
  /** Both absent where the root disk stays as it is, and the third one is it. */
  oldDiskId: Type.Optional(Type.String()),
  newDiskId: Type.Optional(Type.String()),
  keptDiskId: Type.Optional(Type.String()),
  localDisks: Type.Optional(Type.Array(renewedDisk)),
  otherOldDiskIds: Type.Optional(Type.Array(Type.String())),
  adminPass: Type.Optional(Type.String()),
  personality: Type.Optional(personality),
});

/**
 * The conductor's part, as newer Novas show it: the image is looked at once more before anything is touched, and what has
 * to be fetched from a store elsewhere comes while the guest still runs.
 */
const checkImage = step<{ imageId: string; hostId: string }>('checkImage', {
  async do({ services: { images }, input: { imageId, hostId } }) {
    if (!(await images.clonableImageSpec(imageId, hostId))) await images.cachedImageSpec(imageId);
  },
});

const renewsRoot = ({ input }: { input: { newDiskId?: string } }) => input.newDiskId !== undefined;

export const rebuild = action(
  'server.rebuild',
  RebuildInput,
  [
    span('rebuild_server', [when(renewsRoot, [checkImage])]),
    span('compute_rebuild_instance', [
      stopGuest,
      when(renewsRoot, [ensureImageCached, createRootDisk]),
      when(hasLocalDisks, [createLocalDisks]),
      setTask('rebuild_spawning'),
      when(renewsRoot, [swapRootDisk]),
      when(hasLocalDisks, [swapLocalDisks]),
      writeConfigDrive,
      startGuest,
      when(
        ({ input }: { input: { wasStopped: boolean } }) => input.wasStopped,
        [span('compute_stop_instance', [powerOffGuest])],
      ),
      discardOldDisk,
    ]),
  ],
  {
    async succeeded(tx, { services, input, actionId, now }) {
      const columns = input.wasStopped ? stoppedColumns : runningColumns;
      await settleServer(services, tx, input.serverId, { ...columns, launched_at: now, fault: null });
      if (input.rootSize !== input.oldSize) await holdRootRoom(tx, input.serverId, { rootSize: input.rootSize });
      const image = { image_id: input.imageId, size: input.rootSize };
      if (input.newDiskId === undefined) return await forgetPassword(tx, actionId, input);
      if (input.imageMetadata === undefined) await services.volumes.update(tx, input.rootVolumeId, image);
      else {
        const columns = { ...image, status: 'in-use', bootable: 1, image_metadata: input.imageMetadata } as const;
        await settleVolume(services, tx, input.rootVolumeId, 'downloading', columns);
      }
      await forgetPassword(tx, actionId, input);
    },
    async failed(tx, { services, input, actionId, now }, failure) {
      // Everything was undone: the server is what it was, and says why it is not what was asked for.
      const columns = input.wasStopped ? stoppedColumns : runningColumns;
      const before = { image_id: input.oldImageId ?? null, hardware: input.oldHardware };
      await settleServer(services, tx, input.serverId, { ...columns, ...before, ...faultOf(failure, now) });
      if (input.rootSize !== input.oldSize) await holdRootRoom(tx, input.serverId, { rootSize: input.oldSize });
      if (input.imageMetadata !== undefined)
        await settleVolume(services, tx, input.rootVolumeId, 'downloading', { status: 'in-use' });
      for (const id of [input, ...(input.localDisks ?? [])].flatMap(({ newDiskId = [] }) => newDiskId))
        await services.volumes.releaseDisk(tx, id);
      await forgetPassword(tx, actionId, input);
    },
  },
);

export interface RebuildRequest {
  imageId: string;
  name?: string;
  description?: string | null;
  /** Replaces all metadata. */
  metadata?: Record<string, string>;
  accessIpv4?: string;
  accessIpv6?: string;
  adminPass?: string;
  diskConfig?: Server['diskConfig'];
  userData?: string | null;
  /** Null for no key. */
  keyName?: string | null;
  hostname?: string;
  personality?: Array<{ path: string; contents: string }>;
  /**
   * Whether the volume that a server boots from is written anew. Else it stays as it is, which is all that its own image
   * can ask for: another one is refused with `volume_backed`.
   */
  reimageBootVolume?: boolean;
}

/**
 * Gives the server a fresh root disk from an image: its own, or the data of the volume that it boots from, where that may be
 * written anew. Its ephemeral and swap disks are fresh, too. Its id, addresses and other volumes stay.
 */
export async function requestRebuild(cloud: Cloud, subject: Subject, serverId: string, request: RebuildRequest) {
  const image = await cloud.images.forBoot(subject, request.imageId);
  const { keyName, hostname } = request;
  const zoneId = async () => (await cloud.servers.get(subject, serverId)).zoneId;
  const publicKey = keyName ? await publicKeyOf(cloud, subject, keyName, await zoneId()) : null;
  return await beginTransition(cloud, subject, serverId, transitions.rebuild, async (tx, server) => {
    const isVolume = bootsFromVolume(server);
    const keepsRoot = isVolume && !request.reimageBootVolume;
    const root = await tx
      .selectFrom('volumes')
      .selectAll()
      .where('id', '=', server.rootVolumeId)
      .executeTakeFirstOrThrow();
    if (keepsRoot) requireOwnImage(root, image);
    else if ((image.diskFormat === 'iso' || (await isOfIso(tx, server))) && image.id !== server.imageId) {
      const why = 'An ISO image takes the place of no other image, and none takes its place.';
      throw new CloudError('invalid', why, { reason: 'iso' });
    }
    const rootSize = isVolume ? root.size : checkImageFits(image, server.flavor);
    if (isVolume && !keepsRoot) await beginReimage(cloud, tx, { server, root, image });
    else if (!isVolume && root.storage_id !== null && rootSize > root.size) {
      // A flavor without a disk: the root disk is as large as its image.
      const more = { size: rootSize - root.size, onlyHostId: server.hostId!, storageId: root.storage_id };
      await cloud.hosts.placeDisk(tx, more);
      await holdRootRoom(tx, serverId, { rootSize });
    }
    const newDiskId = keepsRoot ? undefined : newId(cloud.env);
    if (newDiskId !== undefined) {
      const disk = { id: newDiskId, volumeId: root.id, imageId: image.id, size: rootSize };
      await cloud.volumes.registerDisk(tx, server.hostId!, disk);
    }
    const localDisks = await disksToRenew(cloud, tx, serverId);
    for (const { newDiskId: id, volumeId, size } of localDisks)
      await cloud.volumes.registerDisk(tx, server.hostId!, { id, volumeId, imageId: null, size });
    const hardware = JSON.stringify(hardwareOf(image));
    return {
      action: rebuild,
      input: {
        serverId,
        hostId: server.hostId!,
        wasStopped: server.vmState === 'stopped',
        imageId: image.id,
        oldImageId: server.imageId ?? undefined,
        imageMetadata: isVolume && !keepsRoot ? JSON.stringify(imageMetadataOf(image)) : undefined,
        oldHardware: JSON.stringify(server.hardware),
        rootVolumeId: root.id,
        rootSize,
        oldSize: root.size,
        ...(keepsRoot ? { keptDiskId: root.disk_id! } : { oldDiskId: root.disk_id!, newDiskId }),
        localDisks,
        otherOldDiskIds: localDisks.flatMap(({ oldDiskId }) => oldDiskId ?? []),
        adminPass: request.adminPass,
        personality: request.personality,
      },
      changes: {
        image_id: isVolume ? null : image.id,
        hardware,
        progress: 0,
        ...(request.name === undefined ? {} : { name: request.name }),
        ...(request.description === undefined ? {} : { description: request.description }),
        ...(request.metadata === undefined ? {} : { metadata: JSON.stringify(request.metadata) }),
        ...(request.accessIpv4 === undefined ? {} : { access_ipv4: request.accessIpv4 }),
        ...(request.accessIpv6 === undefined ? {} : { access_ipv6: request.accessIpv6 }),
        ...(request.diskConfig === undefined ? {} : { disk_config: request.diskConfig }),
        ...(keyName === undefined ? {} : { key_name: keyName, public_key: publicKey }),
        ...(hostname === undefined ? {} : { hostname }),
        ...(request.userData === undefined ? {} : { user_data: request.userData }),
      },
    };
  });
}

/** Throws `invalid` (`volume_backed`) for an image that the volume was not made of. */
function requireOwnImage(root: VolumesTable, image: Image): void {
  const { image_id: own } = JSON.parse(root.image_metadata) as Record<string, string>;
  if (own === withDashes(image.id)) return;
  throw new CloudError('invalid', 'Unable to rebuild with a different image for a volume-backed server.', {
    reason: 'volume_backed',
  });
}

async function isOfIso(tx: Tx, { imageId }: Server): Promise<boolean> {
  if (imageId === null) return false;
  const image = await tx.selectFrom('images').select('disk_format').where('id', '=', imageId).executeTakeFirst();
  return image?.disk_format === 'iso';
}

/** Other things are not done with the volume meanwhile. Throws `invalid` where it is busy, or the image is too large. */
async function beginReimage(
  cloud: Cloud,
  tx: Tx,
  { server, root, image }: { server: Server; root: VolumesTable; image: Image },
): Promise<void> {
  checkImageFits(image, { ...server.flavor, diskGb: 0 });
  requireStatus(root, ['in-use'], 're-image');
  if (root.multiattach === 1) throw invalidVolume('a volume that several servers can have is not written anew.');
  requireRoom(image, root.size);
  await cloud.hosts.placeDisk(tx, { size: root.size, onlyHostId: server.hostId!, storageId: root.storage_id });
  await cloud.volumes.update(tx, root.id, { status: 'downloading' });
}
