import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import type { ActionOutcome } from '../../actions/runner.ts';
import type { Database } from '../../database/database.ts';
import type { ActionsTable, ScheduleFiringsTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import { realEnv } from '../../env/real.ts';
import type { Cloud } from '../cloud.ts';
import { notFound } from '../errors.ts';
import { operator } from '../identity/subject.ts';
import { Firings, type ScheduleWorker } from './firings.ts';
import { Schedules } from './schedules.ts';
import { graceUs } from './take-up.ts';
import { holdUs } from './turns.ts';

const second = 1_000_000;
const minute = 60 * second;
const log = { debug() {}, info() {}, warn() {}, error() {} };
const subject = operator();
const projectId = subject.projectId!;

/** Does the work once for each firing, as the engine does. Its process may be killed before it has, or after. */
class FakeWorker implements ScheduleWorker {
  readonly done: string[] = [];
  readonly tidied: string[] = [];
  dies: 'before' | 'after' | undefined;
  answer: Error | undefined;
  isSlow = false;
  #killed: (() => void) | undefined;

  /** Resolves when the process is killed, or the work is done. */
  async orKilled(work: Promise<unknown>): Promise<void> {
    const killed = new Promise<void>((resolve) => {
      this.#killed = resolve;
    });
    await Promise.race([work, killed]);
  }

  /** Nothing goes on from here. */
  #die(): Promise<never> {
    this.#killed?.();
    return new Promise(() => {});
  }

  async begin({ id }: ScheduleFiringsTable): Promise<{ actionId?: string }> {
    if (this.answer) throw this.answer;
    if (this.dies === 'before') return await this.#die();
    if (!this.done.includes(id)) this.done.push(id);
    if (this.dies === 'after') return await this.#die();
    return { actionId: id };
  }
  async outcome(_actionId: string): Promise<ActionOutcome | undefined> {
    return this.isSlow ? undefined : { state: 'succeeded' };
  }
  async succeeded({ id }: ScheduleFiringsTable) {
    this.tidied.push(id);
  }
}

