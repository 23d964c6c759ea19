import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ClientOutcome, clientsOf } from '../../src/cli/conformance/zstack/zstack.ts';
import { TestCloud } from '../support/cloud.ts';

let cloud: TestCloud;
beforeAll(async () => {
  cloud = await TestCloud.start({});
}, 300_000);
afterAll(async () => {
  await cloud?.close();
});

it("signs requests as ZStack's SDKs do, through the whole story of a server", async () => {
  const outcomes: ClientOutcome[] = [];
  for await (const outcome of clientsOf(cloud.origin, 'test-password')) {
    if (outcome.client === 'signed requests') outcomes.push(outcome);
  }
  expect(outcomes.filter(({ result }) => result !== 'passed')).toEqual([]);
  expect(outcomes.length).toBeGreaterThan(45);
}, 300_000);
