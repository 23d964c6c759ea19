import { afterAll, beforeAll, expect, it } from 'vitest';
import { createPostgresDatabase, eachDatabase } from '../../../../tests/support/postgres.ts';
import { SettledAccount } from '../settled-account.fixture.ts';
import { TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

eachDatabase('what was done, is done, and is to be done', (_open, kind) => {
  let zstack: TestZStack;
  let alice: SettledAccount;

  beforeAll(async () => {
    zstack = await TestZStack.start(kind === 'postgres' ? { database: await createPostgresDatabase() } : {});
    alice = await SettledAccount.settle(zstack, 'alice');
  });
  afterAll(() => zstack.stop());

  it('is told of events, with the request that asked for them', async () => {
    const { vm } = alice.own;
    const stop = { stopVmInstance: { type: 'cold' } };
    const { headers } = await zstack.run('PUT', `/vm-instances/${vm}/actions`, stop, alice.headers);
    const own = await zstack.query(`/eventlogs?q=resourceUuid=${vm}&sort=-time&limit=1`, alice.headers);
    expect(own).toMatchObject([
      {
        content: 'compute_stop_instance: Success',
        resourceType: 'VmInstanceVO',
        category: 'server.stop',
        trackingId: headers['x-job-uuid'],
        type: 'Info',
      },
    ]);
    expect(Date.now() - Number(own[0]!['time'])).toBeLessThan(600_000);
    const bob = { authorization: `OAuth ${await zstack.newAccount('bob')}` };
    expect(await zstack.query('/eventlogs', bob)).toEqual([]);
  });

  it('is told of queues, to administrators', async () => {
    const { vm } = alice.own;
    const { db } = zstack.cloud;
    const [done] = await db.read.selectFrom('actions').selectAll().where('kind', '=', 'server.stop').execute();
    const now = zstack.cloud.env.now();
    // As others would have left them: this process does not walk what another one holds.
    const held = { lease_owner: 'another', lease_expires_at: now + 3_600_000_000, finished_at: null };
    await db.write(async (tx) => {
      const rows = [
        { ...done!, ...held, id: 'a'.repeat(32), state: 'running' as const, created_at: now - 9_000_000 },
        { ...done!, ...held, id: 'b'.repeat(32), state: 'pending' as const, created_at: now - 5_000_000 },
      ];
      await tx.insertInto('actions').values(rows).execute();
    });
    const signature = `my-queue-${vm}`;
    const { json } = await zstack.call('GET', `/core/task-details?syncSignatures=${signature}`);
    const { runningTask, pendingTask } = (json['results'] as Record<string, Record<string, Body[]>>)[signature]!;
    expect(runningTask).toMatchObject([{ name: 'stop', className: 'server.stop', index: 0 }]);
    expect(pendingTask).toMatchObject([{ name: 'stop', index: 1 }]);
    expect(Number(pendingTask![0]!['pendingTime'])).toBeGreaterThanOrEqual(5);
    expect(pendingTask![0]).not.toHaveProperty('executionTime');
    const all = await zstack.call('GET', '/core/task-details');
    expect(Object.keys(all.json['results'] as Body)).toContain(`VmInstance-${vm}`);
    const none = await zstack.call('GET', `/core/task-details?syncSignatures=x-${'0'.repeat(32)}`);
    expect(none.json['results']).toEqual({ [`x-${'0'.repeat(32)}`]: { runningTask: [], pendingTask: [] } });
    const { json: refused } = await zstack.call('GET', '/core/task-details', undefined, alice.headers);
    expect(refused).toMatchObject({ error: { code: 'ID.1002' } });
    await db.write((tx) =>
      tx
        .deleteFrom('actions')
        .where('id', 'in', ['a'.repeat(32), 'b'.repeat(32)])
        .execute(),
    );
  });

  it('is told of disks that are still to be removed', async () => {
    const { rootVolume } = alice.own;
    const { db, env } = zstack.cloud;
    const [disk] = await db.read.selectFrom('disks').selectAll().where('volume_id', '=', rootVolume!).execute();
    const tombstone = { ...disk!, id: 'd'.repeat(32), released_at: env.now() };
    await db.write((tx) => tx.insertInto('disks').values(tombstone).execute());
    const [job] = await zstack.query('/gc-jobs?q=name~=gc-disk-d%25');
    expect(job).toMatchObject({ uuid: tombstone.id, status: 'Idle', type: 'TimeBasedGarbageCollector' });
    expect(JSON.parse(String(job!['context']))).toEqual({ hostUuid: disk!.host_id, volumeUuid: rootVolume });
    expect((await zstack.call('GET', '/gc-jobs', undefined, alice.headers)).json).toMatchObject({
      error: { code: 'ID.1002' },
    });
    await db.write((tx) => tx.deleteFrom('disks').where('id', '=', tombstone.id).execute());
  });

  it('finds the interfaces that an EIP can be for', async () => {
    const { eip, nic, vm, vip, l3Network } = alice.own;
    const candidates = async (query = '', of = eip) =>
      (await zstack.call('GET', `/eips/${of}/vm-instances/candidate-nics${query}`, undefined, alice.headers)).json;
    expect(await candidates()).toEqual({ inventories: [], start: 0, more: false });
    const free = { params: { l3NetworkUuid: l3Network } };
    const { json } = await zstack.run('POST', '/nics', free, alice.headers);
    const other = (json['inventory'] as Body)['uuid'];
    expect(await candidates(`?vipUuid=${vip}`)).toMatchObject({ inventories: [] });
    await zstack.run('DELETE', `/eips/${eip}/vm-instances/nics`, undefined, alice.headers);
    expect(await candidates()).toMatchObject({ inventories: [{ uuid: nic }], start: 1, more: false });
    expect(await candidates(`?vmUuid=${vm}&vmName=alic`)).toMatchObject({ inventories: [{ uuid: nic }] });
    expect(await candidates('?vmName=nobody')).toMatchObject({ inventories: [] });
    expect(await candidates('?attachedToVm=false')).toMatchObject({ inventories: [{ uuid: other }] });
    expect(await candidates('', '0'.repeat(32))).toMatchObject({ error: { code: 'SYS.1003' } });
  });
});
