import type { Tx } from '../../database/database.ts';
import type { ServersTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import type { Subject } from '../identity/subject.ts';
import { maybeShared, type NewVolume, sizeOf, sourceOf, volumeRow } from './creation.ts';
import { deviceName } from './devices.ts';
import { invalidVolume } from './rules.ts';
import { checkVolumeQuotas } from './type-quotas.ts';

/**
 * Registers a volume that is made along with the server that gets it, of an image, of a snapshot, of another volume or of nothing. Whoever
 * makes the server makes its disk: `made` says of what, and `hostId` where that is.
 */
export async function registerForServer(
  cloud: Cloud,
  tx: Tx,
  subject: Subject,
  wanted: NewVolume & { id: string; typeId?: string },
  place: { server: ServersTable; deviceIndex: number; deviceTag?: string; deleteOnTermination: boolean },
): Promise<{
  made: { volumeId: string; size: number; imageId?: string; sourceDiskId?: string };
  hostId: string | undefined;
}> {
  const { server, deviceIndex } = place;
  const source = await sourceOf(cloud, tx, subject, wanted);
  const size = sizeOf(wanted, source);
  if (source.zoneId !== undefined && source.zoneId !== server.zone_id) {
    throw invalidVolume('what a volume of the server is made of is in another availability zone.');
  }
  const typeId = wanted.typeId ?? source.typeId ?? (await cloud.blockStorage.types.default(subject)).id;
  await checkVolumeQuotas(cloud, tx, server.project_id, { typeId, volumes: 1, bytes: size, largest: size });
  const now = cloud.env.now();
  const row = volumeRow(cloud, subject, wanted, {
    id: wanted.id,
    project_id: server.project_id,
    size,
    zone_id: server.zone_id,
    volume_type: typeId,
    image_id: source.imageId ?? null,
    source_volume_id: source.sourceVolumeId ?? null,
    snapshot_id: source.snapshotId ?? null,
    bootable: source.bootable ? 1 : 0,
    image_metadata: JSON.stringify(source.imageMetadata),
    multiattach: (await maybeShared(tx, wanted, typeId)) ? 1 : 0,
  });
  const attached = {
    kind: deviceIndex === 0 ? 'root' : 'data',
    server_id: server.id,
    last_server_id: server.id,
    attachment_id: newId(cloud.env),
    device: deviceName(deviceIndex),
    device_index: deviceIndex,
    device_tag: place.deviceTag ?? null,
    delete_on_termination: place.deleteOnTermination ? 1 : 0,
    attached_at: now,
  } as const;
  await tx
    .insertInto('volumes')
    .values({ ...row, ...attached })
    .execute();
  const made = { volumeId: wanted.id, size, imageId: source.imageId, sourceDiskId: source.diskId };
  return { made, hostId: source.hostId };
}
