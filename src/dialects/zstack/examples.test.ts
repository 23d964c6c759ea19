import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnyOperation } from '../../api/operation.ts';
import { ImageFiles } from './image-files.fixture.ts';
import { SettledAccount } from './settled-account.fixture.ts';
import { TestZStack } from './zstack.fixture.ts';
import { zstack } from './zstack.ts';

/**
 * They would end the account's session or change its password, or reach out to web servers that are nobody's: they have a
 * test of their own.
 */
const harmful = new Set(['LogOut', 'UpdateAccount', 'UpdateAccountByActions', 'AddImage', 'SubmitLongJob']);

/** The order in which examples do each other the least harm. */
const order = ['GET', 'POST', 'PUT', 'DELETE'];
const rank = ({ id, method }: AnyOperation) => order.indexOf(method) + (/^(Expunge|Destroy)/.test(id) ? 0.5 : 0);

describe('the examples of all operations', () => {
  let test: TestZStack;
  let account: SettledAccount;

  beforeAll(async () => {
    test = await TestZStack.start();
    account = await SettledAccount.settle(test, 'alice');
  });
  afterAll(async () => {
    await test.stop();
  });

  it('are answered as the operations say: by their schemas, or by an error of the dialect', async () => {
    const wrong: string[] = [];
    const otherwise: string[] = [];
    const operations = zstack.operations
      .filter(({ id, allow }) => !harmful.has(id) && allow !== 'admin')
      .toSorted((a, b) => rank(a) - rank(b));
    const runs = operations.flatMap((operation) => operation.examples.map((example) => ({ operation, example })));
    for (const { operation, example } of runs) {
      const { url, body } = account.aim(operation, example);
      const { status, json, text } = await test.run(operation.method, url, body, account.headers);
      const line = `${operation.id} (${example.title}): ${status} ${text.slice(0, 300)}`;
      if (status !== example.status) otherwise.push(line);
      if (!(status in operation.responses) && !operation.errors.includes(status)) wrong.push(line);
      if (status === 503) {
        const { code, description, details } = (json['error'] ?? {}) as Record<string, unknown>;
        if (!code || !description || !details || code === 'SYS.1000') wrong.push(line);
      }
      if (status !== 200) continue;
      const schema = operation.responses[200];
      if (schema && schema !== 'stream' && !Compile(schema as TSchema).Check(json))
        wrong.push(`${line}: not its schema`);
    }
    expect(wrong).toEqual([]);
    expect(otherwise.length / runs.length, otherwise.join('\n')).toBeLessThan(0.4);
  });

  it('are answered so too where they end sessions, change passwords, or fetch from web servers', async () => {
    const files = await ImageFiles.start();
    const at = (text: string) => text.replaceAll(/https?:\/\/[^"\\]+\.qcow2/g, files.url('tiny.qcow2'));
    const store = String((await test.query('/backup-storage'))[0]!['uuid']);
    try {
      for (const id of harmful) {
        const operation = zstack.operations.find((one) => one.id === id)!;
        for (const example of operation.examples) {
          const session = await test.newAccount(`of-${id}`);
          const own = { authorization: `OAuth ${session}` };
          const [{ uuid }] = (await test.query('/accounts', own)) as [Record<string, unknown>];
          // Only administrators need no old password, and may fetch from this machine.
          const headers = id === 'LogOut' ? own : {};
          const { url, body } = account.aim(operation, example);
          const ended = url.replace(/(?<=sessions\/)\w+/, session);
          const place = ended.replaceAll(account.own['account']!, String(uuid));
          const words = at(JSON.stringify(body ?? {})).replace('…', store);
          const { status, json, text } = await test.run(operation.method, place, words, headers);
          expect(status, `${id}: ${text}`).toBe(example.status);
          const schema = operation.responses[status] as TSchema;
          expect(Compile(schema).Check(json), `${id}: ${text}`).toBe(true);
        }
      }
      await test.cloud.runner.idle();
    } finally {
      await files.stop();
    }
  });
});
