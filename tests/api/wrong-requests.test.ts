import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allDialects } from '../../src/assembly/dialects.ts';
import { auditCloud } from '../../src/cloud/audit/audit.ts';
import { operator } from '../../src/cloud/identity/subject.ts';
import { seededRandom } from '../../src/env/seeded-random.ts';
import { TestCloud } from '../support/cloud.ts';
import { postgresVariable } from '../support/postgres-server.ts';
import { ExampleWorld } from './example-world.ts';
import { type WrongRequest, WrongRequests } from './wrong-requests.ts';

/** `UNKAI_WRONG_REQUESTS=20 UNKAI_SEED=7` makes twenty rounds of other requests, on PostgreSQL where there is one. */
const rounds = Number(process.env['UNKAI_WRONG_REQUESTS'] ?? 1);
const seed = Number(process.env['UNKAI_SEED'] ?? 1);
const atOnce = 16;

/** Whoever changes who is asking has no one left to ask. */
const ofTheAsker = /auth\/tokens|sessions|password|login|\/faults/i;
const all = (await allDialects()).flatMap((dialect) =>
  dialect.operations
    .filter(({ path, responses }) => !ofTheAsker.test(path) && !Object.values(responses).includes('stream'))
    .map((operation) => ({ dialect, operation, example: operation.examples[0]! })),
);

/** PostgreSQL is stricter about what it keeps, and takes several times as long. */
const database = rounds > 1 && process.env[postgresVariable] ? 'postgres' : 'sqlite';

describe(`every operation, asked wrongly (${database})`, () => {
  let cloud: TestCloud;
  let world: ExampleWorld;
  let session: string;

  beforeAll(async () => {
    cloud = await TestCloud.start({ database });
    world = await ExampleWorld.open(cloud);
    session = (await cloud.zstack()).session;
    // Made before anything goes wrong: a request may well take hosts out of service.
    for (const { operation, example } of all) await world.real(operation, example, { isShared: true });
  });

  afterAll(async () => {
    await cloud?.close();
  });

  async function liftQuotas(): Promise<void> {
    const { quotas } = cloud.cloud;
    const limits = Object.keys(await quotas.limits(operator(), world.admin.projectId));
    await quotas.setLimits(operator(), world.admin.projectId, Object.fromEntries(limits.map((name) => [name, -1])));
  }

  async function send(method: string, { path, type, body }: WrongRequest) {
    const answer = await fetch(cloud.origin + path, {
      method,
      body,
      headers: {
        'x-auth-token': world.admin.token,
        authorization: `OAuth ${session}`,
        'content-type': type,
        accept: 'application/json',
      },
    });
    return { status: answer.status, text: await answer.text() };
  }

  it(
    'is answered with an error of its dialect, never with one of the program',
    async () => {
      const requests = new WrongRequests(world, seededRandom(seed));
      const wrong: string[] = [];
      const waiting = Array.from({ length: rounds }, () => all).flat();
      const total = waiting.length;
      async function ask(): Promise<void> {
        for (let next = waiting.pop(); next; next = waiting.pop()) {
          const { dialect, operation, example } = next;
          const request = await requests.of(dialect.mounts[0]!, operation, example);
          const { status, text } = await send(operation.method, request);
          if (isHonest(dialect.name, operation.method, status, text)) continue;
          const said = `${request.path.slice(0, 200)} ${request.body?.slice(0, 300) ?? ''}`;
          wrong.push(`${operation.id}: ${operation.method} ${said} -> ${status} ${text.slice(0, 200)}`);
        }
      }
      await liftQuotas();
      await Promise.all(Array.from({ length: atOnce }, ask));
      console.log(`${total} wrong requests of seed ${seed}`);
      expect(wrong).toEqual([]);
    },
    120_000 * rounds,
  );

  it('leaves nothing that should not be', async () => {
    await cloud.cloud.runner.idle();
    const findings = await auditCloud(cloud.cloud);
    expect(findings.filter(({ level }) => level !== 'remaining work')).toEqual([]);
  });
});

/** Whether an answer is one that a client can read, and that doesn't say that the program failed. */
function isHonest(dialect: string, method: string, status: number, text: string): boolean {
  if (dialect === 'zstack') {
    if (status !== 503) return status !== 500;
    const { code, details } = JSON.parse(text).error;
    return code !== 'SYS.1000' || String(details).includes('has no field');
  }
  // What says that something can't be done now (503) or at all (501) knows what it says.
  if (status === 500) return false;
  if (status < 400 || method === 'HEAD') return true;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
