import type { Env } from '../../../env/env.ts';
import { AgentError, type GuestDisk } from '../../contract.ts';
import { diskBlockNode, diskDeviceId, diskIdentity, diskNode } from './command-line.ts';
import { type QmpConnection, QmpError } from './qmp.ts';

/** How long a guest's system may take to let go of a disk. */
const unplugLimitMs = 60_000;
/** A system that is still booting misses the request, as it misses the power button. */
const askAgainMs = 5000;

/**
 * Gives a guest that runs one more virtio disk (ACPI hot-plug of the machine `pc`). May be repeated: what is there
 * already stays. Nothing of it stays when it fails.
 */
export async function plugDisk(qmp: QmpConnection, disk: GuestDisk, filename: string): Promise<void> {
  const node = diskNode(disk.volumeId);
  try {
    if (!(await hasNode(qmp, node))) await qmp.execute('blockdev-add', diskBlockNode(disk, filename));
    if (await hasDevice(qmp, diskDeviceId(disk.volumeId))) return;
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
export async function unplugDisk(qmp: QmpConnection, env: Env, volumeId: string): Promise<void> {
  const id = diskDeviceId(volumeId);
  if (await hasDevice(qmp, id)) await removeDevice(qmp, env, id);
  await removeNode(qmp, diskNode(volumeId));
}

async function removeDevice(qmp: QmpConnection, env: Env, id: string): Promise<void> {
  const { status } = await qmp.execute<{ status: string }>('query-status');
  if (status !== 'running') {
    throw new AgentError('in_use', "the guest is paused: its system can't let go of the disk", { retryable: false });
  }
  const gone = new AbortController();
  const stopListening = qmp.onEvent(({ event, data }) => {
    if (event === 'DEVICE_DELETED' && data?.['device'] === id) gone.abort();
  });
  try {
    const ended = AbortSignal.any([gone.signal, qmp.closed]);
    for (let left = unplugLimitMs; left > 0 && !ended.aborted; left -= askAgainMs) {
      await askToLetGo(qmp, id);
      await env.sleep(askAgainMs, ended);
    }
  } finally {
    stopListening();
  }
  if (gone.signal.aborted || !(await hasDevice(qmp, id))) return;
  throw new AgentError('in_use', `the guest's system did not let go of the disk within ${unplugLimitMs / 1000} s`, {
    retryable: false,
  });
}

async function askToLetGo(qmp: QmpConnection, id: string): Promise<void> {
  try {
    await qmp.execute('device_del', { id });
  } catch (error) {
    const isOnItsWay = error instanceof QmpError && (error.className === 'DeviceNotFound' || isAsked(error));
    if (!isOnItsWay) throw error;
  }
}

function isAsked(error: QmpError): boolean {
  return /already in the process of unplug/.test(error.message);
}

async function hasDevice(qmp: QmpConnection, id: string): Promise<boolean> {
  const devices = await qmp.execute<Array<{ name: string }>>('qom-list', { path: '/machine/peripheral' });
  return devices.some(({ name }) => name === id);
}

async function hasNode(qmp: QmpConnection, node: string): Promise<boolean> {
  const nodes = await qmp.execute<Array<{ 'node-name': string }>>('query-named-block-nodes', { flat: true });
  return nodes.some((one) => one['node-name'] === node);
}

async function removeNode(qmp: QmpConnection, node: string): Promise<void> {
  if (await hasNode(qmp, node)) await qmp.execute('blockdev-del', { 'node-name': node });
}
