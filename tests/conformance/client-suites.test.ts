import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Outcome } from '../../src/cli/conformance/outcome.ts';
import { countOf } from '../../src/cli/conformance/report.ts';
import { TestCloud } from '../support/cloud.ts';
import { arrangeLikeDevStack, clientSuites, knownFailures, runArea } from './client-suites.ts';
import { arrangeForGophercloud, gophercloudAreas, gophercloudSources, runGophercloud } from './gophercloud-suite.ts';
import { pythonEnvironment } from './python-environment.ts';

/**
 * The tests that OpenStack's own clients bring with them, unmodified, against a cloud arranged as they expect it. They come
 * from PyPI, Gophercloud's by Go, and take many minutes, so they run when they are asked for: `all`, or the names of suites
 * with commas between.
 */
const asked = process.env['UNKAI_TEST_CLIENT_SUITES'];
if (asked === undefined) console.log("Clients' own suites are not run: UNKAI_TEST_CLIENT_SUITES=all does, from PyPI");
const isFresh = asked?.split(',').includes('fresh') ?? false;
const isWanted = (name: string) => asked?.split(',').some((one) => one === 'all' || one === name) ?? false;
const older = ['nova', 'cinder', 'glance', 'keystone'].map((service) => `python-${service}client`);
const packages = [
  ...['openstacksdk', 'python-openstackclient', ...older],
  ...['tempest', 'stestr', 'oslotest', 'ddt', 'requests-mock'],
];

/** Throws where one fails that is not known to, or passes that is. */
function hold(suite: string, area: string, outcomes: readonly Outcome[]): void {
  const known = knownFailures(suite);
  const count = (result: 'passed' | 'failed' | 'skipped') => `${countOf(outcomes, result)} ${result}`;
  console.log(`${suite} ${area}: ${count('passed')}, ${count('failed')}, ${count('skipped')}`);
  const failed = outcomes.filter(({ result }) => result === 'failed');
  expect(failed.filter(({ name }) => !known.has(name))).toEqual([]);
  // What passes by now is no longer to be told as failing.
  expect(outcomes.filter(({ name, result }) => result === 'passed' && known.has(name))).toEqual([]);
}

describe.each(Object.keys(clientSuites))("%s's own tests", (name) => {
  const suite = clientSuites[name]!;
  let cloud: TestCloud;
  let python: string;

  beforeAll(async () => {
    if (!isWanted(name)) return;
    python = await pythonEnvironment('client-suites', packages, isFresh);
    cloud = await TestCloud.start({ tinyLinux: true });
    await arrangeLikeDevStack(await cloud.openstack());
  }, 900_000);

  afterAll(() => cloud?.close());

  it.skipIf(!isWanted(name)).each(suite.areas)(
    'pass but for what is known: %s',
    { timeout: 3_600_000 },
    async (area) => {
      const { origin, dataDir } = cloud;
      const run = { python, origin, adminPassword: 'test-password', folder: dataDir };
      hold(name, area, await runArea(suite, area, run));
    },
  );
});

describe("gophercloud's own tests", () => {
  let cloud: TestCloud;
  let env: Record<string, string>;
  let sources: string;

  beforeAll(async () => {
    if (!isWanted('gophercloud')) return;
    cloud = await TestCloud.start({ tinyLinux: true });
    const admin = await cloud.openstack();
    await arrangeLikeDevStack(admin);
    env = await arrangeForGophercloud(admin, cloud.origin);
    sources = await gophercloudSources({ HOME: process.env['HOME'] ?? '' });
  }, 900_000);

  afterAll(() => cloud?.close());

  it.skipIf(!isWanted('gophercloud')).each(gophercloudAreas)(
    'pass but for what is known: %s',
    { timeout: 3_600_000 },
    async (area) => {
      hold('gophercloud', area, await runGophercloud(sources, area, env));
    },
  );
});
