import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SettledAccount } from './settled-account.fixture.ts';
import { TestZStack } from './zstack.fixture.ts';
import { zstack } from './zstack.ts';

/** What an account has is there for no other one, whatever the operation: it neither reads it nor changes it. */
describe('what belongs to an account', () => {
  let test: TestZStack;
  let alice: SettledAccount;
  const bob: Record<string, string> = {};

  beforeAll(async () => {
    test = await TestZStack.start();
    bob['authorization'] = `OAuth ${await test.newAccount('bob')}`;
    alice = await SettledAccount.settle(test, 'alice');
  });

  afterAll(async () => {
    await test.stop();
  });

  const queries = zstack.operations.filter(({ id, path }) => id.startsWith('Query') && !path.includes('{'));
  /** What is the cloud's own: how much room there is changes by itself, and jobs are made by looking. */
  const moving = /^Query(ApiJob|ManagementNode|Host|.*Storage)$/;

  async function everything(): Promise<Record<string, unknown>> {
    const all: Record<string, unknown> = {};
    for (const { id, path } of queries.filter((one) => !moving.test(one.id))) {
      const { json } = await test.call('GET', path, undefined, alice.headers);
      all[id] = json['inventories'] ?? json['error'];
    }
    return all;
  }

  it('is not seen in any list of another one', async () => {
    const ids = Object.values(alice.own);
    const seen: string[] = [];
    for (const { id, path } of queries) {
      const { text } = await test.call('GET', path, undefined, bob);
      for (const one of ids.filter((uuid) => text.includes(uuid))) seen.push(`${id}: ${one}`);
    }
    expect(seen).toEqual([]);
  });

  it('is neither read nor changed by any operation of another one', async () => {
    const before = await everything();
    const ids = Object.values(alice.own);
    const admitted: string[] = [];
    let tried = 0;
    for (const operation of zstack.operations) {
      const request = alice.aim(operation, operation.examples[0]!);
      if (!request.isAimed) continue;
      tried += 1;
      const { status, json, text } = await test.run(operation.method, request.url, request.body, bob);
      const tellsNothing = operation.method === 'GET' && !ids.some((uuid) => text.includes(uuid));
      // What is not there for it is deleted already, as the dialect has it.
      const isGoneAlready = /^(Delete|Destroy|Expunge|Detach)/.test(operation.id) && Object.keys(json).length === 0;
      if (status === 200 && !tellsNothing && !isGoneAlready) admitted.push(`${operation.id}: ${text.slice(0, 200)}`);
      if (status === 500) admitted.push(`${operation.id}: ${status} ${text.slice(0, 200)}`);
    }
    expect(admitted).toEqual([]);
    expect(tried).toBeGreaterThan(100);
    await test.cloud.runner.idle();
    expect(await everything()).toEqual(before);
  });
});
