import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { OpenStackClient } from '../../src/cli/clients/openstack-client.ts';
import type { Outcome } from '../../src/cli/conformance/outcome.ts';
import { clientEnvironment, clientOutput } from './run-client.ts';

/** Gophercloud's acceptance tests, of the services that are here. */
export const gophercloudAreas = [
  'compute/v2',
  'blockstorage/v3',
  'identity/v3',
  'image/v2',
  'networking/v2/...',
  'placement/v1',
] as const;

/** They take for granted that a server is not built within a second, or wait to see a state that it is in for a moment. */
const tooQuick = '^Test(ServersAction(Reboot|Rebuild)|InstanceActionsMicroversions)$';

/** What the tests are told by their environment, and what must be there beside what DevStack has. */
export async function arrangeForGophercloud(admin: OpenStackClient, origin: string): Promise<Record<string, string>> {
  for (const [id, name, disk] of [
    ['99', 'm1.acctest', 10],
    ['98', 'm1.resize', 11],
  ]) {
    const flavor = { id, name, ram: 512, disk, vcpus: 1, 'OS-FLV-EXT-DATA:ephemeral': 10 };
    await admin.post('/compute/v2.1/flavors', { flavor });
  }
  const one = async (kind: string, query: string) => (await admin.get(`/network/v2.0/${kind}?${query}`))[kind][0].id;
  const own = await one('networks', 'name=private');
  return {
    ...clientEnvironment(origin),
    OS_AUTH_URL: `${origin}/identity`,
    OS_TENANT_NAME: 'admin',
    OS_DOMAIN_ID: 'default',
    // Which release it is taken for: one without tests of what is gone.
    OS_BRANCH: 'master',
    OS_IMAGE_ID: (await admin.get('/image/v2/images')).images[0].id,
    OS_NETWORK_ID: own,
    OS_SUBNET_ID: await one('subnets', `network_id=${own}`),
    OS_EXTGW_ID: await one('networks', 'router:external=true'),
    OS_POOL_NAME: 'public',
    OS_FLAVOR_ID: '99',
    OS_FLAVOR_ID_RESIZE: '98',
  };
}

/** The folder of Gophercloud's sources, which Go fetches where they are not there: the version that the story is with. */
export async function gophercloudSources(env: Record<string, string>): Promise<string> {
  const story = join(import.meta.dirname, 'gophercloud');
  const told = await clientOutput(
    'go',
    ['-C', story, 'mod', 'download', '-json', 'github.com/gophercloud/gophercloud/v2'],
    env,
  );
  return (JSON.parse(told) as { Dir: string }).Dir;
}

/** Runs the tests of one area, and gives how each went. */
export async function runGophercloud(sources: string, area: string, env: Record<string, string>): Promise<Outcome[]> {
  return await untilAllRan(area, (skipped) => runOnce(sources, area, env, skipped));
}

/** Where one test panics, those after it are run without those that ran: none is hidden by it. */
export async function untilAllRan(
  area: string,
  run: (skipped: readonly string[]) => Promise<GoTests>,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (;;) {
    const some = await run(outcomes.map(({ name }) => name));
    outcomes.push(...some.outcomes);
    const { brokenOff, panic, last } = some;
    const isOver = panic === undefined || some.outcomes.length === 0;
    const why = brokenOff ?? (isOver ? panic : undefined);
    if (why !== undefined || outcomes.length === 0) {
      throw new Error(`Gophercloud ran not all of ${area}: ${why ?? 'no test'}\n${last.join('\n')}`);
    }
    if (isOver) return outcomes;
  }
}

async function runOnce(
  sources: string,
  area: string,
  env: Record<string, string>,
  skipped: readonly string[],
): Promise<GoTests> {
  const path = `./internal/acceptance/openstack/${area}`;
  const skip = [tooQuick, ...skipped.map((name) => `^${name}$`)].join('|');
  const how = ['-p', '1', '-vet=off', '-v', '-count=1', '-timeout', '50m', '-skip', skip];
  const child = spawn('go', ['test', ...how, '-tags', 'fixtures acceptance', path], {
    cwd: sources,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  return (await Promise.all([readGoTests(createInterface(child.stdout)), ended]))[0];
}

/** What a run of tests of Go told. */
interface GoTests {
  outcomes: Outcome[];
  /** By which words it broke off for good. */
  brokenOff: string | undefined;
  /** By which words a test ended it, and all that were to come. */
  panic: string | undefined;
  last: string[];
}

const results: Record<string, Outcome['result']> = { PASS: 'passed', FAIL: 'failed', SKIP: 'skipped' };

/** How tests of Go went, as they tell, and by which words the run broke off: of tests that were to come nothing is told. */
export async function readGoTests(lines: AsyncIterable<string>): Promise<GoTests> {
  const outcomes: Outcome[] = [];
  const last: string[] = [];
  let brokenOff: string | undefined;
  let panic: string | undefined;
  for await (const line of lines) {
    const [, word, test, seconds] = /^--- (PASS|FAIL|SKIP): (\S+) \(([\d.]+)s\)$/.exec(line) ?? [];
    if (word && test) outcomes.push({ name: test, result: results[word]!, seconds: Number(seconds) });
    if (/^panic: test timed out|\[(?:build|setup) failed\]$/.test(line)) brokenOff ??= line;
    else if (line.startsWith('panic: ')) panic ??= line;
    last.push(line);
    if (last.length > 20) last.shift();
  }
  return { outcomes, brokenOff, panic, last };
}
