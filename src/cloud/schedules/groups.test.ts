import { afterEach, beforeEach, expect, it } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import type { Database } from '../../database/database.ts';
import type { ScheduleFiringsTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import { realEnv } from '../../env/real.ts';
import type { Cloud } from '../cloud.ts';
import { notFound } from '../errors.ts';
import { operator, type Subject } from '../identity/subject.ts';
import { Firings, type ScheduleWorker } from './firings.ts';
import type { ScheduledKind } from './model.ts';
import { Schedules } from './schedules.ts';
import { holdUs } from './turns.ts';

const second = 1_000_000;
const minute = 60 * second;
const log = { debug() {}, info() {}, warn() {}, error() {} };

eachDatabase('groups of scheduled jobs', (open) => {
  let db: Database;
  let now: number;
  let done: ScheduleFiringsTable[];
  let schedules: Schedules;
  /** Called by the next worker, which then says nothing any more. */
  let dies: (() => void) | undefined;
  const real = realEnv();
  const env = { ...real, now: () => ++now };
  const worker: ScheduleWorker = {
    begin(firing) {
      dies?.();
      if (dies) return new Promise(() => {});
      done.push(firing);
      return Promise.resolve({});
    },
    outcome: async () => ({ state: 'succeeded' }),
    succeeded: async () => {},
  };
  const subject: Subject = { ...operator(), isAdmin: false, roles: ['member'] };
  const stranger: Subject = { ...subject, projectId: 'b'.repeat(32) };

  beforeEach(async () => {
    db = await open();
    now = Date.parse('2026-11-22T10:00:00Z') * 1000;
    done = [];
    dies = undefined;
    const owned = { get: async (asking: Subject) => ({ projectId: asking.projectId }) };
    schedules = new Schedules({ db, env, log, servers: owned, volumes: owned } as unknown as Cloud);
  });
  afterEach(() => db.close());

  const job = (kind: ScheduledKind = 'server.stop', asking = subject) =>
    schedules.createJob(asking, { name: 'job', kind, targetId: newId(real), parameters: { keep: 9 } });
  const eachMinute = () =>
    schedules.createTrigger(subject, { name: 'each', kind: 'simple', intervalSeconds: 60, startAt: now + minute });
  const group = (more = {}) => schedules.groups.create(subject, { name: 'g', kind: 'server.stop', ...more });
  const next = async (table: 'schedule_links' | 'schedule_group_links') =>
    (await db.read.selectFrom(table).select('next_at').execute()).map(({ next_at }) => next_at);
  /** Lets time pass, and two processes look every ten seconds. */
  async function pass(minutes: number): Promise<void> {
    for (let passed = 0; passed < minutes * 6; passed += 1) {
      now += 10 * second;
      await Promise.all([1, 2].map(() => new Firings({ db, env, log }, worker).run()));
    }
  }
  async function settled(jobs = 2, more = {}) {
    const [groupId, triggerId] = [await group(more), await eachMinute()];
    const jobIds = [];
    for (let made = 0; made < jobs; made += 1) jobIds.push(await job());
    await schedules.groups.addJobs(subject, groupId, jobIds);
    await schedules.groups.link(subject, groupId, triggerId);
    return { groupId, triggerId, jobIds };
  }

  it('are done together at each time of their triggers, with what the group says', async () => {
    const { groupId, triggerId, jobIds } = await settled(2, { parameters: { keep: 3 } });
    await pass(3.5);
    expect(done).toHaveLength(6);
    const batches = Map.groupBy(done, ({ batch_id }) => batch_id);
    expect(batches.size).toBe(3);
    for (const firings of batches.values()) {
      expect(firings.map(({ job_id }) => job_id).toSorted()).toEqual(jobIds.toSorted());
      expect(new Set(firings.map(({ due_at }) => due_at)).size).toBe(1);
    }
    const wanted = { group_id: groupId, trigger_id: triggerId, parameters: '{"keep":3}' };
    for (const firing of done) expect(firing).toMatchObject(wanted);
  });

  it('are done by the next process where one dies that has taken them up', async () => {
    const { jobIds } = await settled();
    now += minute + second;
    await new Firings({ db, env, log }, worker).run();
    expect(done).toEqual([]);
    await new Promise<void>((died) => {
      dies = died;
      void new Firings({ db, env, log }, worker).run();
    });
    dies = undefined;
    now += 2 * holdUs;
    await pass(1);
    const first = done.filter(({ due_at }) => due_at === Math.min(...done.map((firing) => firing.due_at)));
    expect(first.map(({ job_id }) => job_id).toSorted()).toEqual(jobIds.toSorted());
  });

  it('are due with their group alone, and at no time after they have left it until they are enabled', async () => {
    const { groupId, triggerId, jobIds } = await settled();
    const [jobId, other] = jobIds as [string, string];
    await schedules.groups.unlink(subject, groupId, triggerId);
    await schedules.link(subject, jobId, triggerId, { fireNow: true });
    await schedules.updateTrigger(subject, triggerId, { intervalSeconds: 30 });
    await schedules.setEnabled(subject, jobId, false);
    await schedules.setEnabled(subject, jobId, true);
    await schedules.run(subject, triggerId);
    await pass(2);
    expect(done).toEqual([]);
    await schedules.groups.removeJobs(subject, groupId, [jobId]);
    await pass(2);
    expect(done).toEqual([]);
    expect(await schedules.job(subject, jobId)).toMatchObject({ enabled: false });
    expect(await schedules.job(subject, other)).toMatchObject({ enabled: true });
    await schedules.setEnabled(subject, jobId, true);
    await pass(1);
    expect(done.length).toBeGreaterThan(0);
    await schedules.groups.addJobs(subject, groupId, [jobId]);
    expect(await next('schedule_links')).toEqual([null]);
    // As it is where the trigger is changed at the same moment.
    const plan = () => db.write((tx) => tx.updateTable('schedule_links').set({ next_at: now }).execute());
    const before = done.length;
    await plan();
    await pass(1);
    await schedules.groups.delete(subject, groupId);
    expect(await schedules.job(subject, jobId)).toMatchObject({ enabled: false });
    await plan();
    await pass(1);
    expect(done).toHaveLength(before);
    expect(await next('schedule_links')).toEqual([null]);
  });

  it('leave out jobs that are disabled, and are not due while they are disabled themselves', async () => {
    const { groupId, triggerId, jobIds } = await settled();
    await schedules.setEnabled(subject, jobIds[0]!, false);
    await pass(1.5);
    expect(done.map(({ job_id }) => job_id)).toEqual([jobIds[1]]);
    await schedules.groups.update(subject, groupId, { enabled: false, name: 'quiet' });
    expect(await next('schedule_group_links')).toEqual([null]);
    await schedules.run(subject, triggerId);
    await pass(2);
    expect(done).toHaveLength(1);
    await schedules.groups.update(subject, groupId, { enabled: true });
    await schedules.updateTrigger(subject, triggerId, { intervalSeconds: 3600, startAt: now + 5 * second });
    await pass(1);
    expect(done).toHaveLength(2);
  });

  it('are done by hand, all or some of them, and at once where they are asked to', async () => {
    const { groupId, triggerId, jobIds } = await settled();
    await schedules.run(subject, triggerId, [jobIds[1]!]);
    await new Firings({ db, env, log }, worker).run();
    expect(done.map(({ job_id }) => job_id)).toEqual([jobIds[1]]);
    now += second;
    const later = await schedules.createTrigger(subject, { name: 'l', kind: 'cron', cron: '0 0 3 1 1 ?' });
    await schedules.groups.link(subject, groupId, later, { fireNow: true });
    await new Firings({ db, env, log }, worker).run();
    expect(
      done
        .slice(1)
        .map(({ job_id }) => job_id)
        .toSorted(),
    ).toEqual(jobIds.toSorted());
    expect(new Set(done.slice(1).map(({ batch_id }) => batch_id)).size).toBe(1);
  });

  it('take jobs of their kind and their project, and each trigger once', async () => {
    const { groupId, triggerId, jobIds } = await settled();
    const strange = await job('server.start');
    await expect(schedules.groups.addJobs(subject, groupId, [strange, jobIds[0]!])).rejects.toMatchObject({
      message: '1 jobs have different job type with job group',
    });
    const foreign = await job('server.stop', stranger);
    await expect(schedules.groups.addJobs(subject, groupId, [foreign])).rejects.toMatchObject({ code: 'not_found' });
    await expect(schedules.groups.addJobs(operator(), groupId, [foreign])).rejects.toMatchObject({
      details: { reason: 'project' },
    });
    await expect(schedules.groups.link(subject, groupId, triggerId)).rejects.toMatchObject({
      details: { reason: 'linked' },
    });
    for (let made = 1; made < 10; made += 1) await schedules.groups.link(subject, groupId, await eachMinute());
    await expect(schedules.groups.link(subject, groupId, await eachMinute())).rejects.toMatchObject({
      details: { reason: 'many_triggers' },
    });
    const { groups } = schedules;
    for (const change of [
      () => groups.update(stranger, groupId, { name: 'x' }),
      () => groups.delete(stranger, groupId),
      () => groups.removeJobs(stranger, groupId, jobIds),
      () => groups.unlink(stranger, groupId, triggerId),
    ]) {
      await expect(change()).rejects.toMatchObject({ code: 'not_found', details: { resource: 'schedule_group' } });
    }
  });

  it('are in the report of what was done and what will be, once for each time', async () => {
    const { groupId, jobIds } = await settled();
    const own = await job();
    const daily = await schedules.createTrigger(subject, { name: 'd', kind: 'cron', cron: '0 30 9 * * ?' });
    await schedules.link(subject, own, daily);
    const refuse = worker.begin;
    worker.begin = (firing) => {
      if (firing.job_id === jobIds[0]) throw notFound('server', 'x', 'It is gone.');
      return refuse(firing);
    };
    await pass(5.5);
    worker.begin = refuse;
    await schedules.groups.update(subject, groupId, { enabled: false });
    const wish = { startAt: now, unit: 'hour', spans: 25, kinds: ['server.stop'] } as const;
    const { succeeded, failed, partly, waiting } = await schedules.report(subject, wish);
    // The job whose server is gone is disabled after the first time.
    expect([succeeded[0], failed[0], partly[0], waiting[0]]).toEqual([4, 0, 1, 0]);
    expect(waiting.indexOf(1)).toBe(23);
    const days = await schedules.report(subject, { ...wish, unit: 'day', spans: 3 });
    expect(days.waiting).toEqual([0, 1, 1]);
    expect(days.succeeded).toEqual([4, 0, 0]);
    const months = await schedules.report(subject, { ...wish, unit: 'month', spans: 2 });
    expect(months.waiting).toEqual([8, 31]);
    await schedules.groups.update(subject, groupId, { enabled: true });
    expect((await schedules.report(subject, wish)).waiting.slice(0, 3)).toEqual([54, 60, 60]);
    expect((await schedules.report(stranger, wish)).waiting).toEqual(Array(25).fill(0));
    expect((await schedules.report(operator(), wish)).succeeded[0]).toBe(4);
    const others = await schedules.report(subject, { ...wish, kinds: ['server.start'] });
    expect([...others.waiting, ...others.succeeded]).toEqual(Array(50).fill(0));
  });
});
