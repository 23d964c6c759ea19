import { mkdtempSync, symlinkSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HypervisorKind } from '../../assembly/open-unkai.ts';
import { startInBackground } from '../background.ts';
import { DataFolder, type RunRecord } from '../data-folder.ts';
import { defaultDataDir, defaultListen } from '../defaults.ts';
import { Narrator } from '../demo/narrator.ts';
import { type TourOptions, tour } from '../demo/tour.ts';
import { preparation, removeFolder } from '../machine.ts';
import { isAlive } from '../process-identity.ts';
import { runSteps } from '../steps.ts';
import { UserError } from '../user-error.ts';

export interface DemoOptions {
  dataDir: string;
  hypervisor: HypervisorKind;
  /** Starts a cloud of the tour's own even if one runs. */
  own: boolean;
}

/** `unkai demo` */
export async function demo(options: DemoOptions): Promise<void> {
  const folder = new DataFolder(options.dataDir);
  const running = options.own ? undefined : folder.running();
  if (running) {
    console.log(`A tour through the cloud at ${running.origin}\n`);
    return await guide(running, folder);
  }
  const own = await OwnCloud.start(options.hypervisor);
  const interrupted = () => void own.stop().finally(() => process.exit(130));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  console.log(`\nA tour through a cloud of its own at ${own.record.origin}\n`);
  try {
    await guide(own.record, own.folder);
  } finally {
    await own.stop();
  }
}

async function guide(record: RunRecord, folder: DataFolder): Promise<void> {
  const adminPassword = folder.adminPassword();
  if (!adminPassword) throw new UserError(`${folder.passwordFile} is missing: the tour signs in as the administrator.`);
  const hasConsole = record.hypervisor === 'qemu';
  const started = performance.now();
  const { tinyLinuxVersion } = await import('../../../guest/tinylinux.ts');
  const greeting = `TinyLinux ${tinyLinuxVersion}`;
  const image = await imageToUpload(folder, hasConsole, greeting);
  try {
    await tour({ origin: record.origin, adminPassword, narrator: new Narrator(), greeting, image, hasConsole });
  } catch (error) {
    throw new UserError(`The tour ended early: ${(error as Error).message}`, { cause: error });
  }
  console.log(`\nThe tour is over: ${((performance.now() - started) / 1000).toFixed(1)} s.`);
}

/** Another build of TinyLinux, so that the rebuilt server can be told from the first one. */
async function imageToUpload(folder: DataFolder, hasConsole: boolean, greeting: string): Promise<TourOptions['image']> {
  if (!hasConsole) return { bytes: Buffer.alloc(2 ** 20), diskFormat: 'raw', greeting: '' };
  const { buildTinyLinux } = await import('../../../guest/tinylinux.ts');
  const label = 'rebuilt';
  const { path } = await buildTinyLinux({ cacheDir: folder.cacheDir, label });
  return { bytes: await readFile(path), diskFormat: 'qcow2', greeting: `${greeting} ${label}` };
}

/** A cloud in a temporary folder, on a port of its own. */
class OwnCloud {
  readonly folder: DataFolder;
  readonly record: RunRecord;

  private constructor(folder: DataFolder, record: RunRecord) {
    this.folder = folder;
    this.record = record;
  }

  static async start(hypervisor: HypervisorKind): Promise<OwnCloud> {
    const folder = new DataFolder(mkdtempSync(join(tmpdir(), 'unkai-demo-')));
    try {
      // Built images are kept with the checkout's own: the next tour begins sooner.
      const cache = new DataFolder(defaultDataDir).cacheDir;
      await mkdir(cache, { recursive: true });
      symlinkSync(cache, folder.cacheDir);
      let record: RunRecord | undefined;
      await runSteps([
        ...preparation(folder, hypervisor, true),
        {
          title: 'Start a cloud',
          async run() {
            folder.ensureAdminPassword(undefined);
            record = await startInBackground(folder, { port: 0, listen: defaultListen }, { hypervisor });
          },
        },
      ]);
      return new OwnCloud(folder, record!);
    } catch (error) {
      removeFolder(folder.path);
      throw error;
    }
  }

  /** Ends its guests as well: the folder they live in goes. */
  async stop(): Promise<void> {
    if (isAlive(this.record)) process.kill(this.record.pid, 'SIGTERM');
    while (isAlive(this.record)) await sleep(20);
    const { openUnkai } = await import('../../assembly/open-unkai.ts');
    const { openLog } = await import('../log.ts');
    const { agents, close } = await openUnkai({
      hypervisor: this.record.hypervisor,
      dataDir: this.folder.path,
      adminPassword: '',
      log: openLog(this.folder.logFile),
    });
    for (const { agent } of agents) {
      const { guests } = await agent.inventory();
      for (const { serverId } of guests) await agent.removeGuest(serverId);
    }
    await close();
    removeFolder(this.folder.path);
  }
}
