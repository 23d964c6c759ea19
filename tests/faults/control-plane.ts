/**
 * A control plane in a process of its own, for tests that kill it. It opens a cloud on a folder, asks for things by
 * chance and prints one line for each. Arguments: folder, hypervisor, seed, and what to do:
 *
 * - `ask`: ask for more and more, until it is killed
 * - `end`: let everything come to its end, audit, delete all there is, audit again; prints both results as JSON
 */
import { join, resolve } from 'node:path';
import pino from 'pino';
import type { HostAgent } from '../../src/agent/contract.ts';
import { emptyQcow2 } from '../../src/agent/disks/qcow2-header.ts';
import { type HypervisorKind, openUnkai } from '../../src/assembly/open-unkai.ts';
import { ensureTinyLinux, tinyLinuxId } from '../../src/assembly/tinylinux.ts';
import { auditCloud, type Finding } from '../../src/cloud/audit/audit.ts';
import type { Cloud } from '../../src/cloud/cloud.ts';
import { operator } from '../../src/cloud/identity/subject.ts';
import { reapDisks } from '../../src/cloud/volumes/disk-reaper.ts';
import { seededRandom } from '../../src/env/seeded-random.ts';
import { askForSomething } from '../../src/simulation/requests.ts';

const [dataDir, hypervisor, seed, task] = process.argv.slice(2) as [string, HypervisorKind, string, 'ask' | 'end'];
const isSimulated = hypervisor === 'simulated';
const random = seededRandom(Number(seed));
const subject = operator();
const simulatedImageId = 'feed'.repeat(8);
const cacheDir = resolve(import.meta.dirname, '../../var/cache');

const unkai = await openUnkai({
  dataDir,
  hypervisor,
  adminPassword: 'secret',
  log: pino({ level: 'error' }, pino.destination({ dest: join(dataDir, 'errors.log'), mkdir: true })),
  settings: { shutdownGrace: isSimulated ? 0 : 2, imageRetention: 0 },
  wrapAgent: isSimulated ? slow : undefined,
});
const { cloud } = unkai;
await ensureImage();
say('open');
if (task === 'end') await end();
else await ask();

/** Things take their time, so that a kill meets them half done. */
function slow(agent: HostAgent): HostAgent {
  return new Proxy(agent, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== 'function') return value;
      if (name === 'watchGuests' || name === 'serveMetadata') return value.bind(target);
      return async (...args: unknown[]) => {
        await pause(random() * 10);
        const result = await value.apply(target, args);
        await pause(random() * 10);
        return result;
      };
    },
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function ensureImage(): Promise<void> {
  if (!isSimulated) return void (await ensureTinyLinux(cloud, { cacheDir }));
  const image = { name: 'base', diskFormat: 'qcow2', containerFormat: 'bare', visibility: 'public' } as const;
  const { status } = await cloud.images
    .create(subject, { ...image, id: simulatedImageId })
    .catch(() => cloud.images.get(subject, simulatedImageId));
  if (status === 'queued') await cloud.images.upload(subject, simulatedImageId, [emptyQcow2(2 ** 30)] as never);
}

async function ask(): Promise<void> {
  const imageIds = [isSimulated ? simulatedImageId : tinyLinuxId];
  const scene = { cloud, random, imageIds, maxServers: isSimulated ? 12 : 3, isSimulated };
  for (;;) {
    say(`asked ${await askForSomething(scene)}`);
    await pause(random() * (isSimulated ? 20 : 1500));
  }
}

async function end(): Promise<void> {
  await settled();
  const ended = { states: await states(cloud), findings: await auditCloud(cloud) };
  await clear();
  const { agent } = unkai.agents[0]!;
  const { guests, disks, strayFiles } = await agent.inventory();
  const cleared = { guests, disks, strayFiles, findings: await auditCloud(cloud) };
  await unkai.close();
  say(JSON.stringify({ ended, cleared } satisfies Report));
}

/** What `end` prints. */
export interface Report {
  ended: { states: Record<string, number>; findings: Finding[] };
  cleared: { guests: unknown[]; disks: string[]; strayFiles: string[]; findings: Finding[] };
}

/** Nothing is under way any more; what an earlier process had to leave for later has had its try at the start. */
async function settled(): Promise<void> {
  await cloud.runner.idle();
  await reapDisks(cloud);
}

async function states({ db }: Cloud): Promise<Record<string, number>> {
  const rows = await db.read
    .selectFrom('servers')
    .select((e) => ['vm_state', e.fn.countAll<number>().as('count')])
    .groupBy('vm_state')
    .execute();
  return Object.fromEntries(rows.map(({ vm_state, count }) => [vm_state, count]));
}

async function clear(): Promise<void> {
  const live = (table: 'servers' | 'volumes') =>
    cloud.db.read.selectFrom(table).select('id').where('deleted_at', 'is', null).execute();
  for (const { id } of await live('servers')) await cloud.servers.delete(subject, id);
  await settled();
  for (const { id } of await live('volumes')) await cloud.blockStorage.delete(subject, id, { cascade: true });
  await settled();
}
