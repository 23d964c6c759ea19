import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countOf } from '../../src/cli/conformance/report.ts';
import { TestCloud } from '../support/cloud.ts';
import { arrangeLikeDevStack, clientSuites, knownFailures, runArea } from './client-suites.ts';
import { pythonEnvironment } from './python-environment.ts';

/**
 * The tests that OpenStack's own clients bring with them, unmodified, against a cloud arranged as they expect it. They come
 * from PyPI and take many minutes, so they run when they are asked for: `all`, or the names of suites with commas between.
 */
const asked = process.env['UNKAI_TEST_CLIENT_SUITES'];
if (asked === undefined) console.log("Clients' own suites are not run: UNKAI_TEST_CLIENT_SUITES=all does, from PyPI");
const isFresh = asked?.split(',').includes('fresh') ?? false;
const isWanted = (name: string) => asked?.split(',').some((one) => one === 'all' || one === name) ?? false;
const packages = ['openstacksdk', 'python-openstackclient', 'tempest', 'stestr', 'oslotest', 'ddt', 'requests-mock'];

describe.each(Object.keys(clientSuites))("%s's own tests", (name) => {
  const suite = clientSuites[name]!;
  const known = knownFailures(name);
  let cloud: TestCloud;
  let python: string;

  beforeAll(async () => {
    if (!isWanted(name)) return;
    python = await pythonEnvironment('openstack-suites', packages, isFresh);
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
      const outcomes = await runArea(suite, area, run);
      const count = (result: 'passed' | 'failed' | 'skipped') => `${countOf(outcomes, result)} ${result}`;
      console.log(`${name} ${area}: ${count('passed')}, ${count('failed')}, ${count('skipped')}`);
      const failed = outcomes.filter(({ result }) => result === 'failed');
      expect(failed.filter(({ name }) => !known.has(name))).toEqual([]);
      // What passes by now is no longer to be told as failing.
      expect(outcomes.filter(({ name, result }) => result === 'passed' && known.has(name))).toEqual([]);
    },
  );
});