eachDatabase('jobs that are due', (open) => {
  let db: Database;
  let now: number;
  let worker: FakeWorker;
  let schedules: Schedules;
  const real = realEnv();
  const env = { ...real, now: () => ++now };
  const process = () => new Firings({ db, env, log }, worker);

  beforeEach(async () => {
    db = await open();
    now = Date.parse('2026-11-22T10:00:00Z') * 1000;
    worker = new FakeWorker();
    const owned = { get: async () => ({ projectId }) };
    schedules = new Schedules({ db, env, log, servers: owned, volumes: owned } as unknown as Cloud);
  });
  afterEach(() => db.close());

  async function job(times: Parameters<Schedules['createTrigger']>[1]): Promise<{ jobId: string; triggerId: string }> {
    const jobId = await schedules.createJob(subject, { name: 'job', kind: 'server.stop', targetId: newId(real) });
    const triggerId = await schedules.createTrigger(subject, times);
    await schedules.link(subject, jobId, triggerId);
    return { jobId, triggerId };
  }
  const each = (minutes: number, more = {}) =>
    ({ name: 'each', kind: 'simple', intervalSeconds: minutes * 60, startAt: now + minute, ...more }) as const;
  const firingsOf = (jobId: string) =>
    db.read.selectFrom('schedule_firings').selectAll().where('job_id', '=', jobId).orderBy('due_at').execute();
  /** Until nothing is left to do: each round is another turn. */
  async function settle(): Promise<void> {
    for (let round = 0; round < 20; round += 1) {
      now += second;
      await process().run();
    }
  }

  it('are done once at each of their times, whichever process wakes, and whenever one dies', async () => {
    const event = fc.record({
      pause: fc.integer({ min: 1, max: 90 }),
      dies: fc.constantFrom(undefined, undefined, 'before' as const, 'after' as const),
      both: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 12 }), async (events) => {
        worker.done.length = 0;
        const startAt = now + minute;
        const { jobId, triggerId } = await job({ ...each(1), startAt });
        for (const { pause, dies, both } of events) {
          now += pause * second;
          worker.dies = dies;
          await worker.orKilled(Promise.all([process().run(), ...(both ? [process().run()] : [])]));
        }
        worker.dies = undefined;
        await settle();
        now += 2 * holdUs;
        await settle();
        const until = now;
        await schedules.unlink(subject, jobId, triggerId);
        await settle();
        const firings = await firingsOf(jobId);
        const wanted = [];
        for (let time = startAt; time <= until; time += minute) wanted.push(time);
        expect(firings.map(({ due_at }) => due_at)).toEqual(wanted);
        expect(firings.every(({ state }) => state === 'succeeded')).toBe(true);
        expect(worker.done.toSorted()).toEqual(firings.map(({ id }) => id).toSorted());
        await schedules.deleteJob(subject, jobId);
        await schedules.deleteTrigger(subject, triggerId);
      }),
      { numRuns: db.kind === 'sqlite' ? 30 : 10 },
    );
  });

  it('end with their last time, and say so', async () => {
    const { jobId } = await job(each(1, { repeatCount: 2 }));
    expect(await process().restMs(300_000)).toBeGreaterThan(59_000);
    for (let minutes = 0; minutes < 5; minutes += 1) {
      now += minute;
      await settle();
    }
    expect(await firingsOf(jobId)).toHaveLength(2);
    expect(await process().restMs(30_000)).toBe(30_000);
    expect(worker.tidied).toHaveLength(2);
  });

  it('are looked after until they have ended', async () => {
    worker.isSlow = true;
    const { jobId } = await job(each(1, { repeatCount: 1 }));
    now += 2 * minute;
    await settle();
    expect(await firingsOf(jobId)).toMatchObject([{ state: 'begun', finished_at: null }]);
    expect(await process().restMs(30_000)).toBe(1000);
    worker.isSlow = false;
    await settle();
    expect(await firingsOf(jobId)).toMatchObject([{ state: 'succeeded', error: null }]);
  });

  it('keep none of the others waiting, however many of them go on', async () => {
    worker.isSlow = true;
    const action: Omit<ActionsTable, 'id'> = {
      ...{ kind: 'k', name: 'n', resource_type: 'server', resource_id: 'r', project_id: projectId, user_id: 'u' },
      ...{ request_id: 'q', state: 'running', input: '{}', progress: 0, error: null, cancel_requested: 0 },
      ...{ lease_owner: null, lease_expires_at: 0, created_at: now, updated_at: now, finished_at: null },
    };
    for (let made = 0; made < 60; made += 1) await job(each(1, { repeatCount: 1 }));
    now += 2 * minute;
    await settle();
    const begun = await db.read.selectFrom('schedule_firings').select('id').orderBy('created_at').execute();
    expect(begun).toHaveLength(60);
    const rows = begun.map(({ id }) => ({ ...action, id }));
    await db.write((tx) => tx.insertInto('actions').values(rows).execute());
    const slow = new Set(begun.map(({ id }) => id));
    worker.outcome = async (id) => (slow.has(id) ? undefined : { state: 'succeeded' });
    const { jobId, triggerId } = await job(each(60));
    await schedules.run(subject, triggerId);
    await settle();
    expect(await firingsOf(jobId)).toMatchObject([{ state: 'succeeded' }]);
  });

  it('are not done again where a process whose clock is behind has planned the same time anew', async () => {
    const { jobId } = await job(each(1));
    const { jobId: other } = await job(each(1));
    now += minute + second;
    await settle();
    const [done] = await firingsOf(jobId);
    await db.write((tx) =>
      tx.updateTable('schedule_links').set({ next_at: done!.due_at }).where('job_id', '=', jobId).execute(),
    );
    now += minute;
    await settle();
    expect(await firingsOf(jobId)).toHaveLength(2);
    expect(await firingsOf(other)).toHaveLength(2);
    expect(worker.done).toHaveLength(4);
  });

  it('are not done long after their time: that they were missed is said once', async () => {
    const { jobId } = await job(each(1));
    now += 60 * minute;
    await settle();
    const [missed, ...others] = await firingsOf(jobId);
    expect(missed).toMatchObject({ state: 'failed', error: expect.stringContaining('was not running') });
    expect(others.length).toBeGreaterThanOrEqual(graceUs / minute);
    expect(others.every(({ state, due_at }) => state === 'succeeded' && due_at >= now - graceUs - minute)).toBe(true);
  });

  it('say the first cause of a failure, and end where what they are about is gone', async () => {
    const { jobId } = await job(each(1));
    worker.answer = notFound('server', 'x', 'Instance x could not be found.');
    now += minute + second;
    await settle();
    expect(await firingsOf(jobId)).toMatchObject([{ state: 'failed', error: 'Instance x could not be found.' }]);
    expect(await schedules.job(subject, jobId)).toMatchObject({ enabled: false });
    now += 10 * minute;
    await settle();
    expect(await firingsOf(jobId)).toHaveLength(1);
  });

  it('are not due while they are disabled, and at the next time afterwards', async () => {
    const { jobId } = await job(each(1));
    await schedules.setEnabled(subject, jobId, false);
    now += 3 * minute;
    await settle();
    expect(await firingsOf(jobId)).toEqual([]);
    await schedules.setEnabled(subject, jobId, true);
    now += minute;
    await settle();
    expect(await firingsOf(jobId)).toHaveLength(1);
  });

  it('follow their trigger when its times change, and are done by hand beside them', async () => {
    let woken = 0;
    schedules.onChange(() => {
      woken += 1;
    });
    const { jobId, triggerId } = await job(each(60));
    await schedules.run(subject, triggerId);
    await settle();
    expect(await firingsOf(jobId)).toHaveLength(1);
    await schedules.updateTrigger(subject, triggerId, { kind: 'cron', cron: '0 0/5 * * * ?', startAt: null });
    now = Date.parse('2026-11-22T10:07:00Z') * 1000;
    await settle();
    expect((await firingsOf(jobId)).at(-1)).toMatchObject({ due_at: Date.parse('2026-11-22T10:05:00Z') * 1000 });
    expect(woken).toBe(3);
  });

  it('have triggers that are not over, once each, and no more than there is room for', async () => {
    const { jobId, triggerId } = await job(each(1, { repeatCount: 1 }));
    await expect(schedules.link(subject, jobId, triggerId)).rejects.toMatchObject({ details: { reason: 'linked' } });
    const late = await schedules.createTrigger(subject, each(1, { repeatCount: 1 }));
    now += 5 * minute;
    await expect(schedules.link(subject, jobId, late)).rejects.toMatchObject({ details: { reason: 'over' } });
    await expect(schedules.createTrigger(subject, { name: 'x', kind: 'simple' })).rejects.toMatchObject({
      details: { reason: 'no_interval' },
    });
    const stranger = { ...subject, isAdmin: false, projectId: 'b'.repeat(32) };
    await expect(schedules.run(stranger, triggerId)).rejects.toMatchObject({ code: 'not_found' });
    await expect(schedules.deleteJob(stranger, jobId)).rejects.toMatchObject({ code: 'not_found' });
    for (let made = 2; made < 80; made += 1) await schedules.createTrigger(subject, each(1));
    await expect(schedules.createTrigger(subject, each(1))).rejects.toMatchObject({ code: 'quota_exceeded' });
  });

  it('are forgotten after a while', async () => {
    const { jobId } = await job(each(1, { repeatCount: 1 }));
    now += 2 * minute;
    await settle();
    expect(await schedules.sweep()).toBe(0);
    now += 91 * 86_400 * second;
    expect(await schedules.sweep()).toBe(1);
    expect(await firingsOf(jobId)).toEqual([]);
  });
});
