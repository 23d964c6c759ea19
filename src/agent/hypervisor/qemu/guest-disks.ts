import type { Env } from '../../../env/env.ts';
import { AgentError, type GuestDisk } from '../../contract.ts';
import { withDisk } from '../../disks/disk-list.ts';
import type { Qcow2Disks } from '../../disks/qcow2-disks.ts';
import { limitDisk } from './disk-throttle.ts';
import type { QemuGuest } from './guest.ts';
import { plugDisk, unplugDisk } from './hot-plug.ts';

/** See `HostAgent.attachDisk`. The caller holds the guest's lock. */
export async function giveDisk(guest: QemuGuest | undefined, disks: Qcow2Disks, disk: GuestDisk): Promise<void> {
  if (!guest?.spec) return;
  const before = guest.spec.disks;
  const isThere = before.some(({ volumeId, diskId }) => volumeId === disk.volumeId && diskId === disk.diskId);
  if (!isThere && disk.bus !== 'virtio')
    throw new AgentError('unsupported', `a disk can't be plugged into the bus ${disk.bus}`);
  if (!isThere) await refuseSuspended(guest);
  await disks.hold([disk.diskId], async () => {
    if (!(await disks.exists(disk.diskId))) throw new AgentError('not_found', `there is no disk ${disk.diskId}`);
    // Said before it is so: from now on nobody touches the file but this guest.
    await guest.setDevices({ disks: withDisk(before, disk) });
    if ((await guest.pid()) === undefined) return;
    try {
      const qmp = await guest.monitor();
      const inCeph = await disks.imagesInCeph([disk.diskId]);
      const path = (await disks.files([disk])).get(disk.diskId) ?? disks.path(disk);
      await plugDisk(qmp, disk, path, inCeph.get(disk.diskId));
      await limitDisk(qmp, disk);
    } catch (error) {
      if ((await guest.pid()) === undefined) return; // it ended meanwhile, and has the disk when it starts again
      await guest.setDevices({ disks: before });
      throw error;
    }
  });
}

/** See `HostAgent.detachDisk`. The caller holds the guest's lock. */
export async function takeDisk(guest: QemuGuest | undefined, env: Env, volumeId: string): Promise<void> {
  if (!guest?.spec) return;
  const disk = guest.spec.disks.find((one) => one.volumeId === volumeId);
  if (!disk && (await guest.pid()) === undefined) return;
  await refuseSuspended(guest);
  try {
    if ((await guest.pid()) !== undefined) await unplugDisk(await guest.monitor(), env, { ...disk, volumeId });
  } catch (error) {
    if ((await guest.pid()) !== undefined) throw error;
  }
  await guest.setDevices({ disks: guest.spec.disks.filter((disk) => disk.volumeId !== volumeId) });
}

/** What a suspended guest remembers would not fit to another set of disks. */
export async function refuseSuspended(guest: QemuGuest): Promise<void> {
  if (!(await guest.hasMemory())) return;
  throw new AgentError('in_use', `the guest of server ${guest.serverId} is suspended: its disks can't change`, {
    retryable: false,
  });
}
