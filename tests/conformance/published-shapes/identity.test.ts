import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { validatorCompiler } from '../../../src/api/validation.ts';
import { allDialects } from '../../../src/assembly/dialects.ts';
import { TestCloud } from '../../support/cloud.ts';
import { judgements } from './identity-requests.ts';
import { identityScenes } from './identity-scenes.ts';
import { ServiceUnderTest } from './service-under-test.ts';

/** Operations of which Keystone declares no shape of answers. */
const undeclared = [
  / (\/v3)?$/,
  /^\w+ \/v3\/auth\//,
  /^\w+ \/v3\/OS-INHERIT\//,
  /\/OS-OAUTH1\//,
  /^\w+ \/v3\/OS-EP-FILTER\/(projects|endpoints|endpoint_groups\/\{\}\/)/,
  /^\w+ \/v3\/OS-TRUST\/trusts\/\{\}\/roles/,
  /^\w+ \/v3\/(policies|endpoints\/\{\}\/OS-ENDPOINT-POLICY)/,
  /^\w+ \/v3\/domains\/(\{\}\/)?config/,
  /^\w+ \/v3\/groups\/\{\}\/users/,
  /^\w+ \/v3\/users\/\{\}\/(credentials|groups|projects|password)/,
  /^DELETE \/v3\/(OS-EP-FILTER\/endpoint_groups|OS-TRUST\/trusts|credentials|domains|endpoints|services)\/\{\}$/,
  /^DELETE \/v3\/users\/\{\}\/application_credentials\/\{\}$/,
  /^HEAD \/v3\/roles\/\{\}\/implies\/\{\}$/,
];

describe('answers of the identity API', () => {
  let cloud: TestCloud;
  let identity: ServiceUnderTest;

  beforeAll(async () => {
    cloud = await TestCloud.start();
    const service = { name: 'identity', mount: '/identity', major: 3, newest: 0, ends: [], unlike: [] } as const;
    identity = await ServiceUnderTest.open({ ...service, scenes: identityScenes }, cloud);
  }, 300_000);

  afterAll(() => cloud?.close());

  it('have their shapes declared, or are of a kind that has none', () => {
    const unknown = identity.unpublished();
    expect(unknown.filter((key) => !undeclared.some((kind) => kind.test(key)))).toEqual([]);
    expect(undeclared.filter((kind) => !unknown.some((key) => kind.test(key)))).toEqual([]);
  });

  it('have the declared members and types', async () => {
    const { seen, wrong } = await identity.differences();
    expect(wrong).toEqual([]);
    expect(seen).toBeGreaterThan(85);
  }, 300_000);
});

/** Where requests are judged otherwise than by Keystone's schemas, and why. */
const otherwise: ReadonlyArray<readonly [RegExp, string]> = [
  [/ (project|user|domain)\.enabled = null$/, 'neither yes nor no'],
  [/^POST .* (user|group)\.domain_id = null$/, 'the same as not to name one'],
  [/ (service|endpoint)\.name (= null|of length 0)$/, 'the same as to have none'],
  [/^PATCH .* endpoint_group\.filters = null$/, 'the newest client says so that it leaves them'],
  [/^PATCH \/v3\/credentials\/\{\} /, 'everything of a credential can be changed, as before Keystone 30'],
  [/ limits\[\]\.(project_id missing|domain_id )/, 'either is wanted, which the lines do not know'],
];

describe('requests to the identity API', () => {
  it("are taken and refused as Keystone's schemas do", async () => {
    const dialect = (await allDialects()).find(({ mounts }) => mounts.includes('/identity'))!;
    const found = judgements(dialect.operations, validatorCompiler(dialect));
    const wrong = found.filter(({ theirs, ours }) => theirs !== ours).map(({ request }) => request);
    expect(wrong.filter((request) => !otherwise.some(([kind]) => kind.test(request)))).toEqual([]);
    expect(otherwise.filter(([kind]) => !wrong.some((request) => kind.test(request)))).toEqual([]);
    expect(found.length).toBeGreaterThan(500);
  });
});
