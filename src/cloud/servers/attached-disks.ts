import type { Tx } from '../../database/database.ts';
import type { ServersTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import type { Subject } from '../identity/subject.ts';
import { deviceName } from '../volumes/devices.ts';
import { registerForServer } from '../volumes/for-server.ts';
import { lockVolume, requireEnabled, requireStatus } from '../volumes/rules.ts';
import { multiattachTooOld, shareVolume, takesOneMore } from '../volumes/shares.ts';
import { type BlockDevice, invalidMapping, type RootPlan } from './block-devices.ts';
import { type LocalDiskPlan, registerLocalDisk } from './local-disks.ts';
import type { NewServerDisk } from './steps/new-disks.ts';

export interface AttachedDisks {
  /** Those of volumes that are made along with the server. */
  made: NewServerDisk[];
  /** Every volume and local disk that the server gets beside the one that it boots from. */
  volumeIds: string[];
  /** Where the server has to be, because of what its disks are or are copies of. */
  hostId?: string;
}

/**
 * Gives a new server its local disks and its volumes beside the one that it boots from, and the one that it boots from where that is a copy
 * of a snapshot: those that exist, and rows of those that are made along with it.
 */
export async function attachDisks(
  cloud: Cloud,
  tx: Tx,
  subject: Subject,
  server: ServersTable,
  root: RootPlan,
  { locals, others }: { locals: readonly LocalDiskPlan[]; others: readonly BlockDevice[] },
): Promise<AttachedDisks> {
  const made: NewServerDisk[] = [];
  const hostIds = new Set<string>(root.hostId ? [root.hostId] : []);
  const make = async (
    device: Pick<BlockDevice, 'source' | 'id' | 'name' | 'tag' | 'deleteOnTermination' | 'volumeType' | 'storageId'>,
    facts: { id: string; index: number; size?: number },
  ) => {
    const disk = await registerForServer(
      cloud,
      tx,
      subject,
      {
        id: facts.id,
        name: device.name ?? '',
        typeId: device.volumeType,
        size: facts.size,
        ...(device.source === 'image' ? { imageId: device.id } : {}),
        ...(device.source === 'snapshot' ? { snapshotId: device.id } : {}),
        // Only the disk to boot from is ever a copy of the own disk of a server.
        ...(device.source === 'copy' ? { sourceVolumeId: device.id, ofRootDisk: facts.index === 0 } : {}),
      },
      { server, deviceIndex: facts.index, deviceTag: device.tag, deleteOnTermination: device.deleteOnTermination },
    );
    if (disk.hostId) hostIds.add(disk.hostId);
    made.push({ ...disk.made, diskId: newId(cloud.env), storageId: device.storageId });
  };

  if (root.madeOf) {
    const { volumeId: id, size, madeOf, tag, deleteOnTermination } = root;
    await make({ ...madeOf, tag, deleteOnTermination }, { id, index: 0, size });
  }
  const volumeIds: string[] = [];
  for (const [at, plan] of locals.entries()) {
    const place = { id: server.id, projectId: server.project_id, zoneId: server.zone_id };
    const volumeId = await registerLocalDisk(cloud, tx, subject, place, { ...plan, deviceIndex: at + 1 });
    volumeIds.push(volumeId);
    const { size, content } = plan;
    made.push({ volumeId, size, diskId: newId(cloud.env), local: { content } });
  }
  for (const [at, device] of others.entries()) {
    const index = locals.length + at + 1;
    if (device.source === 'volume') {
      volumeIds.push(device.id!);
      hostIds.add(await attachExisting(cloud, tx, subject, server, device, index));
      continue;
    }
    const id = newId(cloud.env);
    volumeIds.push(id);
    await make(device, { id, index, size: device.sizeGb === undefined ? undefined : device.sizeGb * 2 ** 30 });
  }
  if (hostIds.size > 1) throw invalidMapping('its volumes and snapshots are on different hosts, and do not move.');
  return { made, volumeIds, hostId: [...hostIds][0] };
}

async function attachExisting(
  cloud: Cloud,
  tx: Tx,
  subject: Subject,
  server: ServersTable,
  { id, tag, deleteOnTermination, refuseMultiattach }: BlockDevice,
  index: number,
): Promise<string> {
  const row = await lockVolume(tx, subject, id!);
  if (row.multiattach === 1 && refuseMultiattach) throw multiattachTooOld();
  requireEnabled(row, 'reserve');
  if (takesOneMore(row)) {
    const place = { serverId: server.id, device: { index, name: deviceName(index) }, tag, deleteOnTermination };
    await shareVolume(cloud, tx, row, place);
    return row.host_id!;
  }
  requireStatus(row, row.multiattach === 1 ? ['available', 'in-use'] : ['available'], 'reserve');
  await cloud.volumes.update(tx, row.id, {
    kind: 'data',
    status: 'attaching',
    server_id: server.id,
    last_server_id: server.id,
    attachment_id: newId(cloud.env),
    device: deviceName(index),
    device_index: index,
    device_tag: tag ?? null,
    delete_on_termination: deleteOnTermination ? 1 : 0,
    attached_at: cloud.env.now(),
    last_error: null,
  });
  return row.host_id!;
}
