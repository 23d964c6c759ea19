import { newId, withDashes } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import type { Subject } from '../identity/subject.ts';
import { mappingProperty, mappingsOf } from '../images/disk-mappings.ts';
import type { Image } from '../images/model.ts';
import type { NewTemplate } from '../images/templates.ts';
import type { Volume } from '../volumes/model.ts';
import { createSnapshotIn } from '../volumes/transitions/snapshot.ts';
import type { BlockDevice } from './block-devices.ts';
import { transitions } from './states.ts';
import { checkTransition, lockServer } from './transition.ts';
import { snapshotProperties } from './transitions/create-image.ts';

const gib = 2 ** 30;
const mib = 2 ** 20;

/**
 * Makes an image of a server that boots from a volume, as Nova does: a snapshot of each of its volumes, and an image of
 * no bytes whose properties say which they are. It is active as soon as its own action has ended, while the snapshots are
 * still made; deleting it leaves them. Throws `conflict` for the server's state, and `quota_exceeded` of snapshots.
 */
export async function requestMappedImage(
  cloud: Cloud,
  subject: Subject,
  serverId: string,
  template: Pick<NewTemplate, 'name' | 'properties'>,
): Promise<{ image: Image; actionId: string }> {
  const disks = await cloud.volumes.ofServer(serverId);
  const volumes = disks.filter(({ origin }) => origin === 'volume');
  const snapshots = volumes.map((volume) => ({ volume, id: newId(cloud.env) }));
  const imageId = newId(cloud.env);
  return await cloud.db.write(async (tx) => {
    const server = await lockServer(tx, subject, serverId);
    checkTransition(subject, server, transitions.createImage);
    for (const { volume, id } of snapshots) {
      const name = `snapshot for ${template.name}`;
      await createSnapshotIn(cloud, tx, subject, { id, volumeId: volume.id, name, force: true });
    }
    const image = {
      id: imageId,
      name: template.name,
      minDiskGb: Math.ceil((volumes[0]?.size ?? 0) / gib),
      properties: {
        ...snapshotProperties(subject, server),
        ...template.properties,
        bdm_v2: 'True',
        root_device_name: '/dev/vda',
        [mappingProperty]: JSON.stringify([
          ...snapshots.map(({ volume, id }, index) => mappingOf(volume, id, index)),
          ...disks.flatMap((disk) => (disk.localDisk && !disk.localDisk.byFlavor ? localMappingOf(disk) : [])),
        ]),
      },
    };
    return await cloud.images.templates.beginEmpty(tx, subject, image);
  });
}

function mappingOf(volume: Volume, snapshotId: string, index: number) {
  return {
    boot_index: index === 0 ? 0 : null,
    device_name: volume.device,
    source_type: 'snapshot',
    destination_type: 'volume',
    snapshot_id: withDashes(snapshotId),
    volume_size: Math.ceil(volume.size / gib),
    delete_on_termination: volume.deleteOnTermination,
    disk_bus: 'virtio',
    device_type: 'disk',
    guest_format: null,
    image_id: null,
    volume_id: null,
    no_device: null,
    tag: null,
  };
}

/** Nothing is copied of a disk that is not a volume, but another server is to have such a one as well. */
function localMappingOf({ kind, size, device, localDisk }: Volume) {
  return {
    boot_index: -1,
    device_name: device,
    source_type: 'blank',
    destination_type: 'local',
    volume_size: kind === 'swap' ? size / mib : size / gib,
    guest_format: localDisk?.content?.format ?? null,
    delete_on_termination: true,
    disk_bus: localDisk?.bus ?? null,
    device_type: 'disk',
  };
}

/**
 * The disks of a new server whose image names snapshots: those, and what the user named beside. Clients name the image
 * itself as the disk to boot from, which then stands for nothing.
 */
export async function disksOfImage(
  cloud: Cloud,
  subject: Subject,
  wanted: { imageId?: string; blockDevices?: readonly BlockDevice[] },
): Promise<BlockDevice[] | undefined> {
  const { imageId, blockDevices = [] } = wanted;
  const isOwnRoot = ({ bootIndex, source }: BlockDevice) => bootIndex === 0 && source === 'image';
  const id = blockDevices.find(isOwnRoot)?.id ?? imageId;
  const mappings = id === undefined ? undefined : mappingsOf(await cloud.images.forBoot(subject, id));
  return mappings && [...mappings, ...blockDevices.filter((device) => !isOwnRoot(device))];
}
