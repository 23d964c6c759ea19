import { setTimeout as sleep } from 'node:timers/promises';
import { DataFolder } from '../data-folder.ts';
import { unmountBelow } from '../mounts-below.ts';
import { isAlive } from '../process-identity.ts';
import { secretKeysOf } from '../secret-keys.ts';
import { UserError } from '../user-error.ts';

/** How long the control plane may take to stop, milliseconds. */
const stopLimitMs = 60_000;
const pollMs = 20;

/** `unkai down` */
export async function down({ dataDir, guests }: { dataDir: string; guests: boolean }): Promise<void> {
  const folder = new DataFolder(dataDir);
  if (!folder.settings())
    throw new UserError(`${folder.path} holds no cloud. Name another folder with --data-dir DIR.`);
  const running = folder.running();
  if (running) {
    process.kill(running.pid, 'SIGTERM');
    const deadline = performance.now() + stopLimitMs;
    while (isAlive(running)) {
      if (performance.now() > deadline) {
        throw new UserError(
          `Process ${running.pid} does not stop; ${folder.logFile} tells why. Ending it loses nothing.`,
        );
      }
      await sleep(pollMs);
    }
    console.log('The control plane has stopped.');
  } else {
    console.log('The cloud does not run.');
  }
  folder.dropRunRecord();
  if (guests) {
    await stopGuests(folder);
    await unmountBelow(folder.path);
  } else if (running) console.log('Virtual machines go on running; `unkai up` finds them again.');
}

/** Opens the engine without its APIs, and lets it stop every server. */
async function stopGuests(folder: DataFolder): Promise<void> {
  const { openUnkai } = await import('../../assembly/open-unkai.ts');
  const { stopAllServers } = await import('../stop-servers.ts');
  const { openLog } = await import('../log.ts');
  const log = openLog(folder.logFile);
  const adminPassword = folder.adminPassword() ?? '';
  const known = folder.settings()!;
  const settings = { secretKeys: secretKeysOf(folder, known) };
  const { cloud, close } = await openUnkai({ ...known, settings, dataDir: folder.path, adminPassword, log });
  try {
    const { stopped, failures, stillRunning } = await stopAllServers(cloud, (name) =>
      console.log(`  ${name} has stopped`),
    );
    if (failures.length > 0) throw new UserError(`These did not stop:\n  ${failures.join('\n  ')}`);
    if (stillRunning > 0)
      throw new UserError(`${stillRunning} virtual machines run on: their servers can't be stopped.`);
    console.log(stopped === 0 ? 'No virtual machine was running.' : 'All virtual machines have stopped.');
  } finally {
    await close();
  }
}
