import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Database } from '../../database/database.ts';
import { openSqlite } from '../../database/sqlite.ts';
import { newId, withDashes } from '../../env/env.ts';
import { realEnv } from '../../env/real.ts';
import { briefRetention } from './brief-results.ts';
import { Jobs, jobRetention } from './jobs.ts';

const subject = { userId: 'user', projectId: 'project' };
const success = { status: 200, body: { done: true } };

describe('jobs', () => {
  let db: Database;
  let jobs: Jobs;
  /** Microseconds that have gone by beside the real ones. */
  let later = 0;
  const real = realEnv();
  const env = { ...real, now: () => real.now() + later };

  beforeEach(async () => {
    later = 0;
    db = await openSqlite(':memory:');
    jobs = new Jobs({ db, env });
  });
  afterEach(() => db.close());

  async function insertAction(id: string, requestId: string, finishedAt: number | null): Promise<void> {
    const now = env.now();
    const row = { id, kind: 'k', name: 'n', resource_type: 'image', resource_id: 'r', project_id: 'p', user_id: 'u' };
    const rest = {
      input: '{}',
      progress: 40,
      error: null,
      cancel_requested: 0,
      lease_owner: null,
      lease_expires_at: 0,
    };
    await db.write((tx) =>
      tx
        .insertInto('actions')
        .values({
          ...row,
          ...rest,
          cancel_requested: 0,
          request_id: requestId,
          state: finishedAt === null ? 'running' : 'succeeded',
          created_at: now,
          updated_at: now,
          finished_at: finishedAt,
        })
        .execute(),
    );
  }

  it('keep what they were begun with, their plan, and then their answer', async () => {
    const begun = await jobs.begin(subject, { operation: 'AddImage', webHook: 'http://x/' });
    expect(await jobs.find(begun.id)).toEqual({
      id: begun.id,
      operation: 'AddImage',
      userId: 'user',
      projectId: 'project',
      webHook: 'http://x/',
      createdAt: begun.createdAt,
    });
    await jobs.attach(begun.id, 'action', { uuid: 'image' });
    expect(await jobs.find(begun.id)).toMatchObject({ actionId: 'action', plan: { uuid: 'image' } });
    expect(await jobs.finish(begun.id, success)).toBe(true);
    expect(await jobs.find(begun.id)).toMatchObject({ result: success, finishedAt: expect.any(Number) });
  });

  it('have one answer: the first', async () => {
    const { id } = await jobs.begin(subject, { operation: 'x' });
    await jobs.finish(id, success);
    expect(await jobs.finish(id, { status: 503, body: {} })).toBe(false);
    expect(await jobs.find(id)).toMatchObject({ result: success });
  });

  it('have ids that are used once', async () => {
    const id = newId(env);
    await jobs.begin(subject, { id, operation: 'x' });
    await expect(jobs.begin(subject, { id, operation: 'y' })).rejects.toMatchObject({ code: 'duplicate' });
    expect(await jobs.find(id)).toMatchObject({ operation: 'x' });
  });

  it('are found by their request when nobody wrote their action down', async () => {
    const { id } = await jobs.begin(subject, { operation: 'x' });
    const requestId = `req-${withDashes(id)}`;
    expect(await jobs.actionOfRequest(requestId)).toBeUndefined();
    await insertAction('action', requestId, null);
    expect(await jobs.actionOfRequest(requestId)).toBe('action');
    expect(await jobs.progressOf('action')).toMatchObject({ name: 'n', percent: 40, spans: [] });
  });

  it('expire some time after their end, and not before', async () => {
    const done = await jobs.begin(subject, { operation: 'done' });
    await jobs.finish(done.id, success);
    const running = await jobs.begin(subject, { operation: 'running' });
    await insertAction('running', 'req-1', null);
    await jobs.attach(running.id, 'running', {});
    const lost = await jobs.begin(subject, { operation: 'lost' });
    expect(await jobs.sweep()).toBe(0);
    later = jobRetention * 1e6 + 1e6;
    expect(await jobs.find(done.id)).toBeUndefined();
    expect(await jobs.sweep()).toBe(2);
    expect(await jobs.find(running.id)).toMatchObject({ operation: 'running' });
    expect(await jobs.find(lost.id)).toBeUndefined();
    expect(await jobs.sweep()).toBe(0);
  });

  it('keep what is large and soon worthless apart, few of it and not for long', async () => {
    const picture = { imageData: 'x'.repeat(1000) };
    const ids: string[] = [];
    for (let made = 0; made < 7; made += 1) {
      const { id } = await jobs.begin(subject, { operation: 'TakeVmConsoleScreenshot' });
      expect(await jobs.finish(id, success, picture)).toBe(true);
      expect(await jobs.finish(id, success, picture)).toBe(false);
      ids.push(id);
      later += 1;
    }
    const { id: foreign } = await jobs.begin({ ...subject, projectId: 'other' }, { operation: 'Take' });
    await jobs.finish(foreign, success, picture);
    const resultOf = async (id: string) => await jobs.resultOf((await jobs.find(id))!);
    const whole = { status: 200, body: { done: true, ...picture } };
    expect(await Promise.all(ids.map(resultOf))).toEqual([undefined, undefined, ...Array(5).fill(whole)]);
    expect(await resultOf(foreign)).toEqual(whole);
    const rows = await db.read.selectFrom('jobs').select('result').execute();
    for (const { result } of rows) expect(result!.length).toBeLessThan(100);
    const kept = () => db.read.selectFrom('job_brief_results').select('job_id').execute();
    later += briefRetention;
    expect(await resultOf(ids[6]!)).toBeUndefined();
    expect(await kept()).toHaveLength(6);
    await jobs.sweep();
    expect(await kept()).toEqual([]);
    const { id: plain } = await jobs.begin(subject, { operation: 'AddImage' });
    await jobs.finish(plain, success);
    expect(await resultOf(plain)).toEqual(success);
  });
});
