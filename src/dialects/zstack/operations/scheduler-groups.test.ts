import { afterAll, beforeAll, expect, it, vi } from 'vitest';
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

const run = (method: 'POST' | 'PUT' | 'DELETE', path: string, body?: Body) =>
  zstack.run(method, path, body, alice.headers);
const query = (path: string) => zstack.query(path, alice.headers);
const made = (path: string, params: Body) => alice.made(path, params);
const group = (type: string, more: Body = {}) => made('/scheduler/jobgroups', { name: type, type, ...more });
const job = async (type: string, target: string) =>
  (await made('/scheduler/jobs', { name: type, type, targetResourceUuid: alice.own[target] }))['uuid'] as string;
const yearly = async () =>
  (await made('/scheduler/triggers', { name: 'y', schedulerType: 'cron', cron: '0 0 0 1 1 ?' }))['uuid'] as string;
const members = (uuid: unknown) => `/scheduler/jobgroups/${uuid}/job`;
const link = (uuid: unknown, trigger: string) => `/scheduler/jobgroups/${uuid}/scheduler/triggers/${trigger}`;

it('jobs are done together, and history and report know them as one', async () => {
  const snapshots = await group('volumeSnapshot', { parameters: { snapshotMaxNumber: '5' } });
  expect(snapshots).toMatchObject({ state: 'Enabled', jobData: '{"keep":5}', jobsUuid: [], triggersUuid: [] });
  const uuid = snapshots['uuid'] as string;
  const jobs = [await job('volumeSnapshot', 'volume'), await job('volumeSnapshot', 'rootVolume')];
  const added = await run('POST', members(uuid), { params: { schedulerJobUuids: jobs } });
  expect(added.json['inventories'], added.text).toHaveLength(2);
  expect(added.json['inventories']).toContainEqual(
    expect.objectContaining({ schedulerJobGroupUuid: uuid, schedulerJobUuid: jobs[1] }),
  );
  const trigger = await yearly();
  const linked = await made(link(uuid, trigger), { triggerNow: true });
  expect(linked).toMatchObject({ schedulerJobGroupUuid: uuid, schedulerTriggerUuid: trigger });
  const history = await vi.waitFor(async () => {
    const rows = await query(`/scheduler/job/history?q=schedulerJobGroupUuid=${uuid}&q=success=true`);
    expect(rows).toHaveLength(2);
    return rows;
  }, 60_000);
  expect(new Set(history.map(({ fireInstanceId }) => fireInstanceId)).size).toBe(1);
  const [shown] = await query(`/scheduler/jobgroups?q=job.volume.uuid=${alice.own['volume']}`);
  expect(shown).toMatchObject({ uuid, jobsUuid: expect.arrayContaining(jobs), triggersUuid: [trigger] });
  expect(await query(`/scheduler/triggers?q=jobGroup.uuid=${uuid}`)).toMatchObject([{ uuid: trigger }]);
  const report = await zstack.call(
    'GET',
    `/scheduler/report?startTime=${Date.now()}&intervalTimeUnit=Month&range=13&schedulerJobTypes=volumeSnapshot&schedulerJobTypes=vmBackup`,
    undefined,
    alice.headers,
  );
  const { successRecords, failureRecords, waitingRecords } = report.json as Record<string, number[]>;
  expect(successRecords![0], report.text).toBe(1);
  expect(failureRecords).toEqual(Array(13).fill(0));
  expect(waitingRecords!.filter((count) => count === 1)).toHaveLength(1);
  await run('DELETE', `${members(uuid)}?schedulerJobUuids=${jobs.join()}`);
  expect(await query(`/scheduler/jobs/${jobs[0]}`)).toMatchObject([{ state: 'Disabled' }]);
  expect(await query(`/scheduler/jobgroups/${uuid}`)).toMatchObject([{ jobsUuid: [] }]);
});

it('groups are changed, disabled, taken from their triggers and deleted', async () => {
  const { uuid } = await group('stopVm');
  const path = `/scheduler/jobgroups/${uuid}`;
  const changes = { name: 'later', state: 'Disabled' };
  const changed = await run('PUT', `${path}/actions`, { updateSchedulerJobGroup: changes });
  expect(changed.json['inventory'], changed.text).toMatchObject({ name: 'later', state: 'Disabled', jobData: '{}' });
  const trigger = await yearly();
  await made(link(uuid, trigger), {});
  expect(await run('DELETE', link(uuid, trigger))).toMatchObject({ status: 200, json: {} });
  expect(await query(path)).toMatchObject([{ triggersUuid: [] }]);
  for (let times = 0; times < 2; times += 1) {
    expect(await run('DELETE', path)).toMatchObject({ status: 200, json: {} });
  }
  expect(await query(path)).toEqual([]);
});

it('groups take what fits them', async () => {
  const { uuid } = await group('startVm');
  const add = (path: string, params: Body) => run('POST', path, { params });
  const stop = await job('stopVm', 'vm');
  const nobody = 'f'.repeat(32);
  const trigger = await yearly();
  await made(link(uuid, trigger), {});
  for (const [answer, code, details] of [
    [await add(members(uuid), { schedulerJobUuids: [stop] }), 'SYS.1007', '1 jobs have different job type'],
    [
      await add(members(uuid), { schedulerJobUuids: [nobody] }),
      'SYS.1003',
      `${nobody}, type:SchedulerJobVO] not found`,
    ],
    [await add(members(nobody), { schedulerJobUuids: [stop] }), 'SYS.1003', 'type:SchedulerJobGroupVO] not found'],
    [await add(members(uuid), { schedulerJobUuids: [] }), 'SYS.1007', 'schedulerJobUuids'],
    [await add(link(uuid, trigger), {}), 'SYS.1007', 'twice to the same trigger'],
    [await add(link(uuid, nobody), {}), 'SYS.1003', 'type:SchedulerTriggerVO] not found'],
    [await add('/scheduler/jobgroups', { name: 'x', type: 'vmBackup' }), 'SYS.1014', 'is not offered'],
  ] as const) {
    expect(answer, answer.text).toMatchObject(failing(code, details));
  }
  const report = (words: string) => zstack.call('GET', `/scheduler/report?${words}`, undefined, alice.headers);
  const rest = 'startTime=0&range=1&schedulerJobTypes=stopVm';
  expect(await report(`${rest}&intervalTimeUnit=Week`)).toMatchObject(failing('SYS.1007', 'intervalTimeUnit'));
  expect(await report(`${rest},explode&intervalTimeUnit=Day`)).toMatchObject(failing('SYS.1007', 'type[explode]'));
});
