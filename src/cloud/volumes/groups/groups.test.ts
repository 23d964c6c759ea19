import { afterAll, beforeAll, expect, test } from 'vitest';
import { eachDatabase } from '../../../../tests/support/postgres.ts';
import { StorageCloud } from '../test-cloud.ts';
import type { VolumeGroups } from './volume-groups.ts';

const gib = 2 ** 30;

eachDatabase('groups of volumes', (_open, kind) => {
  let storage: StorageCloud;
  let groups: VolumeGroups;
  let type: string;

  beforeAll(async () => {
    storage = await StorageCloud.start({ database: kind });
    groups = storage.cloud.blockStorage.groups;
    type = (await groups.types.create(storage.admin, { name: 'plain' })).id;
  });
  afterAll(() => storage.stop());

  const newGroup = () => groups.create(storage.member, { groupType: type, volumeTypes: ['local'] });
  const newVolume = async (groupId?: string) => {
    const { volume, actionId } = await storage.cloud.blockStorage.create(storage.member, { size: gib, groupId });
    expect(await storage.ended(actionId)).toBe('succeeded');
    return volume.id;
  };

  test('a volume that two groups ask for at once is in one of them', async () => {
    const [one, other, volume] = [await newGroup(), await newGroup(), await newVolume()];
    const add = (id: string) => groups.update(storage.member, id, { add: [volume], remove: [] });
    const results = await Promise.allSettled([add(one.id), add(other.id)]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const members = [await groups.get(storage.member, one.id), await groups.get(storage.member, other.id)];
    expect(members.flatMap(({ volumeIds }) => volumeIds)).toEqual([volume]);
  });

  test('what can not be added leaves the group as it was', async () => {
    const group = await newGroup();
    const [inside, outside] = [await newVolume(group.id), await newVolume()];
    const change = { name: 'new', add: [outside, inside], remove: [] };
    await expect(groups.update(storage.member, group.id, change)).rejects.toMatchObject({ code: 'invalid' });
    expect(await groups.get(storage.member, group.id)).toMatchObject({ name: null, volumeIds: [inside] });
    const update = groups.update(storage.stranger, group.id, { add: [], remove: [inside] });
    await expect(update).rejects.toMatchObject({ code: 'not_found' });
  });

  test('a group that is copied and deleted leaves nothing behind', async () => {
    const group = await newGroup();
    await newVolume(group.id);
    const snapshot = await groups.snapshots.create(storage.member, { groupId: group.id, name: 'nightly' });
    await expect.poll(async () => (await groups.snapshots.get(storage.member, snapshot.id)).status).toBe('available');
    const copy = await groups.createFrom(storage.member, { source: { groupSnapshotId: snapshot.id } });
    await expect.poll(async () => (await groups.get(storage.member, copy.id)).status).toBe('available');
    await groups.snapshots.delete(storage.member, snapshot.id);
    const { read } = storage.cloud.db;
    const left = () => read.selectFrom('volume_snapshots').select('id').where('deleted_at', 'is', null).execute();
    await expect.poll(left).toEqual([]);
    for (const { id } of [copy, group]) await groups.delete(storage.member, id, { withVolumes: true });
    const members = read.selectFrom('volume_group_members').selectAll().where('group_id', 'in', [copy.id, group.id]);
    expect(await members.execute()).toEqual([]);
    expect(await read.selectFrom('volume_group_snapshot_members').selectAll().execute()).toEqual([]);
    expect((await groups.list(storage.member)).map(({ id }) => id)).not.toContain(copy.id);
  });
});
