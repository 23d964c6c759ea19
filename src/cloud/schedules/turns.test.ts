import { afterEach, beforeEach, expect, it } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import type { Database } from '../../database/database.ts';
import { newId } from '../../env/env.ts';
import { realEnv } from '../../env/real.ts';
import type { Cloud } from '../cloud.ts';
import { operator, type Subject } from '../identity/subject.ts';
import { Firings, type ScheduleWorker } from './firings.ts';
import { Schedules } from './schedules.ts';
import { maxPerSecond } from './turns.ts';

const second = 1_000_000;
const log = { debug() {}, info() {}, warn() {}, error() {} };

eachDatabase('turns of scheduled jobs', (open) => {
  let db: Database;
  let now: number;
  let begun: string[];
  let schedules: Schedules;
  let firings: Firings;
  const real = realEnv();
  const env = { ...real, now: () => ++now };
  const worker: ScheduleWorker = {
    async begin({ project_id }) {
      begun.push(project_id);
      return {};
    },
    outcome: async () => ({ state: 'succeeded' }),
    succeeded: async () => {},
  };
  const memberOf = (projectId: string): Subject => ({ ...operator(), isAdmin: false, projectId, roles: ['member'] });
  const [busy, calm] = [memberOf('a'.repeat(32)), memberOf('b'.repeat(32))];

  beforeEach(async () => {
    db = await open();
    now = Date.parse('2026-11-22T10:00:00Z') * 1000;
    begun = [];
    const owned = { get: async ({ projectId }: Subject) => ({ projectId }) };
    schedules = new Schedules({ db, env, log, servers: owned, volumes: owned } as unknown as Cloud);
    firings = new Firings({ db, env, log }, worker);
  });
  afterEach(() => db.close());

  const job = (subject: Subject) =>
    schedules.createJob(subject, { name: 'job', kind: 'server.stop', targetId: newId(real) });
  const each = (subject: Subject, intervalSeconds: number) =>
    schedules.createTrigger(subject, { name: 'each', kind: 'simple', intervalSeconds, startAt: now + second });
  /** So many jobs of a project, each of them fired by so many triggers. */
  async function schedule(subject: Subject, { jobs = 1, triggers = 1, intervalSeconds = 86_400 }): Promise<void> {
    const ids = [];
    for (let made = 0; made < triggers; made += 1) ids.push(await each(subject, intervalSeconds));
    for (let made = 0; made < jobs; made += 1) {
      const jobId = await job(subject);
      for (const id of ids) await schedules.link(subject, jobId, id);
    }
  }
  /** How many of each project were begun in one more second, in which both processes look four times. */
  async function oneSecond(): Promise<{ busy: number; calm: number }> {
    begun = [];
    for (let look = 0; look < 4; look += 1) {
      await firings.run();
      await new Firings({ db, env, log }, worker).run();
    }
    now += second;
    return {
      busy: begun.filter((id) => id === busy.projectId).length,
      calm: begun.filter((id) => id === calm.projectId).length,
    };
  }

  it('are so many a second for each project, and no project waits for the turns of another one', async () => {
    await schedule(busy, { jobs: 25 });
    await schedule(calm, { jobs: 3 });
    now += 2 * second;
    expect(await oneSecond()).toEqual({ busy: maxPerSecond, calm: 3 });
    expect(await firings.restMs(30_000)).toBe(250);
    expect(await oneSecond()).toEqual({ busy: maxPerSecond, calm: 0 });
    expect(await oneSecond()).toEqual({ busy: 5, calm: 0 });
    expect(await oneSecond()).toEqual({ busy: 0, calm: 0 });
    expect(await firings.restMs(30_000)).toBe(30_000);
  });

  it('come to all jobs of a project that has more to do than it gets turns, and to none of them late for ever', async () => {
    await schedule(busy, { jobs: 80, triggers: 2, intervalSeconds: 1 });
    now += 2 * second;
    for (let passed = 0; passed < 60; passed += 1) {
      expect((await oneSecond()).busy).toBe(maxPerSecond);
    }
    const rows = await db.read.selectFrom('schedule_firings').select(['job_id', 'due_at', 'created_at']).execute();
    expect(new Set(rows.map(({ job_id }) => job_id)).size).toBe(80);
    const late = rows.map(({ due_at, created_at }) => created_at - due_at);
    expect(Math.max(...late)).toBeLessThan(30 * second);
  });

  it('are waited for by what is done by hand, once however often it is asked for', async () => {
    const trigger = await each(busy, 86_400);
    for (let made = 0; made < 15; made += 1) await schedules.link(busy, await job(busy), trigger);
    for (let asked = 0; asked < 3; asked += 1) await schedules.run(busy, trigger);
    expect(await oneSecond()).toEqual({ busy: maxPerSecond, calm: 0 });
    now -= second / 2;
    await schedules.run(busy, trigger);
    expect((await oneSecond()).busy).toBe(0);
  });

  it('are given to no more jobs, triggers and groups than a project may have, also where two are made at once', async () => {
    for (let made = 0; made < 79; made += 1) {
      await job(busy);
      await each(busy, 60);
      await schedules.groups.create(busy, { name: 'g', kind: 'server.stop' });
    }
    const group = () => schedules.groups.create(busy, { name: 'g', kind: 'server.stop' });
    for (const make of [() => job(busy), () => each(busy, 60), group]) {
      const answers = await Promise.allSettled([make(), make(), make()]);
      expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    }
    await expect(job(calm)).resolves.toEqual(expect.any(String));
  });
});
