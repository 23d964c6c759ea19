import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Env } from '../../../env/env.ts';
import { createAtomically } from '../../atomic-file.ts';
import { AgentError, type GuestInlet, type GuestOrigin, type GuestSpec } from '../../contract.ts';
import { copyFile } from '../../disks/copy-file.ts';
import { diskNode, guestFiles } from './command-line.ts';
import { takeOverConsoleLog } from './console-log.ts';
import type { QmpConnection } from './qmp.ts';
import { QmpError } from './qmp.ts';
import { runState } from './sending.ts';

/** The receiving side of a live migration: a QEMU that waits for the guest's memory and lets its disks be written. */

/** How long the last of what was sent may take to arrive, milliseconds. */
const arrivalLimitMs = 60_000;

/** What a guest's system may have open or remember. */
const takenAlong = [guestFiles.configDrive, guestFiles.variables];

/** Copies the guest's small files from the host that it comes from. */
export async function takeFiles(env: Env, { files }: GuestOrigin, folder: string): Promise<void> {
  for (const name of takenAlong) await takeFile(env, join(files.path, name), join(folder, name));
}

async function takeFile(env: Env, from: string, to: string): Promise<void> {
  const isThere = await stat(from).then(
    () => true,
    () => false,
  );
  if (isThere) await createAtomically(to, (temporary) => copyFile(env, from, temporary));
}

/** Opens the disks to the other host, and awaits the memory. */
export async function openInlet(
  qmp: QmpConnection,
  { disks }: GuestSpec,
  { folder, sharedVolumeIds = [] }: { folder: string; sharedVolumeIds?: readonly string[] },
): Promise<GuestInlet> {
  const server = { type: 'unix', data: { path: guestFiles.diskSocket } };
  await qmp.execute('nbd-server-start', { addr: server });
  // The other host writes to its shared disks to the end: this QEMU leaves them alone until the guest runs here.
  await qmp.execute('migrate-set-capabilities', {
    capabilities: [{ capability: 'late-block-activate', state: true }],
  });
  for (const { volumeId } of disks) {
    if (sharedVolumeIds.includes(volumeId)) continue;
    const node = diskNode(volumeId);
    await qmp.execute('block-export-add', { type: 'nbd', id: node, 'node-name': node, name: volumeId, writable: true });
  }
  await qmp.execute('migrate-incoming', { uri: `unix:${guestFiles.memorySocket}` });
  return { kind: 'unix', folder, memory: guestFiles.memorySocket, disks: guestFiles.diskSocket };
}

/** Lets the guest run whose memory has come in. */
export async function letRun(
  qmp: QmpConnection,
  env: Env,
  folder: string,
  options: { paused: boolean; files: GuestOrigin['files'] },
): Promise<void> {
  const deadline = env.now() + arrivalLimitMs * 1000;
  let state = await runState(qmp);
  while (state === 'inmigrate' && env.now() < deadline) {
    await env.sleep(5);
    state = await runState(qmp);
  }
  if (state === 'running') return;
  if (state === 'inmigrate') throw new AgentError('hypervisor_failed', 'the guest has not come in whole');
  try {
    await qmp.execute('nbd-server-stop');
  } catch (error) {
    if (!(error instanceof QmpError)) throw error; // it has stopped already
  }
  // The guest writes to a file of its own from now on, which comes after this one.
  await takeOverConsoleLog(options.files.path, folder);
  if (!options.paused) await qmp.execute('cont');
}

/** Refuses what can't be written to from the other host. */
export function assertMovable(spec: GuestSpec): void {
  const disk = spec.disks.find(({ bus, readOnly }) => bus === 'cdrom' || readOnly === true);
  if (disk) throw new AgentError('unsupported', 'a guest with a read-only disk can not be moved while it runs');
}
