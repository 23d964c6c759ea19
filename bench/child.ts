import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { parseStore } from '../src/assembly/image-stores.ts';
import type { HypervisorKind } from '../src/assembly/open-unkai.ts';
import { serveUnkai } from '../src/assembly/serve.ts';
import { ensureTinyLinux } from '../src/assembly/tinylinux.ts';
import { goFirst } from '../src/env/precedence.ts';

// A cloud in a process of its own, so that the load generator does not share its event loop. Says where it is in one
// line of JSON, answers `usage` on its standard input, and ends with it.
const [dataDir, hypervisor, cacheDir, ...stores] = process.argv.slice(2) as [string, HypervisorKind, string];
mkdirSync(dataDir, { recursive: true });
const cloud = await serveUnkai({
  dataDir,
  hypervisor,
  adminPassword: 'bench',
  imageStores: stores.map(parseStore),
  listen: '127.0.0.1',
  port: 0,
  log: pino({ level: 'info' }, pino.destination({ dest: join(dataDir, 'log'), sync: false })),
  beforeListening: async (engine) => void (await ensureTinyLinux(engine, { cacheDir })),
});
goFirst();
process.stdout.write(`${JSON.stringify({ origin: cloud.origin, startMs: performance.now() })}\n`);
process.stdin.on('data', (text) => {
  if (text.toString().trim() !== 'usage') return;
  const { user, system } = process.cpuUsage();
  const loop = process.threadCpuUsage();
  const usage = {
    residentBytes: process.memoryUsage.rss(),
    cpuSeconds: (user + system) / 1e6,
    loopSeconds: (loop.user + loop.system) / 1e6,
  };
  process.stdout.write(`${JSON.stringify(usage)}\n`);
});
process.stdin.on('end', async () => {
  await cloud.close();
  process.exit(0);
});
