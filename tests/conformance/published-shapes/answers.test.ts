import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnyOperation, OperationExample } from '../../../src/api/operation.ts';
import { allDialects } from '../../../src/assembly/dialects.ts';
import { operator } from '../../../src/cloud/identity/subject.ts';
import { computeMicroversions } from '../../../src/dialects/openstack/compute/microversions.ts';
import { ExampleWorld } from '../../api/example-world.ts';
import { TestCloud } from '../../support/cloud.ts';
import { differences, readShapes, turningPoints } from './read-shapes.ts';
import { scenes } from './scenes.ts';

const dialects = await allDialects();
const compute = dialects.find(({ mounts }) => mounts.includes('/compute/v2.1'))!;
const shapes = readShapes('compute').operations;
const newest = computeMicroversions.max.minor;

/** The last microversions of what went away, as Nova's history of microversions has them. */
const ends: ReadonlyArray<readonly [RegExp, number]> = [
  [/ os-get(VNC|Serial)Console$/, 5],
  [/ \/images(\/\{\})?(\/detail)?$/, 35],
  [/ \/os-(security-group|floating-ip|tenant-network|network)/, 35],
  [/ \/images\/\{\}\/metadata/, 38],
  [/ \/os-hosts/, 42],
  [/ (add|remove)FloatingIp$/, 43],
  [/ \/os-hypervisors\/\{\}\/(search|servers)$/, 52],
  [/ \/os-services\/(enable|disable)$/, 52],
  [/ \/os-hypervisors\/(\{\}\/uptime|statistics)$/, 87],
];

/** What is not held against what was published, and why. */
const unlike: ReadonlyArray<readonly [key: string, from: number, to: number, why: string]> = [
  ['GET /servers/{}/diagnostics', 1, 47, 'what a driver told had no shape before 2.48'],
  ['GET /os-hypervisors/detail', 88, newest, 'the published schemas end with 2.53; compute/shapes.test.ts holds it'],
  ['GET /os-hypervisors/{}', 88, newest, 'the published schemas end with 2.53; compute/shapes.test.ts holds it'],
  [
    'POST /servers/{}/remote-consoles',
    6,
    newest,
    'simulated guests have none; tests/api/consoles.test.ts has real ones',
  ],
  ['POST /servers/{}/action os-getVNCConsole', 1, 5, 'simulated guests have no screens'],
  ['POST /servers/{}/migrations/{}/action force_complete', 22, newest, 'simulated moves are over before it comes'],
  ['POST /servers/{}/action evacuate', 2, 9, 'the suite compares these versions as texts'],
  ...['startup', 'shutdown', 'reboot'].map(
    (verb) => [`GET /os-hosts/{}/${verb}`, 1, 42, 'refused: nothing here has power over hosts'] as const,
  ),
];

/** Operations of which nobody published a shape of answers. */
const unpublished = [
  ...['trigger_crash_dump', 'os-getSerialConsole'].map((action) => `POST /servers/{}/action ${action}`),
  ...['DELETE /os-services/{}', 'GET /extensions/{}', 'POST /os-aggregates/{}/images', 'GET /servers/{}/topology'],
  ...['GET /servers/{}/os-virtual-interfaces', 'GET /os-floating-ip-pools', 'GET /os-networks', 'GET /os-networks/{}'],
  ...['GET /servers/{}/migrations/{}', 'DELETE /servers/{}/migrations/{}'],
];

function keyOf({ method, path, bodyKey }: AnyOperation): string {
  return `${method} ${path.replaceAll(/\{\w+\}/g, '{}')}${bodyKey ? ` ${bodyKey}` : ''}`;
}

/** What takes hosts out of service comes last. */
const order = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
const rank = ({ group, method }: AnyOperation) =>
  group === 'hosts' || group === 'services' ? order.length : order.indexOf(method);

describe('answers of the compute API', () => {
  let cloud: TestCloud;
  let world: ExampleWorld;

  beforeAll(async () => {
    cloud = await TestCloud.start({ hosts: 2, settings: { reclaimInterval: 3600 } });
    world = await ExampleWorld.open(cloud);
  }, 120_000);

  afterAll(() => cloud?.close());

  /** Some examples change quotas. */
  async function liftQuotas(): Promise<void> {
    const { quotas } = cloud.cloud;
    const limits = Object.keys(await quotas.limits(operator(), world.admin.projectId));
    await quotas.setLimits(operator(), world.admin.projectId, Object.fromEntries(limits.map((name) => [name, -1])));
  }

  /** The answer to the operation's example, where the world is such that it succeeds. */
  async function answerAt(operation: AnyOperation, minor: number) {
    const real = await world.real(operation, operation.examples[0]!);
    const { end, ...scene } = (await scenes[keyOf(operation)]?.(world, minor)) ?? {};
    const { params = {}, query, body }: Partial<OperationExample> = { ...real, ...scene };
    const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name]!));
    const words = new URLSearchParams(query).toString();
    const url = `/compute/v2.1${path}${words ? `?${words}` : ''}`;
    const version = { 'openstack-api-version': `compute 2.${minor}` };
    const answer = await world.admin.request(operation.method, url, body, version);
    await end?.();
    return answer;
  }

  it('have their shapes published, all but a few', () => {
    const missing = compute.operations.map(keyOf).filter((key) => !shapes.has(key));
    expect(missing.toSorted()).toEqual(unpublished.toSorted());
  });

  it('have the published members and types at each microversion at which they change', async () => {
    const wrong: string[] = [];
    let seen = 0;
    for (const operation of compute.operations.toSorted((a, b) => rank(a) - rank(b))) {
      const key = keyOf(operation);
      const facts = shapes.get(key);
      if (!facts) continue;
      await liftQuotas();
      const since = Number(operation.since?.split('.')[1] ?? 1);
      const last = ends.find(([pattern]) => pattern.test(key))?.[1] ?? newest;
      for (const minor of turningPoints(facts, since, last)) {
        if (unlike.some(([name, from, to]) => name === key && minor >= from && minor <= to)) continue;
        const { status, body } = await answerAt(operation, minor);
        const found = differences(facts, minor, status, body);
        const said = status >= 400 ? JSON.stringify(body) : '';
        if (found.length > 0) wrong.push(`${key} 2.${minor}: ${found.join('; ')} ${said}`);
        seen += 1;
      }
    }
    expect(wrong).toEqual([]);
    expect(seen).toBeGreaterThan(350);
  }, 300_000);

  it('end where operations were taken back', async () => {
    const still: string[] = [];
    for (const operation of compute.operations) {
      const last = ends.find(([pattern]) => pattern.test(keyOf(operation)))?.[1];
      if (last === undefined) continue;
      const { status } = await answerAt(operation, last + 1);
      if (status !== 404) still.push(`${keyOf(operation)} 2.${last + 1}: ${status}`);
    }
    expect(still).toEqual([]);
  }, 120_000);
});
