import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { auditCloud } from '../../../cloud/audit/audit.ts';
import { ImageFiles } from '../image-files.fixture.ts';
import { SettledAccount } from '../settled-account.fixture.ts';
import { TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

let test: TestZStack;
let alice: SettledAccount;
let files: ImageFiles;
let store: string;

beforeAll(async () => {
  test = await TestZStack.start();
  files = await ImageFiles.start();
  alice = await SettledAccount.settle(test, 'alice');
  store = String((await test.query('/backup-storage'))[0]!['uuid']);
});
afterAll(async () => {
  await test.stop();
  await files.stop();
});

async function submit(jobName: string, data: Body, headers = alice.headers): Promise<string> {
  const params = { name: 'job', jobName, jobData: JSON.stringify(data) };
  const { json, text } = await test.run('POST', '/longjobs', { params }, headers);
  if (!json['inventory']) throw new Error(text);
  return String((json['inventory'] as Body)['uuid']);
}

const act = (uuid: string, body: Body, headers = alice.headers) =>
  test.run('PUT', `/longjobs/${uuid}/actions`, body, headers);
const shown = async (uuid: string) => (await test.query(`/longjobs/${uuid}`))[0]!;

async function ended(uuid: string): Promise<Body> {
  const states = /Succeeded|Failed|Canceled/;
  await vi.waitFor(async () => expect((await shown(uuid))['state']).toMatch(states), { timeout: 60_000, interval: 10 });
  await test.cloud.runner.idle();
  return shown(uuid);
}

/** What accounts have that long jobs can make, by name. */
async function things(): Promise<Body> {
  const all: Body = {};
  for (const path of ['/images', '/volumes', '/vm-instances', '/volume-snapshots', '/vm-instances/nics']) {
    all[path] = (await test.query(`${path}?fields=uuid`)).map(({ uuid }) => uuid).toSorted();
  }
  return all;
}

const violations = async () => (await auditCloud(test.cloud)).filter(({ level }) => level === 'violation');

describe('a long job that is cancelled', () => {
  it('while its bytes still come ends as Canceled, says why by SYS.1017, and can be run again', async () => {
    const before = await things();
    const data = { name: 'slow', url: files.url('slow.qcow2'), backupStorageUuids: [store] };
    const uuid = await submit('APIAddImageMsg', data, {});
    expect((await act(uuid, { cleanLongJob: {} }, {})).json['error']).toMatchObject({ code: 'SYS.1006' });
    expect((await test.run('DELETE', `/longjobs/${uuid}`)).json['error']).toMatchObject({ code: 'SYS.1006' });
    const { json } = await act(uuid, { cancelLongJob: {} }, {});
    expect((json['inventory'] as Body)['state']).toMatch(/Cancel(ing|ed)/);
    const job = await ended(uuid);
    expect(job['state']).toBe('Canceled');
    const { error } = JSON.parse(String(job['jobResult'])) as { error: Body };
    // The operation's own words, and the cause of all below them.
    expect(error).toMatchObject({ code: 'SYS.1002', cause: { code: 'BS.1000', cause: { code: 'SYS.1017' } } });
    expect(await things()).toEqual(before);
    expect(await violations()).toEqual([]);
    expect((await act(uuid, { cancelLongJob: {} }, {})).json['error']).toMatchObject({
      code: 'SYS.1006',
      details: expect.stringContaining('its state is Canceled'),
    });
    expect(await act(uuid, { cleanLongJob: {} }, {})).toMatchObject({ status: 200, json: {} });
    expect((await act(uuid, { resumeLongJob: {} }, {})).json['error']).toMatchObject({ code: 'SYS.1006' });
    files.release();
    expect((await act(uuid, { rerunLongJob: {} }, {})).json['inventory']).toMatchObject({ state: 'Running' });
    const again = await ended(uuid);
    expect(again).toMatchObject({ state: 'Succeeded' });
    expect(await test.query('/images?q=name=slow')).toMatchObject([{ uuid: again['targetResourceUuid'] }]);
  });

  it('leaves nothing behind, whenever it is', async () => {
    const volume = alice.own['volume']!;
    const jobs: Array<[string, Body]> = [
      ['APICreateRootVolumeTemplateFromRootVolumeMsg', { name: 'x', rootVolumeUuid: alice.own['rootVolume'] }],
      ['APICreateDataVolumeTemplateFromVolumeMsg', { name: 'x', volumeUuid: volume, backupStorageUuids: [store] }],
      ['APICreateDataVolumeMsg', { name: 'x', diskSize: 2 ** 30 }],
      ['APICreateVolumeSnapshotMsg', { name: 'x', volumeUuid: volume }],
    ];
    const before = await things();
    const states = new Set<unknown>();
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...jobs), fc.nat(60), async ([jobName, data], turns) => {
        const uuid = await submit(jobName, data);
        for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
        await act(uuid, { cancelLongJob: {} });
        const { state, jobResult } = await ended(uuid);
        states.add(state);
        if (state === 'Succeeded') {
          const { inventory } = JSON.parse(String(jobResult)) as { inventory: Body };
          await undo(jobName, String(inventory['uuid']));
        }
        expect(await things(), `${jobName} ${String(state)}`).toEqual(before);
        expect(await violations(), `${jobName} ${String(state)}`).toEqual([]);
      }),
      { numRuns: 12 },
    );
    expect([...states].filter((state) => state !== 'Succeeded' && state !== 'Canceled')).toEqual([]);
  });

  /** Takes away what a job made that was quicker than its cancellation. */
  async function undo(jobName: string, uuid: string): Promise<void> {
    const path = jobName.includes('Snapshot')
      ? 'volume-snapshots'
      : jobName.includes('Template')
        ? 'images'
        : 'volumes';
    await test.run('DELETE', `/${path}/${uuid}`, undefined, alice.headers);
    if (path === 'images') await test.run('PUT', `/images/${uuid}/actions`, { expungeImage: {} }, alice.headers);
    await test.cloud.runner.idle();
  }

  it('takes no other work on the same resource along', async () => {
    const volume = alice.own['volume']!;
    const headers = { ...alice.headers, prefer: 'wait=0' };
    const uuid = await submit('APICreateVolumeSnapshotMsg', { name: 'first', volumeUuid: volume });
    const path = `/volumes/${volume}/volume-snapshots`;
    const other = await test.run('POST', path, { params: { name: 'second' } }, headers);
    await act(uuid, { cancelLongJob: {} });
    await ended(uuid);
    expect(other.json['inventory']).toMatchObject({ name: 'second', status: 'Ready' });
  });

  it('is renamed without being touched', async () => {
    const uuid = await submit('APICreateDataVolumeMsg', { name: 'y', diskSize: 2 ** 30 });
    expect((await act(uuid, { updateLongJob: { name: 'other', description: 'd' } })).json['inventory']).toMatchObject({
      name: 'other',
      description: 'd',
    });
    expect(await ended(uuid)).toMatchObject({ state: 'Succeeded', name: 'other' });
  });
});
