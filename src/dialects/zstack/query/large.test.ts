import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServersTable } from '../../../database/schema.ts';
import { newId } from '../../../env/env.ts';
import { realEnv } from '../../../env/real.ts';
import { SettledAccount } from '../settled-account.fixture.ts';
import { TestZStack } from '../zstack.fixture.ts';

/** A hundred thousand where times are to be measured, which only says something on a machine that does nothing else. */
const isMeasured = Boolean(process.env['UNKAI_TEST_LARGE']);
const count = isMeasured ? 100_000 : 2_000;
const rounds = isMeasured ? 21 : 1;
const limitMs = isMeasured ? 20 : 10_000;
if (!isMeasured) {
  console.warn(`Queries are asked of ${count} servers and not measured: UNKAI_TEST_LARGE=1 takes 100,000.`);
}

const env = realEnv();
/** The parameters of a statement of SQLite. */
const maxParameters = 30_000;

describe(`queries of ${count} servers`, () => {
  let test: TestZStack;
  let first: string;
  const middle = `many-${count / 2}`;

  beforeAll(async () => {
    test = await TestZStack.start();
    first = (await SettledAccount.settle(test, 'alice')).own['vm']!;
    const { db } = test.cloud;
    const pattern = await db.read.selectFrom('servers').selectAll().where('id', '=', first).executeTakeFirstOrThrow();
    const rows = Array.from({ length: count }, (_, index): ServersTable => {
      const name = `many-${index}`;
      const about = { id: newId(env), name, hostname: name, root_volume_id: null, host_id: null };
      return { ...pattern, ...about, number: pattern.number + index + 1, created_at: pattern.created_at + index };
    });
    const batch = Math.floor(maxParameters / Object.keys(pattern).length);
    for (let at = 0; at < count; at += batch) {
      const some = rows.slice(at, at + batch);
      await db.write(async (tx): Promise<void> => {
        await tx.insertInto('servers').values(some).execute();
      });
    }
    await sql`analyze`.execute(db.read).catch(() => undefined);
  }, 300_000);
  afterAll(async () => {
    await test?.stop();
  });

  const questions: ReadonlyArray<readonly [what: string, conditions: () => string, expected: number]> = [
    ['by uuid', () => `q=uuid=${first}`, 1],
    ['by name', () => `q=name=${middle}`, 1],
    ['by name and state', () => `q=name=${middle}&q=state=Running`, 1],
  ];
  it.each(questions)('answer %s, with how many there are, quickly', async (_, conditions, expected) => {
    const took: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const started = performance.now();
      const { json } = await test.call('GET', `/vm-instances?${conditions()}&replyWithCount=true`);
      took.push(performance.now() - started);
      expect(json['total']).toBe(expected);
      expect(json['inventories']).toHaveLength(expected);
    }
    const median = took.toSorted((a, b) => a - b)[Math.floor(rounds / 2)]!;
    if (isMeasured) console.log(`${conditions()}: ${median.toFixed(1)} ms`);
    expect(median).toBeLessThan(limitMs);
  });

  it('answer what is about other inventories: which takes longer, as every server has to be looked at', async () => {
    const [nic] = await test.query(`/vm-instances/nics?q=vmInstanceUuid=${first}`);
    const { json } = await test.call('GET', `/vm-instances?q=vmNics.ip=${nic!['ip']}&replyWithCount=true`);
    expect(json).toMatchObject({ total: 1, inventories: [{ uuid: first }] });
  });

  it('gives a page of all of them, and how many there are', async () => {
    const { json } = await test.call('GET', '/vm-instances?limit=10&start=5&sort=-createDate&replyWithCount=true');
    expect(json['total']).toBe(count + 1);
    expect(json['inventories']).toHaveLength(10);
  });
});
