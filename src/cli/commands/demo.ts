import { readFile } from 'node:fs/promises';
import type { HypervisorKind } from '../../assembly/open-unkai.ts';
import { DataFolder, type RunRecord } from '../data-folder.ts';
import { Narrator } from '../demo/narrator.ts';
import { type TourOptions, tour } from '../demo/tour.ts';
import { OwnCloud } from '../own-cloud.ts';
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
  const own = await OwnCloud.start(options.hypervisor, 'demo');
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
