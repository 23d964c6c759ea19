import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { SettledAccount } from '../settled-account.fixture.ts';
import { failing, TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

let zstack: TestZStack;
let alice: SettledAccount;
beforeAll(async () => {
  zstack = await TestZStack.start();
  alice = await SettledAccount.settle(zstack, 'alice');
});
afterAll(() => zstack.stop());

const run = (method: 'POST' | 'PUT' | 'DELETE', path: string, body?: Body, headers = alice.headers) =>
  zstack.run(method, path, body, headers);
const query = (path: string) => zstack.query(path, alice.headers);
const made = (path: string, params: Body) => alice.made(path, params);
const job = (type: string, targetResourceUuid: unknown, more: Body = {}) =>
  made('/scheduler/jobs', { name: type, type, targetResourceUuid, ...more });
const link = (jobUuid: unknown, triggerUuid: unknown) => `/scheduler/jobs/${jobUuid}/scheduler/triggers/${triggerUuid}`;

async function history(jobUuid: unknown, count: number): Promise<Body[]> {
  const path = `/scheduler/job/history?q=schedulerJobUuid=${jobUuid}&q=success not null&sort=-startTime`;
  return await vi.waitFor(async () => {
    const rows = await query(path.replaceAll(' ', '%20'));
    expect(rows).toHaveLength(count);
    return rows;
  }, 60_000);
}

describe('scheduled jobs', () => {
  it('are done at the times of their triggers, as Terraform and the SDKs make them', async () => {
    const { vm } = alice.own;
    const stop = await job('stopVm', vm);
    expect(stop).toMatchObject({
      ...{ state: 'Enabled', jobType: 'stopVm', targetResourceUuid: vm, triggersUuid: [], jobData: '{}' },
      jobClassName: 'org.zstack.scheduler.vm.StopVmInstanceJob',
    });
    const once = { name: 'now', schedulerType: 'simple', repeatCount: 1, startTime: 0 };
    const trigger = await made('/scheduler/triggers', once);
    expect(trigger).toMatchObject({ schedulerType: 'simple', repeatCount: 1, jobsUuid: [] });
    const linked = await made(link(stop['uuid'], trigger['uuid']), { triggerNow: false });
    expect(linked).toMatchObject({ schedulerJobUuid: stop['uuid'], schedulerTriggerUuid: trigger['uuid'] });
    expect(await history(stop['uuid'], 1)).toMatchObject([
      { success: true, jobType: 'stopVm', triggerUuid: trigger['uuid'], targetResourceUuid: vm },
    ]);
    expect(await query(`/vm-instances/${vm}`)).toMatchObject([{ state: 'Stopped' }]);
    expect(await query(`/scheduler/jobs?q=trigger.name=now`)).toMatchObject([
      { uuid: stop['uuid'], triggersUuid: [trigger['uuid']] },
    ]);
    expect(await query(`/scheduler/triggers?q=job.vmInstance.uuid=${vm}`)).toMatchObject([
      { uuid: trigger['uuid'], jobsUuid: [stop['uuid']] },
    ]);
  });

  it('say why they failed', async () => {
    const reboot = await job('rebootVm', alice.own['vm']);
    const daily = await made('/scheduler/triggers', { name: 'daily', schedulerType: 'cron', cron: '0 0 3 * * ?' });
    await made(link(reboot['uuid'], daily['uuid']), { triggerNow: true });
    expect(await history(reboot['uuid'], 1)).toMatchObject([
      { success: false, resultDump: expect.stringContaining('vm_state stopped') },
    ]);
  });

  it('keep as many snapshots as they are told to', async () => {
    const { volume } = alice.own;
    const snapshots = await job('volumeSnapshot', volume, { parameters: { snapshotMaxNumber: '1' } });
    const [before] = [await query(`/volume-snapshots?q=volumeUuid=${volume}`)];
    const yearly = await made('/scheduler/triggers', { name: 'yearly', schedulerType: 'cron', cron: '0 0 0 1 1 ?' });
    await made(link(snapshots['uuid'], yearly['uuid']), {});
    for (const count of [1, 2]) {
      const done = await run('PUT', `/scheduler/triggers/${yearly['uuid']}/actions`, { runSchedulerTrigger: {} });
      expect(done, done.text).toMatchObject({ status: 200, json: {} });
      await history(snapshots['uuid'], count);
    }
    const [newest] = await history(snapshots['uuid'], 2);
    await vi.waitFor(async () => {
      const kept = await query(`/volume-snapshots?q=volumeUuid=${volume}`);
      expect(kept).toHaveLength(before!.length + 1);
      expect(kept.map(({ uuid }) => uuid)).toContain(newest!['fireInstanceId']);
    }, 60_000);
  });

  it('are changed, disabled, taken from their triggers and deleted; their history stays', async () => {
    const start = await job('startVm', alice.own['vm'], { description: 'mornings' });
    const path = `/scheduler/jobs/${start['uuid']}`;
    const changed = await run('PUT', `${path}/actions`, { updateSchedulerJob: { name: 'dawn' } });
    expect(changed.json['inventory']).toMatchObject({ name: 'dawn', description: 'mornings' });
    const hourly = { name: 'hourly', schedulerType: 'simple', schedulerInterval: 3600, repeatCount: 3, startTime: 2e9 };
    const trigger = await made('/scheduler/triggers', hourly);
    expect(trigger['stopTime']).toBe('May 18, 2033 6:33:20 AM');
    const never = { schedulerInterval: 2 ** 31 - 1, repeatCount: 2 ** 31 - 1, startTime: 2e9 };
    const endless = await made('/scheduler/triggers', { name: 'endless', schedulerType: 'simple', ...never });
    expect(endless).not.toHaveProperty('stopTime');
    await run('DELETE', `/scheduler/triggers/${endless['uuid']}`);
    await made(link(start['uuid'], trigger['uuid']), { triggerNow: true });
    await history(start['uuid'], 1);
    const state = (stateEvent: string) =>
      run('PUT', `/schedulers/${start['uuid']}`, { changeSchedulerState: { stateEvent } });
    expect((await state('disable')).json['inventory']).toMatchObject({ state: 'Disabled' });
    expect((await state('enable')).json['inventory']).toMatchObject({ state: 'Enabled' });
    const times = { schedulerType: 'cron', cron: '0 0 5 ? * 2-6' };
    const retimed = await run('PUT', `/scheduler/triggers/${trigger['uuid']}/actions`, {
      updateSchedulerTrigger: times,
    });
    expect(retimed.json['inventory'], retimed.text).toMatchObject({ ...times, name: 'hourly' });
    const free = async () =>
      (await zstack.call('GET', '/scheduler/jobs/candidates', undefined, alice.headers)).json['inventories'] as Body[];
    expect((await free()).map(({ uuid }) => uuid)).not.toContain(start['uuid']);
    expect(await run('DELETE', link(start['uuid'], trigger['uuid']))).toMatchObject({ status: 200, json: {} });
    expect((await free()).map(({ uuid }) => uuid)).toContain(start['uuid']);
    for (const one of [path, `/scheduler/triggers/${trigger['uuid']}`, path]) {
      expect(await run('DELETE', one)).toMatchObject({ status: 200, json: {} });
    }
    expect(await query(path)).toEqual([]);
    expect(await history(start['uuid'], 1)).toHaveLength(1);
  });

  it('tell which triggers are not over', async () => {
    await made('/scheduler/triggers', { name: 'brief', schedulerType: 'simple', repeatCount: 1, startTime: 2e9 });
    const { json } = await zstack.call('GET', '/scheduler/triggers/available', undefined, alice.headers);
    expect((json['inventories'] as Body[]).map(({ name }) => name)).toContain('brief');
  });

  it.each([
    ['jobs', { type: 'volumeBackup' }, 'SYS.1014', 'the type[volumeBackup] is not offered'],
    ['jobs', { type: 'explode' }, 'SYS.1007', 'type'],
    ['jobs', { type: 'stopVm', targetResourceUuid: 'f'.repeat(32) }, 'SYS.1003', 'type:VmInstanceVO] not found'],
    ['jobs', { type: 'volumeSnapshot' }, 'SYS.1003', 'type:VolumeVO] not found'],
    ['jobs', { type: 'stopVm', parameters: { snapshotMaxNumber: 'many' } }, 'SYS.1007', 'must be 1 to 1000'],
    ['triggers', { schedulerType: 'simple' }, 'SYS.1007', 'startTime must be set'],
    [
      'triggers',
      { schedulerType: 'simple', startTime: 0, repeatCount: 2 },
      'SYS.1007',
      'schedulerInterval must be set',
    ],
    ['triggers', { schedulerType: 'simple', startTime: 5, repeatCount: 1 }, 'SYS.1007', 'stopTime has been passed'],
    ['triggers', { schedulerType: 'cron' }, 'SYS.1007', 'cron must be set'],
    ['triggers', { schedulerType: 'cron', cron: '0 3 * * *' }, 'SYS.1007', 'must follow format'],
    [
      'triggers',
      { schedulerType: 'cron', cron: '0 0 3 * * ?', repeatCount: 3 },
      'SYS.1007',
      'only need to specify cron',
    ],
  ])('%s can not be %j', async (what, params, code, details) => {
    const body = { params: { name: 'x', targetResourceUuid: alice.own['vm'], ...params } };
    expect(await run('POST', `/scheduler/${what}`, body)).toMatchObject(failing(code, details));
  });

  it('are of the account alone', async () => {
    const bob = { authorization: `OAuth ${await zstack.newAccount('bob')}` };
    const { vm, schedulerJob, schedulerTrigger } = alice.own;
    const params = { name: 'x', type: 'stopVm', targetResourceUuid: vm };
    expect(await run('POST', '/scheduler/jobs', { params }, bob)).toMatchObject(failing('SYS.1003', 'VmInstanceVO'));
    const run1 = { runSchedulerTrigger: {} };
    expect(await run('PUT', `/scheduler/triggers/${schedulerTrigger}/actions`, run1, bob)).toMatchObject(
      failing('SYS.1003', 'type:SchedulerTriggerVO] not found'),
    );
    expect(await run('POST', link(schedulerJob, schedulerTrigger), { params: {} }, bob)).toMatchObject(
      failing('SYS.1003', 'field[schedulerJobUuid]'),
    );
  });
});
