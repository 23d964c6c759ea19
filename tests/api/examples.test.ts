import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allDialects } from '../../src/assembly/dialects.ts';
import { operator } from '../../src/cloud/identity/subject.ts';
import { TestCloud } from '../support/cloud.ts';
import { ExampleWorld } from './example-world.ts';

/** ZStack's operations are run by a test of their own, which knows how its things hang together. */
const dialects = (await allDialects()).filter(({ name }) => name !== 'zstack');
const all = dialects.flatMap((dialect) =>
  dialect.operations
    .filter(({ consumes, responses }) => !consumes && !Object.values(responses).includes('stream'))
    .flatMap((operation) => operation.examples.map((example) => ({ dialect, operation, example }))),
);
/** Placement has next to nothing in its oldest version, which is what clients get that ask for none. */
const version = { 'openstack-api-version': 'placement 1.29' };

/** The order in which examples do each other the least harm. What takes hosts out of service comes last. */
const order = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
const rank = ({ operation }: (typeof all)[number]) =>
  operation.group === 'hosts' || operation.group === 'services' ? order.length : order.indexOf(operation.method);

describe('the examples of all operations', () => {
  let cloud: TestCloud;
  let world: ExampleWorld;

  beforeAll(async () => {
    cloud = await TestCloud.start();
    world = await ExampleWorld.open(cloud);
  });

  /** Some examples change quotas. */
  async function liftQuotas(): Promise<void> {
    const { quotas } = cloud.cloud;
    const limits = Object.keys(await quotas.limits(operator(), world.admin.projectId));
    await quotas.setLimits(operator(), world.admin.projectId, Object.fromEntries(limits.map((name) => [name, -1])));
  }

  afterAll(async () => {
    await cloud?.close();
  });

  it('are answered as their operations say, and most of them as they say themselves', async () => {
    const undocumented: string[] = [];
    const otherwise: string[] = [];
    const sorted = all.toSorted((a, b) => rank(a) - rank(b));
    for (const { dialect, operation, example } of sorted) {
      await liftQuotas();
      const { params = {}, query, body } = await world.real(operation, example);
      const path = (dialect.mounts[0]! + operation.path).replaceAll(/\{(\w+)\}/g, (_, name: string) =>
        encodeURIComponent(params[name] ?? world.admin.projectId),
      );
      const words = new URLSearchParams(query).toString();
      const url = words ? `${path}?${words}` : path;
      const { status, body: answer } = await world.admin.request(operation.method, url, body, version);
      const line = `${dialect.name} ${operation.id} (${example.title}): ${status}, not ${example.status}`;
      const isKnown = status in operation.responses || operation.errors.includes(status);
      if (!isKnown) undocumented.push(`${line} ${JSON.stringify(answer)?.slice(0, 200)}`);
      else if (status !== example.status) otherwise.push(`${line} ${JSON.stringify(answer)?.slice(0, 160)}`);
    }
    console.log(`${all.length - otherwise.length - undocumented.length} of ${all.length} examples as they are written`);
    expect(undocumented).toEqual([]);
    // The others are of things that no example has made: a second port, a server that was resized.
    expect(otherwise.length / all.length, otherwise.join('\n')).toBeLessThan(0.4);
  });
});
