import { join, relative } from 'node:path';
import type { Env } from '../../../env/env.ts';
import { AgentError, type SendProgress, type SendRequest } from '../../contract.ts';
import { diskNode } from './command-line.ts';
import { currentNode } from './disk-nodes.ts';
import { discardJobs, type JobInfo, untilConcluded, untilReady } from './live-disk.ts';
import { migrationEvents } from './memory.ts';
import { type QmpConnection, QmpError } from './qmp.ts';

/**
 * The sending side of a live migration, in the order that QEMU's own documents give (docs/interop/live-block-operations):
 * each disk is mirrored to the other host until both are the same, then the memory follows; when only a moment's worth is
 * left, the guest stands still, the mirrors end, and the rest goes over.
 */

/** A mirror's job and its target node are named after the disk's node, so that leftovers of a crash are recognised. */
const mirrorPrefix = 'mirror-';
const isMirror = (name: string) => name.startsWith(mirrorPrefix);
/** What an address of a unix socket has room for. */
const maxSocketPath = 107;
/** Bytes per second. */
const unlimited = 2 ** 40;
/** How long the guest may stand still, milliseconds. */
const downtimeMs = 300;
const cancelLimitMs = 60_000;

/** @param folder the guest's, in which its QEMU was started */
export async function sendGuest(qmp: QmpConnection, folder: string, request: SendRequest): Promise<void> {
  if ((await runState(qmp)) === 'postmigrate') return await endMirrors(qmp);
  await discardJobs(qmp, isMirror);
  const { inlet } = request;
  const disksAt = socketAddress(folder, join(inlet.folder, inlet.disks));
  const memoryAt = socketAddress(folder, join(inlet.folder, inlet.memory));
  const { bandwidth } = request;
  for (const disk of request.disks) await startMirror(qmp, disk, disksAt, bandwidth);
  for (const { volumeId } of request.disks) await untilReady(qmp, mirrorOf(volumeId));
  await setCapabilities(qmp, true);
  await qmp.execute('migrate-set-parameters', {
    'max-bandwidth': bandwidth ?? unlimited,
    'downtime-limit': downtimeMs,
  });
  using events = migrationEvents(qmp);
  await qmp.execute('migrate', { uri: `unix:${memoryAt}` });
  await events.until('pre-switchover');
  await endMirrors(qmp);
  await qmp.execute('migrate-continue', { state: 'pre-switchover' });
  await events.until('completed');
}

/** Has what is left go over as fast as it can. */
export async function liftLimit(qmp: QmpConnection): Promise<void> {
  for (const { id } of await qmp.execute<JobInfo[]>('query-jobs')) {
    if (isMirror(id)) await qmp.execute('block-job-set-speed', { device: id, speed: 0 });
  }
  await qmp.execute('migrate-set-parameters', { 'max-bandwidth': unlimited });
}

/** Ends what `sendGuest` has begun, or takes it back. The guest goes on here, unless it was paused. */
export async function takeBack(qmp: QmpConnection, env: Env, options: { paused: boolean }): Promise<void> {
  await qmp.execute('migrate_cancel');
  const deadline = env.now() + cancelLimitMs * 1000;
  while (isUnderWay((await migration(qmp)).status) && env.now() < deadline) await env.sleep(20);
  await discardJobs(qmp, isMirror);
  await setCapabilities(qmp, false);
  if (!options.paused && (await runState(qmp)) !== 'running') await qmp.execute('cont');
}

export async function progressOf(qmp: QmpConnection): Promise<SendProgress | undefined> {
  const { status, ram } = await migration(qmp);
  const jobs = (await qmp.execute<JobInfo[]>('query-jobs')).filter(({ id }) => isMirror(id));
  if (!isUnderWay(status) && jobs.length === 0) return undefined;
  const sum = (of: 'current-progress' | 'total-progress') => jobs.reduce((all, job) => all + (job[of] ?? 0), 0);
  const [done, total] = [sum('current-progress'), sum('total-progress')];
  const memory = isUnderWay(status) && ram ? ram : { total: 0, transferred: 0, remaining: 0 };
  return {
    memory: { total: memory.total, transferred: memory.transferred, remaining: memory.remaining },
    disk: { total, transferred: done, remaining: Math.max(0, total - done) },
  };
}

interface MigrationInfo {
  status?: string;
  ram?: { total: number; transferred: number; remaining: number };
}

function migration(qmp: QmpConnection): Promise<MigrationInfo> {
  return qmp.execute<MigrationInfo>('query-migrate');
}

const underWay = new Set(['setup', 'active', 'pre-switchover', 'device', 'cancelling', 'wait-unplug']);

function isUnderWay(status: string | undefined): boolean {
  return status !== undefined && underWay.has(status);
}

/** QEMU's own word for what the guest does, as `postmigrate` when all of it has been sent. */
export async function runState(qmp: QmpConnection): Promise<string> {
  return (await qmp.execute<{ status: string }>('query-status')).status;
}

function mirrorOf(volumeId: string): string {
  return `${mirrorPrefix}${diskNode(volumeId)}`;
}

async function startMirror(
  qmp: QmpConnection,
  { volumeId, extent }: SendRequest['disks'][number],
  path: string,
  bandwidth = 0,
): Promise<void> {
  const name = mirrorOf(volumeId);
  const server = { type: 'unix', path };
  await qmp.execute('blockdev-add', { driver: 'nbd', 'node-name': name, server, export: volumeId, discard: 'unmap' });
  await qmp.execute('blockdev-mirror', {
    'job-id': name,
    device: await currentNode(qmp, volumeId),
    target: name,
    sync: extent === 'layer' ? 'top' : 'full',
    speed: bandwidth,
    'auto-dismiss': false,
  });
}

/** Ends mirrors that are ready: what was written until now is on both sides. */
async function endMirrors(qmp: QmpConnection): Promise<void> {
  for (const { id, status } of await qmp.execute<JobInfo[]>('query-jobs')) {
    if (!isMirror(id)) continue;
    if (status === 'ready' || status === 'standby') {
      await qmp.execute('block-job-cancel', { device: id, force: false });
      await untilConcluded(qmp, id);
    }
    const ended = (await qmp.execute<JobInfo[]>('query-jobs')).find((one) => one.id === id);
    if (ended?.error) throw new AgentError('hypervisor_failed', `a disk could not be sent: ${ended.error}`);
  }
  await discardJobs(qmp, isMirror);
}

async function setCapabilities(qmp: QmpConnection, state: boolean): Promise<void> {
  const names = ['pause-before-switchover', 'auto-converge'];
  try {
    await qmp.execute('migrate-set-capabilities', {
      capabilities: [{ capability: 'events', state: true }, ...names.map((capability) => ({ capability, state }))],
    });
  } catch (error) {
    if (state || !(error instanceof QmpError)) throw error;
  }
}

/** A unix socket's address is short, so the way there from QEMU's own folder may be the better one. */
function socketAddress(folder: string, path: string): string {
  const way = relative(folder, path);
  const address = way.length < path.length ? way : path;
  if (Buffer.byteLength(address) <= maxSocketPath) return address;
  throw new AgentError('unsupported', `the folder of the other host is too far away for a unix socket: ${address}`);
}
