import { afterEach, beforeEach, expect, it } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import type { Database } from '../../database/database.ts';
import { realEnv } from '../../env/real.ts';
import { Jobs } from './jobs.ts';
import { hookGrace } from './web-hooks.ts';

const subject = { userId: 'user', projectId: 'project' };
const job = { operation: 'AddImage', webHook: 'http://x/' };
const success = { status: 200, body: { done: true } };
/** More than a process holds one, seconds. */
const lapse = 30;

eachDatabase('web hooks of jobs', (open) => {
  let db: Database;
  let jobs: Jobs;
  /** Another process over the same database. */
  let others: Jobs;
  let later = 0;
  const real = realEnv();
  const env = { ...real, now: () => real.now() + later };

  beforeEach(async () => {
    later = 0;
    db = await open();
    jobs = new Jobs({ db, env });
    others = new Jobs({ db, env });
  });
  afterEach(() => db.close());

  async function ended(): Promise<string> {
    const { id } = await jobs.begin(subject, job);
    await jobs.finish(id, success);
    return id;
  }

  it('are owed nothing by jobs without one', async () => {
    const { id } = await jobs.begin(subject, { operation: 'AddImage' });
    await jobs.attach(id, 'action', {});
    await jobs.finish(id, success);
    later = 2 * hookGrace;
    expect(await jobs.webHooks.claim(10)).toEqual([]);
  });

  it('are looked after from when the work has begun, or has had its time to', async () => {
    const lost = await jobs.begin(subject, job);
    const begun = await jobs.begin(subject, job);
    expect(await jobs.webHooks.claim(10)).toEqual([]);
    await jobs.attach(begun.id, 'action', { uuid: 'image' });
    const [owed, ...more] = await jobs.webHooks.claim(10);
    expect(owed).toMatchObject({ tries: 0, job: { id: begun.id, actionId: 'action', plan: { uuid: 'image' } } });
    expect(more).toEqual([]);
    later = hookGrace;
    expect((await jobs.webHooks.claim(10)).map(({ job: { id } }) => id)).toContain(lost.id);
  });

  it('are owed the answer by the transaction that stores it', async () => {
    let wakes = 0;
    const stop = jobs.webHooks.onDue(() => {
      wakes += 1;
    });
    const id = await ended();
    expect(wakes).toBe(1);
    stop();
    expect(await others.webHooks.claim(10)).toMatchObject([{ job: { id, webHook: 'http://x/', result: success } }]);
  });

  it('are looked after by one process at a time, and by the next one once that is silent', async () => {
    const id = await ended();
    const claims = await Promise.all([jobs.webHooks.claim(10), others.webHooks.claim(10)]);
    expect(claims.flat()).toMatchObject([{ job: { id } }]);
    later = lapse * 1e6;
    const [again] = await others.webHooks.claim(10);
    expect(again).toMatchObject({ job: { id } });
    // What the silent one says now is of no more interest.
    await jobs.webHooks.postpone(claims.flat()[0]!, 0);
    expect(await jobs.webHooks.claim(10)).toEqual([]);
  });

  it('are told again after a pause, with what was in vain counted, until all is said', async () => {
    await ended();
    const [first] = await jobs.webHooks.claim(10);
    await jobs.webHooks.postpone({ ...first!, tries: 1 }, 2000);
    expect(await jobs.webHooks.claim(10)).toEqual([]);
    later = 3e6;
    const [second] = await others.webHooks.claim(10);
    expect(second).toMatchObject({ tries: 1 });
    await others.webHooks.settle(second!);
    later = 2 * lapse * 1e6;
    expect(await jobs.webHooks.claim(10)).toEqual([]);
  });

  it('are taken over at once by a process that is alone', async () => {
    const id = await ended();
    await jobs.webHooks.claim(10);
    await others.webHooks.takeOver();
    expect(await others.webHooks.claim(10)).toMatchObject([{ job: { id } }]);
  });

  it('are claimed in the order in which they fell due, no more than there is room for', async () => {
    const ids = [await ended(), await ended(), await ended()];
    const claimed = await jobs.webHooks.claim(2);
    expect(claimed.map((owed) => owed.job.id)).toEqual(ids.slice(0, 2));
  });

  it('wait while a process says that it goes on with the job', async () => {
    const { id } = await jobs.begin(subject, job);
    await jobs.continueUntil(id, 5);
    expect(await others.find(id)).toMatchObject({ continuedUntil: 5 });
  });
});
