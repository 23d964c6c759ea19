import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CloudProcess } from './cloud-process.ts';
import { type Figure, isWithinBound, table } from './report.ts';
import { images } from './suites/images.ts';
import { qemuServers } from './suites/qemu.ts';
import { requests } from './suites/requests.ts';
import { simulatedServers } from './suites/servers.ts';

const { values } = parseArgs({
  options: {
    /** Comma list of start, requests, servers, images, qemu. */
    only: { type: 'string', default: 'start,requests,servers,images,qemu' },
    seconds: { type: 'string', default: '8' },
    mebibytes: { type: 'string', default: '1024' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(
    'node bench/run.ts [--only start,requests,servers,images,qemu] [--seconds 8] [--mebibytes 1024]\n',
  );
  process.exit(0);
}
const wanted = new Set(values.only.split(','));
const cacheDir = join(import.meta.dirname, '../var/cache');
const figures: Figure[] = [];

async function onCloud(
  hypervisor: string,
  work: (cloud: CloudProcess, dataDir: string) => Promise<Figure[]>,
): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'unkai-bench-'));
  const cloud = await CloudProcess.start({ dataDir, hypervisor, cacheDir });
  try {
    figures.push(...(await work(cloud, dataDir)));
  } finally {
    await cloud.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** The second start of a data folder, as every start but the first is, and what the idle process takes. */
async function start(cloud: CloudProcess, dataDir: string): Promise<Figure[]> {
  await cloud.stop();
  const again = await CloudProcess.start({ dataDir, hypervisor: 'simulated', cacheDir });
  const rss = (await again.usage()).residentBytes / 2 ** 20;
  const { startMs } = again;
  await again.stop();
  return [
    {
      suite: 'start',
      name: 'second start',
      value: startMs,
      unit: 'ms',
      bound: { value: 1000, better: 'lower', what: 'ms' },
    },
    {
      suite: 'start',
      name: 'resident when idle',
      value: rss,
      unit: 'MiB',
      bound: { value: 180, better: 'lower', what: 'MiB' },
    },
  ];
}

const suites: Array<[string, string, (cloud: CloudProcess, dataDir: string) => Promise<Figure[]>]> = [
  ['start', 'simulated', start],
  ['servers', 'simulated', simulatedServers],
  ['requests', 'simulated', (cloud) => requests(cloud, { seconds: Number(values.seconds) })],
  ['images', 'simulated', (cloud) => images(cloud, { mebibytes: Number(values.mebibytes) })],
  ['qemu', 'qemu', (cloud) => qemuServers(cloud, cacheDir)],
];
for (const [name, hypervisor, suite] of suites) {
  if (!wanted.has(name)) continue;
  process.stderr.write(`${name} …\n`);
  await onCloud(hypervisor, suite);
}

const machine = `${cpus().length} × ${cpus()[0]?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
process.stdout.write(`${table(figures)}\n\n${machine}\n`);
const folder = join(import.meta.dirname, 'results');
mkdirSync(folder, { recursive: true });
const file = join(folder, `${new Date().toISOString().replaceAll(':', '-')}.json`);
writeFileSync(file, JSON.stringify({ machine, date: new Date().toISOString(), figures }, null, 2));
process.stdout.write(`${file}\n`);
process.exitCode = figures.every(isWithinBound) ? 0 : 1;
