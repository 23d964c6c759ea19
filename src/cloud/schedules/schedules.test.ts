import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { auditCloud, isSound } from '../audit/audit.ts';
import { StorageCloud } from '../volumes/test-cloud.ts';
import type { ScheduledKind, ScheduleParameters } from './model.ts';
import { firingOf } from './take-up.ts';
import { scheduleWorker } from './work.ts';

describe('jobs at set times', () => {
  let test: StorageCloud;
  beforeAll(async () => {
    test = await StorageCloud.start();
  });
  afterAll(() => test.stop());

  async function done(kind: ScheduledKind, targetId: string, parameters: ScheduleParameters = {}) {
    const { schedules } = test.cloud;
    const jobId = await schedules.createJob(test.member, { name: kind, kind, targetId, parameters });
    const trigger = { name: 'once', kind: 'simple', repeatCount: 1 } as const;
    await schedules.link(test.member, jobId, await schedules.createTrigger(test.member, trigger));
    return { jobId, firing: await ended(jobId, 1) };
  }

  /** The newest firing, once there are so many and all have ended. */
  async function ended(jobId: string, count: number) {
    const query = test.cloud.db.read.selectFrom('schedule_firings').selectAll().where('job_id', '=', jobId);
    return await vi.waitFor(async () => {
      const rows = await query.orderBy('due_at', 'desc').execute();
      expect(rows.filter(({ finished_at }) => finished_at !== null)).toHaveLength(count);
      return rows[0]!;
    }, 60_000);
  }

  it('stop, start and reboot a server; where it is so already, there is nothing to do', async () => {
    const { id } = await test.server();
    const state = async () => (await test.cloud.servers.get(test.member, id)).vmState;
    expect((await done('server.stop', id)).firing).toMatchObject({ state: 'succeeded', action_id: expect.any(String) });
    expect(await state()).toBe('stopped');
    expect((await done('server.stop', id)).firing).toMatchObject({ state: 'succeeded', action_id: null });
    const refused = (await done('server.reboot', id)).firing;
    expect(refused).toMatchObject({ state: 'failed', error: expect.stringContaining('vm_state stopped') });
    expect((await done('server.start', id)).firing).toMatchObject({ state: 'succeeded' });
    expect(await state()).toBe('active');
    expect((await done('server.reboot', id)).firing).toMatchObject({ state: 'succeeded' });
  });

  it('make snapshots, of which the newest ones stay', async () => {
    const { id } = await test.volume();
    const { jobId, firing } = await done('volume.snapshot', id, { keep: 2 });
    expect(firing).toMatchObject({ state: 'succeeded' });
    const [trigger] = await test.cloud.db.read
      .selectFrom('schedule_links')
      .select('trigger_id')
      .where('job_id', '=', jobId)
      .execute();
    for (const count of [2, 3]) {
      await test.cloud.schedules.run(test.member, trigger!.trigger_id);
      await ended(jobId, count);
    }
    const kept = () =>
      test.cloud.db.read
        .selectFrom('volume_snapshots')
        .select('id')
        .where('volume_id', '=', id)
        .where('deleted_at', 'is', null)
        .execute();
    await vi.waitFor(async () => expect(await kept()).toHaveLength(2), 60_000);
    expect((await kept()).map((one) => one.id)).not.toContain(firing.id);
  });

  it('keep as many snapshots as they should, also of those made long ago, and one that can not go keeps no others', async () => {
    const { id } = await test.volume();
    const { blockStorage, db, schedules } = test.cloud;
    const { jobId } = await done('volume.snapshot', id, { keep: 1 });
    const kept = async () =>
      (await db.read.selectFrom('volume_snapshots').selectAll().where('volume_id', '=', id).execute()).filter(
        ({ deleted_at }) => deleted_at === null,
      );
    const { trigger_id: triggerId } = await db.read
      .selectFrom('schedule_links')
      .select('trigger_id')
      .where('job_id', '=', jobId)
      .executeTakeFirstOrThrow();
    const firings = db.read.selectFrom('schedule_firings').select('id').where('job_id', '=', jobId);
    const held = vi.spyOn(blockStorage, 'deleteSnapshot').mockRejectedValue(new Error('it is held'));
    for (const count of [2, 3]) {
      await schedules.run(test.member, triggerId);
      await ended(jobId, count);
    }
    expect(await kept()).toHaveLength(3);
    await db.write((tx) =>
      tx.updateTable('schedule_firings').set({ finished_at: 1 }).where('job_id', '=', jobId).execute(),
    );
    await schedules.sweep();
    expect(await firings.execute()).toHaveLength(3);
    held.mockRestore();
    vi.spyOn(blockStorage, 'deleteSnapshot').mockRejectedValueOnce(new Error('it is held'));
    await schedules.run(test.member, triggerId);
    await ended(jobId, 4);
    // The newest, and the one that was held.
    await vi.waitFor(async () => expect(await kept()).toHaveLength(2), 60_000);
    vi.restoreAllMocks();
  });

  it('make snapshots of all disks of a server', async () => {
    const server = await test.server();
    const { firing } = await done('server.snapshot', server.rootVolumeId!, { keep: 1 });
    expect(firing, String(firing.error)).toMatchObject({ state: 'succeeded' });
    expect(await test.cloud.servers.snapshotGroups.members(test.member, firing.id)).toHaveLength(1);
    expect(isSound(await auditCloud(test.cloud))).toBe(true);
  });

  it('are begun once, also by a process that does not know what the one before it has done', async () => {
    const { id } = await test.volume();
    const { projectId, userId } = test.member;
    const now = test.cloud.env.now();
    const job = { id: 'j', project_id: projectId!, user_id: userId, name: '', description: null, enabled: 1 } as const;
    const kind = { kind: 'volume.snapshot', target_id: id, parameters: '{}', created_at: now, updated_at: now };
    const firing = firingOf('c0ffee00c0ffee00c0ffee00c0ffee00', { ...job, ...kind }, 't', { dueAt: now, now });
    const first = await scheduleWorker(test.cloud).begin(firing);
    expect(await scheduleWorker(test.cloud).begin(firing)).toEqual(first);
    expect(await test.ended(first.actionId)).toBe('succeeded');
    expect(await scheduleWorker(test.cloud).begin(firing)).toEqual(first);
  });

  it('are only for what its project has', async () => {
    const { id } = await test.server();
    const stop = { name: 'stop', kind: 'server.stop', targetId: id } as const;
    await expect(test.cloud.schedules.createJob(test.stranger, stop)).rejects.toMatchObject({ code: 'not_found' });
    // What an administrator asks for belongs to whose server it is.
    const jobId = await test.cloud.schedules.createJob(test.admin, stop);
    expect(await test.cloud.schedules.job(test.member, jobId)).toMatchObject({ projectId: test.member.projectId });
  });

  it('end with their project, also what somebody gets who still asks for it', async () => {
    const { identity, schedules, db } = test.cloud;
    const project = await identity.projects.create(test.admin, { name: 'brief' });
    const own = { ...test.member, projectId: project.id };
    const makeAll = async () => {
      await schedules.createTrigger(own, { name: 't', kind: 'cron', cron: '0 0 3 * * ?' });
      await schedules.groups.create(own, { name: 'g', kind: 'server.stop' });
    };
    const left = async () => {
      const rows = [];
      for (const table of ['schedule_jobs', 'schedule_triggers', 'schedule_groups'] as const) {
        rows.push(...(await db.read.selectFrom(table).select('id').where('project_id', '=', project.id).execute()));
      }
      return rows.length;
    };
    await makeAll();
    const jobs = await db.read.selectFrom('schedule_jobs').select('id').execute();
    await identity.projects.delete(test.admin, project.id);
    expect(await left()).toBe(0);
    await makeAll();
    expect(await left()).toBe(2);
    await schedules.sweep();
    expect(await left()).toBe(0);
    expect(await db.read.selectFrom('schedule_jobs').select('id').execute()).toEqual(jobs);
  });
});
