import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SettledAccount } from '../settled-account.fixture.ts';
import { TestZStack } from '../zstack.fixture.ts';

let zstack: TestZStack;
let alice: SettledAccount;
beforeAll(async () => {
  zstack = await TestZStack.start();
  alice = await SettledAccount.settle(zstack, 'alice');
});
afterAll(async () => {
  await zstack?.stop();
});

describe('primary storage', () => {
  it('says how much room there is: as much as its inventories say', async () => {
    const shown = await zstack.query('/primary-storage');
    const sum = (name: string) => shown.reduce((total, one) => total + Number(one[name]), 0);
    const capacity = async (query: string, headers?: Record<string, string>) =>
      (await zstack.call('GET', `/primary-storage/capacities?${query}`, undefined, headers)).json;
    const all = await capacity('all=true');
    expect(all).toMatchObject({
      totalCapacity: sum('totalCapacity'),
      availableCapacity: sum('availableCapacity'),
      totalPhysicalCapacity: sum('totalPhysicalCapacity'),
    });
    expect(Number(all['availableCapacity'])).toBeLessThan(Number(all['totalCapacity']));
    const [one] = shown;
    expect(await capacity(`zoneUuids=${one!['zoneUuid']}`)).toMatchObject({ totalCapacity: all['totalCapacity'] });
    expect(await capacity(`primaryStorageUuids=${alice.own['vm']}`)).toMatchObject({ totalCapacity: 0 });
    expect(await capacity('all=true', alice.headers)).toMatchObject({ totalCapacity: all['totalCapacity'] });
  });

  it('lists the images that hosts keep, to administrators', async () => {
    const path = `/primary-storage/imagecache?q=imageUuid=${alice.own['image']}`;
    expect(await zstack.query(path)).toMatchObject([
      { imageUuid: alice.own['image'], mediaType: 'RootVolumeTemplate', state: 'ready', size: expect.any(Number) },
    ]);
    const { json } = await zstack.call('GET', path, undefined, alice.headers);
    expect(json).toMatchObject({ error: { code: 'ID.1002' } });
  });
});
