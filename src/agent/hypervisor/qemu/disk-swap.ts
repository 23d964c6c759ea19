import { AgentError, type DiskSwap, type SwappedDisk } from '../../contract.ts';
import { withDisk } from '../../disks/disk-list.ts';
import type { Qcow2Disks } from '../../disks/qcow2-disks.ts';
import { diskBlockNode, diskNode } from './command-line.ts';
import { currentBlock, currentNode, removeNode, swappedNode } from './disk-nodes.ts';
import type { QemuGuest } from './guest.ts';
import { refuseSuspended } from './guest-disks.ts';
import { discardJobs, type JobInfo, untilConcluded, untilReady } from './live-disk.ts';
import type { QmpConnection } from './qmp.ts';

/**
 * See `HostAgent.swapDisk`. The caller holds the guest's lock.
 *
 * While it runs, QEMU mirrors the disk. Once both are the same, each write goes to both before the guest is told that it
 * is done, and either would do for the guest's next start: between then and the moment at which QEMU goes on with the
 * other one, the specification changes. So it is never behind what the guest has written.
 */
export async function swapDisk(guest: QemuGuest | undefined, disks: Qcow2Disks, swap: DiskSwap): Promise<SwappedDisk> {
  const disk = guest?.spec?.disks.find(({ volumeId }) => volumeId === swap.volumeId);
  if (!guest || !disk) {
    const isThere = await disks.exists(swap.toDiskId);
    return await (isThere ? usageOf(disks, swap.toDiskId) : copyDisk(disks, swap));
  }
  if ((await guest.pid()) === undefined) {
    await refuseSuspended(guest);
    if (disk.diskId === swap.toDiskId) return await usageOf(disks, swap.toDiskId);
    const copied = await copyDisk(disks, swap);
    await setDisk(guest, swap.volumeId, swap.toDiskId);
    return copied;
  }
  try {
    return await swapLive(guest, disks, swap);
  } catch (error) {
    if ((await guest.pid()) !== undefined) throw error;
    const message = 'the guest ended while its disk was copied';
    throw new AgentError('hypervisor_failed', message, { retryable: true, cause: error });
  }
}

/** Nobody writes to the disk. What an earlier try has left is no copy of what it has now. */
async function copyDisk(disks: Qcow2Disks, { fromDiskId, toDiskId, storageId, flat }: DiskSwap): Promise<SwappedDisk> {
  const { virtualSize: size } = await disks.usage(fromDiskId);
  await disks.remove(toDiskId);
  const base = { kind: 'copy', diskId: fromDiskId, flat } as const;
  await disks.ensure({ diskId: toDiskId, size, base, ...(storageId === undefined ? {} : { storageId }) });
  return await usageOf(disks, toDiskId);
}

/** Of a disk that no guest has open. */
async function usageOf(disks: Qcow2Disks, diskId: string): Promise<SwappedDisk> {
  const { imageId } = await disks.offer(diskId);
  return { ...(await disks.usage(diskId)), ...(imageId === undefined ? {} : { imageId }) };
}

async function swapLive(guest: QemuGuest, disks: Qcow2Disks, swap: DiskSwap): Promise<SwappedDisk> {
  const { volumeId, fromDiskId, toDiskId, storageId } = swap;
  const qmp = await guest.monitor();
  const job = `swap-${diskNode(volumeId)}`;
  const endJob = () => discardJobs(qmp, (name) => name === job);
  if (!(await hasSwapped(qmp, swap))) {
    // Whoever died in between may have said already that it has the other one.
    await setDisk(guest, volumeId, fromDiskId);
    await endJob();
    await removeNode(qmp, swappedNode(toDiskId));
    const { virtualSize: size } = await disks.usage(fromDiskId);
    await disks.remove(toDiskId);
    const place = storageId === undefined ? {} : { storageId };
    await disks.ensure({ diskId: toDiskId, size, base: { kind: 'blank', beside: fromDiskId }, ...place });
    await disks.hold([fromDiskId, toDiskId], () => mirror(qmp, guest, disks, swap, job));
  }
  await setDisk(guest, volumeId, toDiskId);
  await endJob();
  const node = await currentNode(qmp, volumeId);
  for (const other of [diskNode(volumeId), swappedNode(fromDiskId)]) if (other !== node) await removeNode(qmp, other);
  return await disks.usage(toDiskId);
}

async function mirror(
  qmp: QmpConnection,
  guest: QemuGuest,
  disks: Qcow2Disks,
  { volumeId, fromDiskId, toDiskId }: DiskSwap,
  job: string,
): Promise<void> {
  const node = swappedNode(toDiskId);
  const target = { diskId: toDiskId, volumeId, bus: 'virtio' } as const;
  const inCeph = await disks.imagesInCeph([toDiskId]);
  const path = (await disks.files([target])).get(toDiskId) ?? disks.path(target);
  const added = diskBlockNode(target, path, inCeph.get(toDiskId));
  await qmp.execute('blockdev-add', { ...added, 'node-name': node });
  try {
    await qmp.execute('blockdev-mirror', {
      'job-id': job,
      device: await currentNode(qmp, volumeId),
      target: node,
      sync: 'full',
      'copy-mode': 'write-blocking',
      'auto-dismiss': false,
    });
    await untilReady(qmp, job);
    await setDisk(guest, volumeId, toDiskId);
    await qmp.execute('block-job-complete', { device: job });
    await untilConcluded(qmp, job);
    const { error } = (await qmp.execute<JobInfo[]>('query-jobs')).find(({ id }) => id === job) ?? {};
    if (error !== undefined) throw new AgentError('hypervisor_failed', `the disk could not be copied: ${error}`);
  } catch (error) {
    if (qmp.closed.aborted) throw error;
    await setDisk(guest, volumeId, fromDiskId);
    await discardJobs(qmp, (name) => name === job);
    await removeNode(qmp, node);
    const isFull = error instanceof Error && /No space left|Disk quota exceeded/.test(error.message);
    throw isFull ? new AgentError('no_space', error.message, { cause: error }) : error;
  }
}

/** Whether QEMU has gone on with the other disk, whatever was noted of it. */
async function hasSwapped(qmp: QmpConnection, { volumeId, toDiskId }: DiskSwap): Promise<boolean> {
  return (await currentBlock(qmp, volumeId)).file.includes(toDiskId);
}

async function setDisk(guest: QemuGuest, volumeId: string, diskId: string): Promise<void> {
  const disks = guest.spec!.disks;
  const disk = disks.find((one) => one.volumeId === volumeId)!;
  if (disk.diskId !== diskId) await guest.setDevices({ disks: withDisk(disks, { ...disk, diskId }) });
}
