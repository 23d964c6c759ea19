import { mkdtempSync, symlinkSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HypervisorKind } from '../assembly/open-unkai.ts';
import { type Listening, startInBackground } from './background.ts';
import { DataFolder, type FolderSettings, type RunRecord } from './data-folder.ts';
import { defaultDataDir, defaultListen } from './defaults.ts';
import { preparation, removeFolder } from './machine.ts';
import { isAlive } from './process-identity.ts';
import { secretKeysOf } from './secret-keys.ts';
import { runSteps } from './steps.ts';

/** What a cloud may have besides what every one has. */
export type OwnCloudWishes = Omit<Listening, 'port' | 'listen'> & Pick<FolderSettings, 'innerImageSources'>;

/** A cloud in a temporary folder, on a port of its own, for a command that wants one for itself. */
export class OwnCloud {
  readonly folder: DataFolder;
  readonly record: RunRecord;

  private constructor(folder: DataFolder, record: RunRecord) {
    this.folder = folder;
    this.record = record;
  }

  static async start(
    hypervisor: HypervisorKind,
    purpose: string,
    wanted: (folder: DataFolder) => OwnCloudWishes = () => ({}),
  ): Promise<OwnCloud> {
    const folder = new DataFolder(mkdtempSync(join(tmpdir(), `unkai-${purpose}-`)));
    try {
      // Built images are kept with the checkout's own: the next start is sooner.
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
            const { innerImageSources, ...listening } = wanted(folder);
            const where = { ...listening, port: 0, listen: defaultListen };
            record = await startInBackground(folder, where, { hypervisor, innerImageSources });
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
    const { openUnkai } = await import('../assembly/open-unkai.ts');
    const { noNetworks } = await import('../agent/network-contract.ts');
    const { openLog } = await import('./log.ts');
    const { agents, cloud, close } = await openUnkai({
      hypervisor: this.record.hypervisor,
      settings: { secretKeys: secretKeysOf(this.folder, this.folder.settings() ?? {}) },
      dataDir: this.folder.path,
      adminPassword: '',
      log: openLog(this.folder.logFile),
    });
    await cloud.hostNetworks.stop();
    for (const { agent } of agents) {
      const { guests, networkDevices } = await agent.inventory();
      for (const { serverId } of guests) await agent.removeGuest(serverId);
      if (networkDevices.length > 0) await agent.applyNetworks(noNetworks);
    }
    await close();
    removeFolder(this.folder.path);
  }
}
