import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnyOperation } from '../../src/api/operation.ts';
import { allDialects } from '../../src/assembly/dialects.ts';
import type { OpenStackClient } from '../../src/cli/clients/openstack-client.ts';
import { TestCloud } from '../support/cloud.ts';
import { ExampleWorld, kindOf } from './example-world.ts';

/** What belongs to a project or to a user, and to nobody else. */
const owned: ReadonlySet<string> = new Set([
  'server',
  'image',
  'volume',
  'snapshot',
  'network',
  'subnet',
  'port',
  'router',
  'security_group',
  'security_group_rule',
  'server_group',
  'keypair',
  'project',
  'user',
  'group',
]);

/** They say of whatever project what holds for all. */
const sayNothing: ReadonlySet<string> = new Set(['ShowDefaultQuota', 'ShowDefaultVolumeQuotas']);

/** ZStack's operations are tried by a test of their own, which knows how its things hang together. */
const dialects = (await allDialects()).filter(({ name }) => name !== 'zstack');
const all = dialects.flatMap((dialect) =>
  dialect.operations
    .filter((operation) => ownedParams(operation).length > 0 && !sayNothing.has(operation.id))
    .map((operation) => ({ dialect, operation, example: operation.examples[0]! })),
);

function ownedParams({ path }: AnyOperation): string[] {
  return [...path.matchAll(/\{(\w+)\}/g)]
    .map(([, name]) => name!)
    .filter((name) => owned.has(kindOf(name, path) ?? ''));
}

describe('things of a project', () => {
  let cloud: TestCloud;
  let world: ExampleWorld;
  let stranger: OpenStackClient;

  beforeAll(async () => {
    cloud = await TestCloud.start();
    world = await ExampleWorld.open(cloud);
    stranger = await cloud.member('stranger');
  });

  afterAll(async () => {
    await cloud?.close();
  });

  it('are there for nobody of another project, whatever the operation', async () => {
    const admitted: string[] = [];
    for (const { dialect, operation, example } of all) {
      const { query } = example;
      const { params = {}, body } = await world.real(operation, example, { isShared: true });
      const mount = dialect.mounts[0]!.replaceAll(/\{\w+\}/g, stranger.projectId);
      const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name]!));
      const words = new URLSearchParams(query).toString();
      const type = Array.isArray(body) ? 'application/openstack-images-v2.1-json-patch' : operation.consumes?.[0];
      const { status } = await stranger.request(operation.method, `${mount}${path}${words && `?${words}`}`, body, {
        'openstack-api-version': 'placement 1.29',
        ...(type ? { 'content-type': type } : {}),
      });
      // 410 is what Nova says of what is gone for good, whoever asks.
      if (![400, 401, 403, 404, 410].includes(status)) admitted.push(`${dialect.name} ${operation.id}: ${status}`);
    }
    console.log(`${all.length} operations were refused to a stranger`);
    expect(admitted).toEqual([]);
  });
});
