import type { Env } from '../../../env/env.ts';
import { AgentError, type GuestDisk, type RbdImage } from '../../contract.ts';
import { diskBlockNode, diskDeviceId, diskIdentity, diskNode } from './command-line.ts';
import { hasNode, removeNode, swappedNode } from './disk-nodes.ts';
import { type QmpConnection, QmpError } from './qmp.ts';
import { hasDevice, removeDevice } from './unplug.ts';

/**
 * Gives a guest that runs one more virtio disk (ACPI hot-plug of the machine `pc`). May be repeated: what is there
 * already stays. Nothing of it stays when it fails.
 */
export async function plugDisk(
  qmp: QmpConnection,
  disk: GuestDisk,
  filename: string,
  inCeph?: RbdImage,
): Promise<void> {
  const node = diskNode(disk.volumeId);
  if (await hasDevice(qmp, diskDeviceId(disk.volumeId))) return;
  try {
    if (!(await hasNode(qmp, node))) await qmp.execute('blockdev-add', diskBlockNode(disk, filename, inCeph));
    await qmp.execute('device_add', { driver: 'virtio-blk-pci', ...diskIdentity(disk) });
  } catch (error) {
    if (error instanceof QmpError && !(await hasDevice(qmp, diskDeviceId(disk.volumeId)))) await removeNode(qmp, node);
    if (error instanceof QmpError && /Failed to get .*lock/.test(error.message)) {
      throw new AgentError('in_use', `disk ${disk.diskId} is open elsewhere`, { cause: error });
    }
    throw error;
  }
}

/**
 * Asks the guest's system to let go of the disk, waits until it has, and closes the file. May be repeated. Throws
 * `in_use` when the system does not answer, as one does that is not up or paused.
 */
export async function unplugDisk(
  qmp: QmpConnection,
  env: Env,
  { volumeId, diskId }: { volumeId: string; diskId?: string },
): Promise<void> {
  const id = diskDeviceId(volumeId);
  if (await hasDevice(qmp, id)) await removeDevice(qmp, env, id, 'disk');
  await removeNode(qmp, diskNode(volumeId));
  if (diskId !== undefined) await removeNode(qmp, swappedNode(diskId));
}
